"""An emulator, relays in front of its origins that can be killed or stopped, and a client in a process of its own."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from cometrunway import Journal
from cometrunway.emulator import Emulator
from tests.emulator_process import ROOT, check_books

SHOTS = 40
Process = subprocess.Popen[str]


class Relay:
    """A relay in a process of its own, always on the same port."""

    def __init__(self, url: str, *, delay: float = 0.0, bytes_per_second: float = float("inf")) -> None:
        self._target = [str(urlsplit(url).port), str(delay), str(bytes_per_second)]
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, again after it was killed."""
        command = [sys.executable, "-m", "tests.real_faults.relay", str(self.port), *self._target]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """Kill it, and all of its connections with it."""
        self._process.kill()
        self._process.communicate()

    def stall(self, seconds: float) -> None:
        """Stop it for so long; the system still accepts connections for it."""
        paused(self._process, seconds)


@frozen
class Relays:
    """The relays before both origins."""

    api: Relay
    assets: Relay

    def environment(self, emulator: Emulator, *, host: str = "127.0.0.1") -> dict[str, str]:
        """Return what leads a client through the relays."""
        base_url = f"http://{host}:{self.api.port}"
        return {**os.environ, "COMETRUNWAY_BASE_URL": base_url, "COMETAPI_KEY": emulator.api_key, "PYTHONDEVMODE": ""}


@contextmanager
def running_emulator() -> Iterator[Emulator]:
    """Run an emulator whose tasks take a second or two; its state outlives the relays."""
    with Emulator.in_thread(duration=1.5, not_exist_seconds=0.3) as emulator:
        yield emulator


@contextmanager
def behind_relays(emulator: Emulator, *, delay: float = 0.0, slow_files: bool = False) -> Iterator[Relays]:
    """Put relays in front of the emulator; files come at 100 kB per second and connection, if that is asked for."""
    with ExitStack() as stack:
        api = Relay(emulator.base_url, delay=delay)
        stack.callback(api.kill)
        assets = Relay(emulator.asset_url, delay=delay, bytes_per_second=1e5 if slow_files else float("inf"))
        stack.callback(assets.kill)
        emulator._signer.base_url = assets.url  # URLs of files lead through the relay
        yield Relays(api, assets)


def client(folder: Path | str, count: int | str, environment: dict[str, str]) -> Process:
    """Start the client."""
    command = [sys.executable, "-m", "tests.real_faults.client", str(folder), str(count)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)


def said(process: Process, word: str) -> None:
    """Wait until the client has said this."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == word:
            return
    raise AssertionError(f"it ended and never said {word}: {process.communicate()[1]}")


def paused(process: Process, seconds: float) -> None:
    """Stop a process, as a machine that sleeps does, and let it go on."""
    process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.send_signal(signal.SIGCONT)


def check(folder: Path, books: Any, told: str, errors: str, *, may_doubt: bool, count: int = SHOTS) -> None:
    """Hold the journal, the files and what the client tells of itself against the emulator's books."""
    entries = {entry.key: entry for entry in Journal.read(folder / "shots.db")}
    check_books(books, entries, folder, count)
    assert {task["outcome"] for task in books["entries"]} == {"SUCCEEDED"}
    in_doubt = {key for key, entry in entries.items() if entry.is_in_doubt}
    assert may_doubt or not in_doubt
    for entry in entries.values():
        for asset in entry.assets:
            assert asset.path is not None
            assert hashlib.sha256(asset.path.read_bytes()).hexdigest() == asset.sha256
    assert len(list((folder / "out").iterdir())) == count - len(in_doubt)
    found = json.loads(told.splitlines()[-1])
    assert found["errors"].keys() == in_doubt, found["errors"]
    assert found["left"] == {}
    assert "Traceback" not in errors
