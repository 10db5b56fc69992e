"""Real processes, killed with SIGKILL: what was paid for is never forgotten, and never bought twice in silence.

COMETRUNWAY_KILLS sets how many kills at random moments there are; `nox -s kills` runs the long form.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.request import urlopen

import pytest

from cometrunway import Entry, Journal
from cometrunway._wire._encode import encode
from cometrunway.emulator import digest_of
from tests.batch_process import shots

KILLS = int(os.environ.get("COMETRUNWAY_KILLS", "12"))
SIGKILLED = -9
ROOT = Path(__file__).parent.parent


class Server:
    """An emulator in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        self.base_url = ready["base_url"]
        self.environment = {**os.environ, "COMETRUNWAY_BASE_URL": self.base_url, "COMETAPI_KEY": ready["api_key"]}

    def books(self) -> Any:
        """Return its ledger."""
        with urlopen(f"{self.base_url}/__emulator__/ledger") as answer:  # noqa: S310 - our own process
            return json.load(answer)

    def batch(self, folder: Path, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start the batch process."""
        command = [sys.executable, "-m", "tests.batch_process", str(folder), *arguments]
        return subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL)


@pytest.fixture
def server() -> Iterator[Server]:
    """An emulator whose creates take a while, so that many of them are cut short."""
    command = [sys.executable, "-m", "cometrunway", "emulator", "--median", "0.6", "--not-exist", "0.2"]
    with subprocess.Popen([*command, "--fault", "create:slow/0.1=1"], stdout=subprocess.PIPE, text=True) as process:
        yield Server(process)
        process.terminate()


def check(server: Server, folder: Path, count: int, *, billed_before: int = 0) -> int:
    """Hold the journal against the emulator's books; return how many tasks were billed in all."""
    books = server.books()
    entries = {entry.key: entry for entry in Journal.read(folder / "shots.db")}
    assert len(entries) == count
    assert books["creates"]["billed_twice"] == books["creates"]["repeats"] == 0
    billed = books["entries"][billed_before:]
    by_digest = {task["digest"]: task for task in billed}
    for shot in shots(folder, count):
        entry = entries[shot.key]
        task = by_digest.pop(digest_of(json.loads(encode(shot.request).body or b"")), None)
        if entry.is_in_doubt:
            continue  # reported, and for the user to decide
        assert task is not None
        assert entry.task_id == task["id"]
        assert entry.state.value == "delivered"
        check_files(entry)
    assert not by_digest, "every billed task belongs to a shot"
    assert not list(folder.glob("out/*.part"))
    return len(books["entries"])


def check_files(entry: Entry) -> None:
    """A delivered file is whole."""
    for asset in entry.assets:
        assert asset.path is not None
        assert hashlib.sha256(asset.path.read_bytes()).hexdigest() == asset.sha256


def run_to_the_end(server: Server, folder: Path, rng: Random, kills: int) -> int:
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


def test_kills_at_random_moments(server: Server, tmp_path: Path) -> None:
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
def test_a_kill_around_every_commit(server: Server, tmp_path: Path, moment: str) -> None:
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
