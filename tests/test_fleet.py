"""Real processes that share one journal in a real PostgreSQL: each shot is bought by one of them, and found by all.

COMETRUNWAY_KILLS sets how many kills there are; `nox -s fleet` brings the server.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from cometrunway import Entry, JournalReader, State, errors
from tests.batch_process import JOURNAL
from tests.emulator_process import EmulatorProcess, check_books, running_emulator
from tests.postgres import VARIABLE, Server

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")
KILLS = int(os.environ.get("COMETRUNWAY_KILLS", "6"))
PROCESSES, SHOTS = 3, 60
LEASE = 2


@pytest.fixture
def emulator(postgres: Server) -> Iterator[EmulatorProcess]:
    """An emulator; the batches against it share one journal."""
    with running_emulator(create_seconds=0.5) as running:
        running.environment[JOURNAL] = postgres.journal(lease=LEASE)
        yield running


def entries(emulator: EmulatorProcess) -> dict[str, Entry]:
    """Return what the journal has, once its server answers."""
    while True:
        with suppress(errors.JournalUnavailableError), JournalReader(emulator.environment[JOURNAL]) as journal:
            return {entry.key: entry for entry in journal.entries()}


def started(emulator: EmulatorProcess, folder: Path) -> "list[subprocess.Popen[bytes]]":
    """Start some processes that all have the same shots."""
    return [emulator.batch(folder, str(SHOTS)) for _ in range(PROCESSES)]


def ended(processes: "list[subprocess.Popen[bytes]]") -> list[int]:
    """Wait for processes, and return their statuses."""
    return [process.wait(180) for process in processes]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    while not condition():
        time.sleep(0.05)


def test_each_shot_is_bought_by_one_process_and_found_by_all(emulator: EmulatorProcess, tmp_path: Path) -> None:
    """Three processes with the same 60 shots: 60 creates, and each process ends with all files; one polls each task."""
    assert ended(started(emulator, tmp_path)) == [0] * PROCESSES
    books, found = emulator.books(), entries(emulator)
    check_books(books, found, tmp_path, SHOTS)
    assert books["creates"]["accepted"] == SHOTS
    assert len(list(tmp_path.glob("out/*.mp4"))) == SHOTS
    alone = tmp_path / "alone"
    alone.mkdir()
    before = emulator.polls()
    emulator.environment.pop(JOURNAL)
    assert emulator.batch(alone, str(SHOTS)).wait(180) == 0
    by_one = emulator.polls() - before
    print(f"polls: {before} by three processes, {by_one} by one")
    assert before < 1.5 * by_one


def test_a_killed_process_loses_nothing(emulator: EmulatorProcess, postgres: Server, tmp_path: Path) -> None:
    """A random one is killed again and again: what is paid for or in doubt is all there is, and nothing twice."""
    rng, kills, billed, in_doubt, batches = Random(KILLS), 0, 0, 0, 0
    while kills < KILLS:
        batches += 1
        folder = tmp_path / f"batch-{batches}"
        folder.mkdir()
        emulator.environment[JOURNAL] = postgres.journal(lease=LEASE)
        processes = started(emulator, folder)
        while kills < KILLS and is_submitting(emulator):
            time.sleep(rng.uniform(0, 0.5))
            place = rng.randrange(PROCESSES)
            processes[place].kill()
            processes[place].wait()
            processes[place] = emulator.batch(folder, str(SHOTS))
            kills += 1
        assert ended(processes) == [0] * PROCESSES
        books, found = emulator.books(), entries(emulator)
        check_books(books, found, folder, SHOTS, billed_before=billed)
        billed = len(books["entries"])
        in_doubt += sum(entry.is_in_doubt for entry in found.values())
    print(f"{kills} kills, {SHOTS * batches} shots: {billed} billed, {in_doubt} in doubt, 0 lost, 0 twice")


def is_submitting(emulator: EmulatorProcess) -> bool:
    """Wait until a create is under way; False once there is none left."""
    while True:
        found = entries(emulator)
        if any(entry.state is State.SUBMITTING for entry in found.values()):
            return True
        if len(found) == SHOTS:
            return False
        time.sleep(0.05)


def test_a_server_that_restarts_is_waited_for(emulator: EmulatorProcess, postgres: Server, tmp_path: Path) -> None:
    """It crashes twice in mid-run: every shot is bought once, none is in doubt, and no process ends with an error."""
    processes = started(emulator, tmp_path)
    for submitted in (SHOTS // 4, SHOTS // 2):
        wait_until(lambda wanted=submitted: len(entries(emulator)) >= wanted)  # type: ignore[misc]  # mypy knows no defaults of lambdas
        postgres.stop("immediate")
        postgres.start()
    assert ended(processes) == [0] * PROCESSES
    books, found = emulator.books(), entries(emulator)
    check_books(books, found, tmp_path, SHOTS)
    assert books["creates"]["accepted"] == SHOTS
    assert not any(entry.is_in_doubt for entry in found.values())
