"""Real processes, killed with SIGKILL: what was paid for is never forgotten, and never bought twice in silence.

COMETRUNWAY_KILLS sets how many kills at random moments there are; `nox -s kills` runs the long form.
"""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from cometrunway import Entry, Journal
from tests.emulator_process import EmulatorProcess, check_books, running_emulator

KILLS = int(os.environ.get("COMETRUNWAY_KILLS", "12"))
SIGKILLED = -9


@pytest.fixture
def server() -> Iterator[EmulatorProcess]:
    """An emulator whose creates take a while, so that many of them are cut short."""
    with running_emulator() as running:
        yield running


def test_a_test_that_fails_leaves_no_process() -> None:
    """Nor does it wait for one: the emulator ends, and with it all that use it."""
    with pytest.raises(ZeroDivisionError), running_emulator() as emulator:
        client = emulator.client("-c", "import time; time.sleep(3600)")
        raise ZeroDivisionError
    assert client.returncode == SIGKILLED


def check(server: EmulatorProcess, folder: Path, count: int, *, billed_before: int = 0) -> int:
    """Hold the journal against the emulator's books; return how many tasks were billed in all."""
    books = server.books()
    entries = {entry.key: entry for entry in Journal.read(folder / "shots.db")}
    check_books(books, entries, folder, count, billed_before=billed_before)
    for entry in entries.values():
        check_files(entry)
    assert not list(folder.glob("out/*.part"))
    return len(books["entries"])


def check_files(entry: Entry) -> None:
    """A delivered file is whole."""
    for asset in entry.assets:
        assert asset.path is not None
        assert hashlib.sha256(asset.path.read_bytes()).hexdigest() == asset.sha256


def run_to_the_end(server: EmulatorProcess, folder: Path, rng: Random, kills: int) -> int:
    """Run a batch of 60, killed at random up to so many times; return how often it was."""
    killed = 0
    while True:
        with server.batch(folder, "60") as process:
            try:
                # A range that reaches from the first import to the last download.
                status = process.wait(rng.uniform(0.3, 2.5) if killed < kills else 60)
            except subprocess.TimeoutExpired:
                process.kill()
                status = process.wait()
        if status != SIGKILLED:
            assert status == 0
            return killed
        killed += 1


def test_kills_at_random_moments(server: EmulatorProcess, tmp_path: Path) -> None:
    """Batches of 60 shots, killed at random and started again, lose nothing and pay for each shot once."""
    rng, kills, billed, in_doubt, batches = Random(KILLS), 0, 0, 0, 0
    while kills < KILLS:
        batches += 1
        folder = tmp_path / f"batch-{batches}"
        folder.mkdir()
        kills += run_to_the_end(server, folder, rng, KILLS - kills)
        billed = check(server, folder, 60, billed_before=billed)
        in_doubt += sum(entry.is_in_doubt for entry in Journal.read(folder / "shots.db"))
    print(f"{kills} kills, {60 * batches} shots: {billed} tasks billed, {in_doubt} in doubt, 0 lost, 0 bought twice")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_around_every_commit(server: EmulatorProcess, tmp_path: Path, moment: str) -> None:
    """Whichever of the journal's commits is the last thing that happens, or does not: the books agree."""
    billed, commit, status = 0, 0, SIGKILLED
    while status == SIGKILLED:
        commit += 1
        folder = tmp_path / f"{moment}-{commit}"
        folder.mkdir()
        status = server.batch(folder, "3", f"{moment}:{commit}").wait(60)
        assert status == 0 or (status == SIGKILLED and server.batch(folder, "3").wait(60) == 0)
        billed = check(server, folder, 3, billed_before=billed)
    assert commit > 5, "the batch makes several commits"
