"""Sessions in real processes: what a signal, a rolling restart and a fork leave behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Journal, State
from cometrunway.emulator import Emulator
from tests.lifetime_process import TASKS

ROOT = Path(__file__).parent.parent


class Process:
    """A process of `tests.lifetime_process`."""

    def __init__(self, emulator: Emulator, how: str, folder: Path) -> None:
        environment = {**os.environ, "COMETRUNWAY_BASE_URL": emulator.base_url, "COMETAPI_KEY": emulator.api_key}
        environment.pop("PYTHONDEVMODE", None)  # asyncio would tell of each turn that takes long
        command = [sys.executable, "-m", "tests.lifetime_process", how, str(folder)]
        self.popen = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def said(self, word: str) -> list[str]:
        """Return what follows a word, once the process has said that."""
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            if line.startswith(word):
                return line.split()[1:]
        raise AssertionError(f"it ended without a word of {word}: {self.popen.communicate()[1]}")

    def stop(self, number: int) -> tuple[float, str]:
        """Send a signal; return how long the process took to end, and what it wrote to standard error."""
        began = time.monotonic()
        self.popen.send_signal(number)
        _, written = self.popen.communicate(timeout=30)
        return time.monotonic() - began, written


@pytest.fixture
def emulator() -> Iterator[Any]:
    """An emulator in a thread, whose tasks do not end by themselves."""
    with Emulator.in_thread(duration=10_000, not_exist_seconds=0) as emulator:
        yield emulator


def test_a_worker_is_gone_soon_and_the_next_one_takes_its_tasks_up(emulator: Emulator, tmp_path: Path) -> None:
    """Within 3 seconds of SIGTERM, with 500 tasks in flight; the next process resumes all, and buys none again."""
    first = Process(emulator, "worker", tmp_path)
    assert first.said("ready") == [str(TASKS)]
    seconds, errors = first.stop(signal.SIGTERM)
    print(f"{TASKS} tasks in flight: gone {seconds:.2f} s after SIGTERM")
    assert (first.popen.returncode, errors) == (0, "")
    assert seconds < 3
    owed = {entry.task_id for entry in Journal.read(tmp_path / "shots.db")}
    assert owed == set(emulator.tasks)
    second = Process(emulator, "worker", tmp_path)
    assert second.said("ready") == [str(TASKS)]
    for task in list(emulator.tasks.values()):
        task.completed_at = task.created_at
    until = time.monotonic() + 60
    while not all(entry.state is State.DELIVERED for entry in Journal.read(tmp_path / "shots.db")):
        assert time.monotonic() < until
        time.sleep(0.5)
    second.stop(signal.SIGTERM)
    assert emulator.creates.received == TASKS


def test_a_rolling_restart_waits_for_the_journal(emulator: Emulator, tmp_path: Path) -> None:
    """The next process is started before the last one leaves, and opens its session once the journal is free."""
    first = Process(emulator, "worker", tmp_path)
    first.said("ready")
    second = Process(emulator, "worker", tmp_path)
    second.said("opening")
    with pytest.raises(subprocess.TimeoutExpired):
        second.popen.wait(0.5)
    assert Journal.holder(tmp_path / "shots.db") == first.popen.pid
    first.popen.send_signal(signal.SIGTERM)
    left, opened = float(first.said("closed")[0]), float(second.said("open")[0])
    print(f"opened {opened - left:.2f} s after the other was closed")
    first.popen.communicate(timeout=30)
    assert second.said("ready") == [str(TASKS)]
    second.stop(signal.SIGTERM)
    assert emulator.creates.received == TASKS


def test_ctrl_c_of_a_script_says_what_is_owed(emulator: Emulator, tmp_path: Path) -> None:
    """Without a journal the tokens are on standard error, in what Python shows of the KeyboardInterrupt."""
    process = Process(emulator, "script", tmp_path)
    [token] = process.said("ready")
    _, written = process.stop(signal.SIGINT)
    assert process.popen.returncode == -signal.SIGINT
    assert token in written
    assert written.rstrip().endswith("KeyboardInterrupt")


def test_a_fork_is_told_to_open_a_session_of_its_own(emulator: Emulator, tmp_path: Path) -> None:
    """And the parent's session goes on."""
    process = Process(emulator, "forks", tmp_path)
    said, written = process.popen.communicate(timeout=30)
    told, parent = said.splitlines()
    assert "Open a Session in each process, after the fork" in told
    assert (parent, written) == ("parent 0", "")


def test_a_session_made_before_a_fork_is_opened_after_it(emulator: Emulator, tmp_path: Path) -> None:
    """As a server with a preloaded application does: each process has its own connections."""
    process = Process(emulator, "preloads", tmp_path)
    said, written = process.popen.communicate(timeout=30)
    assert (said.split(), written) == (["submitted", "submitted"], "")
    assert emulator.creates.accepted == 2
