"""What waiting costs, client by client: each in a process of its own, with a server of its own on the other core."""

import asyncio
import importlib
import json
import os
import statistics
import sys
import time
from typing import Any, NamedTuple

from tests.benchmarks import machine
from tests.benchmarks.workload import Workload

CLIENTS = {
    "cometrunway": "ours:wait_for_all",
    "runwayml": "official:wait_for_all",
    "runwayml-aiohttp": "official:wait_for_all_on_aiohttp",
    "coroutines": "by_hand:wait_for_all",
    "bare": "by_hand:only_ask",
}
_TICK = 0.01


class Stall:
    """The longest time for which the event loop did not come round, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.of_cpu = 0.0
        """The same, of the time that this thread was running: the rest is what else the machine was doing."""

    async def watch(self) -> None:
        """Watch for ever."""
        wall, cpu = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(_TICK)
            wall_before, cpu_before, wall, cpu = wall, cpu, time.perf_counter(), time.thread_time()
            late = wall - wall_before - _TICK
            self.seconds = max(self.seconds, late)
            self.of_cpu = max(self.of_cpu, min(late, cpu - cpu_before))


async def measured(client: str, base_url: str, workload: Workload, limit: float) -> dict[str, Any]:
    """Run a client for at most so many seconds; return what it used."""
    module, _, function = CLIENTS[client].partition(":")
    use = getattr(importlib.import_module(f"tests.benchmarks.clients.{module}"), function)
    stall = Stall()
    watching = asyncio.ensure_future(stall.watch())
    await asyncio.sleep(0)
    memory, cpu, wall = machine.memory(), time.process_time(), time.monotonic()
    work = asyncio.ensure_future(use(base_url, workload))
    await asyncio.wait([work], timeout=limit)
    if work.done():
        work.result()
    found = {
        "seconds": time.monotonic() - wall,
        "cpu": time.process_time() - cpu,
        "memory": machine.peak_memory() - memory,
        "stall": stall.seconds,
        "stall_cpu": stall.of_cpu,
        "failures": dict(workload.failures),
        "ends": workload.ends,
    }
    watching.cancel()
    return found


def main() -> None:
    """Measure one client in this process; for `run`."""
    client, base_url, tasks, over, limit = sys.argv[1:]
    machine.pin(0)
    workload = Workload(int(tasks), float(over))
    runner = asyncio.Runner()
    print(json.dumps(runner.run(measured(client, base_url, workload, float(limit)))), flush=True)
    os._exit(0)  # a client that has not finished may take minutes to be cancelled


class Shape(NamedTuple):
    """How tasks come and go, in seconds."""

    over: float
    """All are submitted within."""
    shortest: float
    longest: float


def run(client: str, *, tasks: int, shape: Shape, limit: float, progress: bool = False) -> dict[str, Any]:
    """Measure one client once; return its figures, with the server's."""
    flags = ["--progress"] if progress else []
    with machine.server(*flags, shortest=shape.shortest, longest=shape.longest) as base_url:
        found: dict[str, Any] = machine.in_a_process(
            "tests.benchmarks.waits", client, base_url, str(tasks), str(shape.over), str(limit)
        )
        books = machine.books(base_url)
    ends = found.pop("ends")
    lags = [ends[task_id] - books["ends"][task_id] for task_id in ends]
    created = len(books["ends"])
    return {
        "client": client,
        "tasks": tasks,
        "finished": len(ends),
        "requests": created + books["polls"],
        "polls_per_task": books["polls"] / created,
        "lag": _quantiles(lags) if len(lags) > 1 else None,
        **found,
    }


def _quantiles(lags: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(lags, n=100, method="inclusive")
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98]}


if __name__ == "__main__":
    main()
