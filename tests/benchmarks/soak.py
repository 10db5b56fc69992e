"""One session under load for a long time: `python -m tests.benchmarks.soak --help`, or `nox -s soak`.

An emulator with faults runs in another process. The client submits so many tasks per second, each of which takes so
long that the wanted number is in flight. Of four tasks two are awaited, one loses its handle at once, and of one the
waiter is cancelled; files are removed when they are downloaded. Each minute one line of JSON has what the process
holds. At the end the first and the last third of the minutes after the warm-up are compared.
"""

import argparse
import asyncio
import gc
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import fmean, median, quantiles
from typing import Any

from attrs import asdict, define, field, frozen

from cometrunway import CometRunwayError, Event, EventKind, ImageToVideo, PollPolicy, Session
from cometrunway.emulator import Emulator, Faults, Uniform
from cometrunway.emulator import serve as serve_emulator
from tests.benchmarks import machine

FAULTS = (
    *("create:lost=0.0005", "create:502=0.0005", "poll:500=0.01", "poll:502=0.01", "poll:504=0.01"),
    *("poll:drop=0.01", "poll:reset=0.01", "poll:html=0.005", "asset:cut=0.01", "asset:unframed=0.01"),
    *("asset:short=0.01", "asset:502=0.02", "asset:reset=0.01"),
)
_TICK = 0.02
_MOST_GROWTH = 5e6
_MOST_SUBMITTING = 500
"""A machine that is too slow for the rate gets no queue that grows."""
_ROLLUP = Path("/proc/self/smaps_rollup")
_logger = logging.getLogger(__name__)


@frozen(kw_only=True)
class Sample:
    """What the process held at a moment, and how late its event loop was since the sample before."""

    seconds: float
    """Since the start."""
    submitted: int
    ended: int
    in_flight: int
    private_bytes: int
    objects: int
    """That the garbage collector knows."""
    descriptors: int
    threads: int
    asyncio_tasks: int
    lag_p50: float
    lag_p99: float
    lag_most: float


@define
class Load:
    """Submits, and lets go."""

    per_second: float
    submitted: int = 0
    outcomes: Counter[str] = field(factory=Counter)
    _running: set[asyncio.Task[None]] = field(factory=set)
    _submitting: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(_MOST_SUBMITTING))

    def on_event(self, event: Event) -> None:
        """Count the ends, and remove the files of those that have some."""
        if event.kind.is_final:
            self.outcomes[event.kind] += 1
        if event.kind is EventKind.DOWNLOADED:
            for asset in event.assets:
                assert asset.path is not None
                asset.path.unlink()

    @property
    def ended(self) -> int:
        """How many submissions have ended."""
        return self.outcomes.total()

    async def submit_for_ever(self, runway: Session) -> None:
        """Submit at the rate, or as fast as the session lets."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            await asyncio.sleep(max(0.0, began + self.submitted / self.per_second - loop.time()))
            await self._submitting.acquire()
            running = loop.create_task(self._one(runway, self.submitted))
            self._running.add(running)
            running.add_done_callback(self._running.discard)
            self.submitted += 1

    async def _one(self, runway: Session, number: int) -> None:
        request = ImageToVideo(prompt_image="https://example.com/cat.jpg", prompt_text=f"number {number}")
        with suppress(CometRunwayError, TimeoutError):
            try:
                handle = await runway.submit(request, key=f"shot-{number}")
            finally:
                self._submitting.release()
            if number % 4 == 0:
                return
            async with asyncio.timeout(5.0 if number % 4 == 1 else None):
                await handle


class Lag:
    """Measures how late the event loop runs what is due."""

    def __init__(self) -> None:
        self._late: list[float] = []

    async def measure_for_ever(self) -> None:
        """Sleep for a moment again and again."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _TICK
            await asyncio.sleep(_TICK)
            self._late.append(loop.time() - due)

    def taken(self) -> dict[str, float]:
        """Return the figures since the last call, in seconds."""
        late, self._late = self._late, []
        hundredths = quantiles(late, n=100)
        return {"lag_p50": hundredths[49], "lag_p99": hundredths[98], "lag_most": max(late)}


def sample(load: Load, lag: Lag, runway: Session, began: float) -> Sample:
    """Look at the process; collects garbage before, so that only what is held is counted."""
    figures = lag.taken()
    gc.collect()
    return Sample(
        seconds=round(time.monotonic() - began, 1),
        submitted=load.submitted,
        ended=load.ended,
        in_flight=len(runway.owed),
        private_bytes=_private_bytes(),
        objects=_objects(),
        descriptors=len(list(Path("/dev/fd").iterdir())),
        threads=threading.active_count(),
        asyncio_tasks=len(asyncio.all_tasks()),
        **{name: round(seconds, 5) for name, seconds in figures.items()},
    )


def _objects() -> int:
    """Count the objects in a copy of the process: the list of them has megabytes, and would widen this one's heap."""
    if not hasattr(os, "fork"):
        return len(gc.get_objects())
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writes, str(len(gc.get_objects())).encode())
        finally:
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as pipe:
        counted = int(pipe.read())
    os.waitpid(child, 0)
    return counted


def _private_bytes() -> int:
    if not _ROLLUP.exists():
        return machine.memory()
    lines = _ROLLUP.read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))


async def soak(arguments: argparse.Namespace, served: dict[str, str], folder: Path) -> dict[str, Any]:
    """Run the load; return what was found."""
    load, lag, samples = Load(arguments.per_second), Lag(), list[Sample]()
    session = Session(
        served["api_key"],
        base_url=served["base_url"],
        output_dir=folder / "out",
        journal=folder / "shots.db",
        poll=PollPolicy(first=0.6 * arguments.longest, floor=min(30.0, 0.08 * arguments.longest), per_second=5000),
        max_in_flight=2 * arguments.in_flight,
        close_wait=arguments.longest * 3,
        on_event=load.on_event,
    )
    began = time.monotonic()
    async with session as runway:
        others = [asyncio.ensure_future(load.submit_for_ever(runway)), asyncio.ensure_future(lag.measure_for_ever())]
        while time.monotonic() - began < arguments.seconds:
            await asyncio.sleep(arguments.every)
            samples.append(sample(load, lag, runway, began))
            print(json.dumps(asdict(samples[-1])), flush=True)
            if done := [each for each in others if each.done()]:
                done[0].result()
        for other in others:
            other.cancel()
        await asyncio.wait(others)
    steady = [each for each in samples if each.seconds >= arguments.warm_up]
    return {**verdict(steady), "outcomes": dict(load.outcomes), "submitted": load.submitted}


def verdict(steady: list[Sample]) -> dict[str, Any]:
    """Compare the first and the last third of the samples."""
    third = max(1, len(steady) // 3)
    first, last = steady[:third], steady[-third:]

    def grown(name: str) -> float:
        before, after = (median(float(getattr(each, name)) for each in part) for part in (first, last))
        return after - before

    counted = ("objects", "descriptors", "threads", "asyncio_tasks", "in_flight")
    seconds = steady[-1].seconds - steady[0].seconds
    return {
        "minutes": round(seconds / 60, 1),
        "per_second": round((steady[-1].ended - steady[0].ended) / max(seconds, 1e-9), 1),
        "in_flight": round(fmean(each.in_flight for each in steady)),
        "grown_bytes": grown("private_bytes"),
        "grown": {
            name: f"{grown(name):+.0f} of {median(getattr(each, name) for each in first):.0f}" for name in counted
        },
        "lag_p99": [round(median(each.lag_p99 for each in part), 4) for part in (first, last)],
        "is_flat": grown("private_bytes") < _MOST_GROWTH and abs(grown("objects")) < 0.02 * first[0].objects,
    }


async def serve(shortest: float, longest: float) -> None:
    """Be the emulator, in a process of its own."""
    emulator = Emulator(
        duration=Uniform(low=shortest, high=longest), not_exist_seconds=0.5, faults=Faults.parse(*FAULTS), log_limit=1
    )
    await serve_emulator(emulator)


@contextmanager
def served(arguments: argparse.Namespace) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    """Run the emulator."""
    lengths = [f"--shortest={arguments.shortest}", f"--longest={arguments.longest}"]
    command = [sys.executable, "-m", "tests.benchmarks.soak", "--serve", *lengths]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.terminate()


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1500, help="how long it takes")
    parser.add_argument("--warm-up", type=float, default=300, help="seconds of it that are not judged")
    parser.add_argument("--per-second", type=float, default=200, help="tasks in and out")
    parser.add_argument("--in-flight", type=int, default=10_000, help="tasks; with the rate it says how long they take")
    parser.add_argument("--every", type=float, default=60, help="seconds from one sample to the next")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--shortest", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--longest", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.serve:
        takes = arguments.in_flight / arguments.per_second
        arguments.shortest, arguments.longest = 0.75 * takes, 1.25 * takes
    return arguments


def main() -> int:
    """Run it, and print what was found."""
    arguments = parsed()
    if arguments.serve:
        asyncio.run(serve(arguments.shortest, arguments.longest))
        return 0
    with tempfile.TemporaryDirectory() as folder, served(arguments) as (process, told):
        found = asyncio.run(soak(arguments, told, Path(folder)))
        status = Path(f"/proc/{process.pid}/status")
        books = machine.asked(told["base_url"], "/__emulator__/ledger")["creates"]
        held = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmRSS")]
    print(json.dumps({**found, "creates": books, "emulator_kib": held}, indent=1))
    is_right = books["billed_twice"] == books["repeats"] == 0
    return 0 if found["is_flat"] and is_right else 1


if __name__ == "__main__":
    sys.exit(main())
