"""Workers of a fleet in processes of their own, against an emulator in another one."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from cometrunway import CallbackReceiver, Entry, JournalReader, PollPolicy, Shot
from cometrunway._journal._place import PostgresUrl, place_of
from cometrunway.fleet import Fleet
from cometrunway.fleet._engine import make_tables
from tests.emulator_process import EmulatorProcess
from tests.postgres import Server


def new_fleet(server: Server, *, lease: float) -> str:
    """Return the URL of a new fleet."""
    dsn = server.journal(lease=lease)
    place = place_of(dsn)
    assert isinstance(place, PostgresUrl)
    make_tables(place)
    return dsn


def worker(emulator: EmulatorProcess, dsn: str, folder: Path, *options: str) -> "subprocess.Popen[bytes]":
    """Start a worker."""
    command = ["-m", "cometrunway", "worker", "--dsn", dsn, "--output-dir", str(folder / "out")]
    with (folder / "workers.log").open("a") as log:
        return emulator.client(*command, "--polls-per-second", "50", *options, stderr=log)


def worker_with_callbacks(
    emulator: EmulatorProcess, dsn: str, folder: Path, public_url: str
) -> "subprocess.Popen[bytes]":
    """Start a worker whose callbacks are posted to another process."""
    with (folder / "workers.log").open("a") as log:
        return emulator.client("-m", "tests.fleet.workers", dsn, str(folder / "out"), public_url, stderr=log)


async def work(dsn: str, folder: str, public_url: str) -> None:
    """Be a worker until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    receiver = CallbackReceiver(public_url)
    async with Fleet(dsn).working(output_dir=folder, callbacks=receiver, poll=PollPolicy(per_second=50)):
        await stopped.wait()


async def queue(dsn: str, shots: list[Shot]) -> None:
    """Queue shots."""
    async with Fleet(dsn) as fleet:
        for shot in shots:
            assert await fleet.submit(shot.request, key=shot.key)


def entries(dsn: str) -> dict[str, Entry]:
    """Return what the journal has."""
    with JournalReader(dsn) as journal:
        return {entry.key: entry for entry in journal.entries()}


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 120) -> None:
    """Wait for something that other processes do."""
    end = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < end, "it took too long"
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
