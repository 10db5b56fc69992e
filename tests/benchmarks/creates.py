"""What one create costs, and how soon a batch is submitted: `python -m tests.benchmarks.creates --help`.

Each create is measured beside a bare POST with aiohttp of the same bytes, in turn, with 64 under way at any time, at a
server that answers at once: what differs is what the client does for each. CPU is the user time of the process.
A batch is submitted by `map` to a server that answers each create after a while, and has no limit.
"""

import argparse
import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from cometrunway import ImageToVideo, PollPolicy, Session
from cometrunway._wire._encode import encode
from tests.benchmarks import machine
from tests.benchmarks.workload import HEADERS, IMAGE, KEY

AT_ONCE = 64
WARM_UP = 500
_NO_POLLS = PollPolicy(rule="fixed", first=3600.0, ceiling=3600.0, deadline=None)


class _EnoughError(Exception):
    """The files of these tasks are not needed."""


def shot(number: int) -> ImageToVideo:
    """Return one of many requests."""
    return ImageToVideo(prompt_image=IMAGE, prompt_text=f"the cat yawns, take {number}")


async def bare(base_url: str, creates: int) -> float:
    """Create by hand; return microseconds of user CPU per create."""
    messages = [encode(shot(number)) for number in range(WARM_UP + creates)]
    headers = {**HEADERS, "Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=256), headers=headers) as http:

        async def create(number: int) -> None:
            message = messages[number]
            async with http.post(f"{base_url}{message.path}", data=message.body) as answer:
                assert json.loads(await answer.read())["id"]

        return await _per_create(create, creates)


async def without_journal(base_url: str, creates: int) -> float:
    """Create through a session."""
    return await _through_a_session(base_url, creates, None)


async def with_journal(base_url: str, creates: int) -> float:
    """Create through a session with a journal."""
    with TemporaryDirectory() as folder:
        return await _through_a_session(base_url, creates, Path(folder) / "shots.db")


async def _through_a_session(base_url: str, creates: int, journal: Path | None) -> float:
    shots = [shot(number) for number in range(WARM_UP + creates)]
    found = 0.0
    with suppress(_EnoughError):
        async with _session(base_url, len(shots), journal) as runway:

            async def create(number: int) -> None:
                await runway.submit(shots[number])

            found = await _per_create(create, creates)
            raise _EnoughError
    return found


def _session(base_url: str, tasks: int, journal: Path | None) -> Session:
    return Session(KEY, base_url=base_url, output_dir=None, poll=_NO_POLLS, journal=journal, max_in_flight=tasks + 1)


async def _per_create(create: Callable[[int], Coroutine[Any, Any, None]], creates: int) -> float:
    await _in_loops(create, range(WARM_UP))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    await _in_loops(create, range(WARM_UP, WARM_UP + creates))
    return (resource.getrusage(resource.RUSAGE_SELF).ru_utime - before) / creates * 1e6


async def _in_loops(create: Callable[[int], Coroutine[Any, Any, None]], numbers: range) -> None:
    async def one_after_the_other(first: int) -> None:
        for number in numbers[first::AT_ONCE]:
            await create(number)

    await asyncio.gather(*(one_after_the_other(first) for first in range(AT_ONCE)))


async def batch(base_url: str, creates: int, journal: Path | None = None) -> float:
    """Return the seconds until all creates of a batch are accepted."""
    accepted = asyncio.Event()
    count = 0

    def on_event(_event: object) -> None:
        nonlocal count
        count += 1
        if count == creates:
            accepted.set()

    async def handles(runway: Session) -> AsyncIterator[object]:
        async for handle in runway.map(shot(number) for number in range(creates)):
            yield handle

    seconds = 0.0
    with suppress(_EnoughError):
        async with Session(
            KEY,
            base_url=base_url,
            output_dir=None,
            poll=_NO_POLLS,
            journal=journal,
            max_in_flight=creates + 1,
            on_event=on_event,
        ) as runway:
            began = time.monotonic()
            reading = asyncio.ensure_future(anext(handles(runway)))
            await accepted.wait()
            seconds = time.monotonic() - began
            reading.cancel()
            raise _EnoughError
    return seconds


async def batch_with_journal(base_url: str, creates: int) -> float:
    """Do so with a journal."""
    with TemporaryDirectory() as folder:
        return await batch(base_url, creates, Path(folder) / "shots.db")


WAYS: dict[str, Callable[[str, int], Coroutine[Any, Any, float]]] = {
    "bare": bare,
    "without a journal": without_journal,
    "with a journal": with_journal,
}
BATCHES: dict[str, Callable[[str, int], Coroutine[Any, Any, float]]] = {
    "batch without a journal": batch,
    "batch with a journal": batch_with_journal,
}


def measure(*, runs: int, creates: int) -> dict[str, list[float]]:
    """Return microseconds of CPU per create, run after run, in turn, each time in the other order."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for run in range(runs):
        for way in list(WAYS)[:: -1 if run % 2 else 1]:
            found[way].append(_measured(way, creates, latency=0))
    return found


def measure_batches(*, runs: int, creates: int, latency: float) -> dict[str, list[float]]:
    """Return the seconds until a batch is submitted."""
    return {way: [_measured(way, creates, latency=latency) for _ in range(runs)] for way in BATCHES}


def _measured(way: str, creates: int, *, latency: float) -> float:
    with machine.server(shortest=36_000, longest=36_000, latency=latency) as base_url:
        seconds: float = machine.in_a_process("tests.benchmarks.creates", "one", way, base_url, str(creates))
    return seconds


def main() -> None:
    """Measure and print; or, for `measure`, one way in this process."""
    if sys.argv[1:2] == ["one"]:
        way, base_url, creates = sys.argv[2:]
        machine.pin(0)
        with asyncio.Runner() as runner:
            print(json.dumps(runner.run({**WAYS, **BATCHES}[way](base_url, int(creates)))))
        return
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.creates")
    parser.add_argument("--runs", type=int, default=7, help="of each way; figures are their medians")
    parser.add_argument("--creates", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=10_000, help="creates of a batch")
    parser.add_argument("--latency", type=float, default=0.1, help="seconds until each create of a batch is answered")
    arguments = parser.parse_args()
    found = measure(runs=arguments.runs, creates=arguments.creates)
    for way, figures in found.items():
        ratio = median(one / bare for one, bare in zip(figures, found["bare"], strict=True))
        print(f"{way}: {median(figures):.0f} us, {ratio:.2f} times bare")
    for way, figures in measure_batches(runs=1, creates=arguments.batch, latency=arguments.latency).items():
        print(f"{way}: {arguments.batch:,} creates in {median(figures):.1f} s")


if __name__ == "__main__":
    main()
