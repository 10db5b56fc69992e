"""An emulator in a process of its own, and batches that run against it in processes of theirs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from cometrunway import Entry
from cometrunway._wire._encode import encode
from cometrunway.emulator import digest_of
from tests.batch_process import shots

ROOT = Path(__file__).parent.parent


class EmulatorProcess:
    """A running emulator."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        self.base_url = ready["base_url"]
        self.environment = {**os.environ, "COMETRUNWAY_BASE_URL": self.base_url, "COMETAPI_KEY": ready["api_key"]}
        self._clients: list[subprocess.Popen[bytes]] = []

    def books(self) -> Any:
        """Return its ledger."""
        return self._page("ledger")

    def polls(self) -> int:
        """Return how many polls came."""
        return sum(count for name, count in self._page("requests")["counts"].items() if "poll" in name)

    def _page(self, name: str) -> Any:
        with urlopen(f"{self.base_url}/__emulator__/{name}") as answer:  # noqa: S310 - our own process
            return json.load(answer)

    def batch(self, folder: Path, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start the batch process."""
        return self.client("-m", "tests.batch_process", str(folder), *arguments, stdout=subprocess.DEVNULL)

    def client(self, *arguments: str, **streams: Any) -> "subprocess.Popen[bytes]":
        """Start a Python process that uses the emulator, and that ends with it at the latest."""
        process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=self.environment, **streams)
        self._clients.append(process)
        return process

    def kill_clients(self) -> None:
        """End the processes that a failed test has left."""
        for process in self._clients:
            process.kill()
            process.wait()


@contextmanager
def running_emulator(*, create_seconds: float = 0.1, median: float = 0.6) -> Iterator[EmulatorProcess]:
    """Run an emulator whose creates take a while, so that many of them are cut short."""
    command = [sys.executable, "-m", "cometrunway", "emulator", "--median", str(median), "--not-exist", "0.2"]
    with subprocess.Popen(
        [*command, "--fault", f"create:slow/{create_seconds}=1"], stdout=subprocess.PIPE, text=True
    ) as process:
        emulator = EmulatorProcess(process)
        try:
            yield emulator
        finally:  # else the end of this block would wait for it without limit
            emulator.kill_clients()
            process.terminate()


def check_books(books: Any, entries: dict[str, Entry], folder: Path, count: int, *, billed_before: int = 0) -> None:
    """Hold a journal against the emulator's books: nothing is lost, nothing bought twice, and every doubt is told."""
    assert len(entries) == count
    assert books["creates"]["billed_twice"] == books["creates"]["repeats"] == 0
    by_digest = {task["digest"]: task for task in books["entries"][billed_before:]}
    for shot in shots(folder, count):
        entry = entries[shot.key]
        task = by_digest.pop(digest_of(json.loads(encode(shot.request).body or b"")), None)
        if entry.is_in_doubt:
            continue  # reported, and for the user to decide
        assert task is not None
        assert entry.task_id == task["id"]
        assert entry.state.value == "delivered"
    assert not by_digest, "every billed task belongs to a shot"
