"""The command on a terminal: a pseudo-terminal is its standard error, and a person its reader."""

import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.served import COMMAND, served_by_emulator

CAT = "https://example.com/cat.jpg"


class Terminal:
    """A running command whose standard error is a terminal of 100 columns."""

    def __init__(self, *arguments: str, folder: Path, **environment: str) -> None:
        self._screen, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=folder,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        self.shown = ""

    def read_until(self, pattern: str) -> str:
        """Read what is shown until it matches; fail where the command ends without."""
        while not re.search(pattern, self.shown):
            chunk = self._chunk()
            assert chunk, f"never showed {pattern!r}: {self.shown[-2000:]}"
            self.shown += chunk
        return self.shown

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Read to the end; return the exit status and all that standard output got."""
        while chunk := self._chunk():
            self.shown += chunk
        os.close(self._screen)
        output, _ = self.process.communicate(timeout=30)
        return self.process.returncode, output.decode()

    def _chunk(self) -> str:
        try:
            return os.read(self._screen, 65536).decode("utf-8", "replace")
        except OSError:  # what Linux says when no process has the terminal open any more
            return ""


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """An emulator in a process of its own; yields the environment that points at it."""
    with served_by_emulator("--median", "3", "--sigma", "0.1", "--not-exist", "0.2") as served:
        yield served


def batch(folder: Path, *, number: int, prompt: str = "") -> str:
    """Write a batch of so many shots."""
    shots: list[dict[str, Any]] = [
        {"route": "image_to_video", "key": f"shot-{n}", "promptImage": CAT, "promptText": f"{n} {prompt}"}
        for n in range(number)
    ]
    (folder / "shots.jsonl").write_text("\n".join(map(json.dumps, shots)))
    return "shots.jsonl"


def test_a_terminal_shows_a_live_board(environment: dict[str, str], tmp_path: Path) -> None:
    """The bar, the counts and a running shot are drawn, and standard output holds nothing of them."""
    terminal = Terminal("run", batch(tmp_path, number=5), folder=tmp_path, **environment)
    terminal.read_until("5 running")
    terminal.read_until("shot-0")
    status, output = terminal.end()
    assert status == 0
    assert "5/5" in terminal.shown
    assert "\x1b" not in output
    assert "━" not in output


def test_the_first_ctrl_c_waits_for_what_is_paid_for(environment: dict[str, str], tmp_path: Path) -> None:
    """It ends the submitting, says how many are owed and what the next one does; all that was bought comes home."""
    name = batch(tmp_path, number=20)
    options = ("--max-in-flight", "4", "--journal", "shots.db")
    terminal = Terminal("run", name, *options, folder=tmp_path, **environment)
    terminal.read_until("4 running")
    terminal.interrupt()
    terminal.read_until("Ctrl-C again")
    status, output = terminal.end()
    assert status == 130
    assert "waiting for 4 tasks" in terminal.shown
    assert len(list((tmp_path / "outputs").iterdir())) == 4
    assert "4 of 20 shots delivered" in output


def test_the_second_ctrl_c_leaves_at_once(environment: dict[str, str], tmp_path: Path) -> None:
    """It ends the command within seconds, without a traceback, and the journal knows what is owed."""
    name = batch(tmp_path, number=20, prompt="[seconds 100]")
    options = ("--max-in-flight", "4", "--journal", "shots.db")
    terminal = Terminal("run", name, *options, folder=tmp_path, **environment)
    terminal.read_until("4 running")
    terminal.interrupt()
    terminal.read_until("Ctrl-C again")
    began = time.monotonic()
    terminal.interrupt()
    status, _ = terminal.end()
    assert time.monotonic() - began < 5
    assert status == 130
    assert "Traceback" not in terminal.shown
    assert "4 are paid for and not on disk, 16 never sent" in terminal.shown
    counts = subprocess.run(
        [*COMMAND, "status", "shots.db", "--json"], cwd=tmp_path, capture_output=True, check=True
    ).stdout
    assert json.loads(counts)["owed"] == 4


def test_logs_do_not_tear_the_board(environment: dict[str, str], tmp_path: Path) -> None:
    """With --debug each line of the log stands whole, at the beginning of a line of its own."""
    name = batch(tmp_path, number=4, prompt="[fail INTERNAL]")
    terminal = Terminal("run", name, "--debug", folder=tmp_path, **environment)
    status, _ = terminal.end()
    assert status == 1
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.shown)
    logged = [line for line in re.split(r"[\r\n]+", plain) if "cometrunway._polling._scheduler:" in line]
    assert len(logged) == 4
    assert all(line.startswith("cometrunway._polling._scheduler: task") for line in logged)


@pytest.mark.parametrize(("variable", "is_coloured"), [({"NO_COLOR": "1"}, False), ({}, True)])
def test_no_color_is_honoured(
    variable: dict[str, str], is_coloured: bool, environment: dict[str, str], tmp_path: Path
) -> None:
    """With NO_COLOR nothing is coloured; without it failures are."""
    terminal = Terminal(
        "run", batch(tmp_path, number=1, prompt="[fail INTERNAL]"), folder=tmp_path, **environment, **variable
    )
    terminal.end()
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]", terminal.shown)) == is_coloured


def test_a_dumb_terminal_gets_lines(environment: dict[str, str], tmp_path: Path) -> None:
    """A terminal that cannot move its cursor is written to like a file."""
    terminal = Terminal("run", batch(tmp_path, number=1), folder=tmp_path, **{**environment, "TERM": "dumb"})
    status, _ = terminal.end()
    assert status == 0
    assert "[1/1] shot-0 delivered" in terminal.shown
    assert "\x1b" not in terminal.shown
