"""What a waiting task holds in memory, as the operating system and as Python count it.

A fresh process submits 10,000 tasks that do not end, and keeps a handle of each, until every one was polled. What it
has grown by, divided by 10,000, is what a waiting task holds: its handle, its request (with a prompt of its own), the
last that was seen of it, its future, its place in the heap, and its share of the connections and their buffers.
"""

import asyncio
import gc
import json
import sys
import tracemalloc
from contextlib import suppress

from cometrunway import ImageToVideo, PollPolicy, Session, TaskHandle
from tests.benchmarks import machine
from tests.benchmarks.workload import IMAGE, KEY

TASKS = 10_000
POLICY = PollPolicy(rule="fixed", first=6.0, per_second=5000)


async def held(base_url: str, *, by_python: bool) -> float:
    """Return bytes for each waiting task."""
    found = 0.0
    with suppress(_EnoughError):
        async with Session(KEY, base_url=base_url, output_dir=None, max_in_flight=2 * TASKS, poll=POLICY) as runway:
            await runway.submit(ImageToVideo(prompt_image=IMAGE, prompt_text="so that the code is there"))
            before = _now(by_python=by_python)
            handles = await _waiting(runway)
            found = (_now(by_python=by_python) - before) / TASKS
            assert len(handles) == TASKS
            raise _EnoughError
    return found


async def _waiting(runway: Session) -> list[TaskHandle]:
    requests = (ImageToVideo(prompt_image=IMAGE, prompt_text=f"{number}") for number in range(TASKS))
    handles = [await runway.submit(request) for request in requests]
    while any(handle.task is None for handle in handles):  # noqa: ASYNC110 - events would be held as well
        await asyncio.sleep(0.1)
    return handles


class _EnoughError(Exception):
    """The files of these tasks are not needed."""


def _now(*, by_python: bool) -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0] if by_python else machine.memory()


def main() -> None:
    """Measure in this process; for `measure`."""
    base_url, way = sys.argv[1:]
    machine.pin(0)
    if way == "python":
        tracemalloc.start()
    with asyncio.Runner() as runner:
        print(json.dumps(runner.run(held(base_url, by_python=way == "python"))))


def measure(*, runs: int) -> dict[str, list[float]]:
    """Return the bytes per waiting task, run after run, by each way of counting."""
    found: dict[str, list[float]] = {"system": [], "python": []}
    for _ in range(runs):
        for way, values in found.items():
            with machine.server(shortest=3600, longest=3600) as base_url:
                values.append(machine.in_a_process("tests.benchmarks.memory", base_url, way))
    return found


if __name__ == "__main__":
    main()
