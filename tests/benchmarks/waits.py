"""What waiting costs, client by client: each in a process of its own, with a server of its own on the other core."""

import asyncio
import importlib
import json
import os
import selectors
import statistics
import sys
import threading
import time
from collections.abc import Callable, Coroutine
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
WAITING = [client for client in CLIENTS if client != "bare"]
Client = Callable[[str, Workload], Coroutine[Any, Any, None]]
"""Makes the workload's tasks at this server, and waits for them."""


class Stall(selectors.DefaultSelector):
    """Knows the longest time between two rounds of its event loop, in seconds: no timer could ring within it."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.of_cpu = 0.0
        """The same, of the time that this process was running: the rest is what else the machine was doing."""
        self._since = time.perf_counter(), time.process_time()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait, as the loop asks, and begin to count anew."""
        self.count()
        events = super().select(timeout)
        self._since = time.perf_counter(), time.process_time()
        return events

    def count(self) -> None:
        """Take in how long this round has lasted."""
        wall, cpu = self._since
        self.seconds = max(self.seconds, time.perf_counter() - wall)
        self.of_cpu = max(self.of_cpu, time.process_time() - cpu)


class Measurement:
    """What a client uses from now on."""

    def __init__(self, workload: Workload, stall: Stall) -> None:
        self._workload = workload
        self._stall = stall
        self._before = machine.memory(), time.process_time(), time.monotonic()

    def tell(self) -> None:
        """Print the figures, and end the process: a client that has not finished may take minutes to be cancelled."""
        memory, cpu, wall = self._before
        self._stall.count()  # it may be standing still
        found = {
            "seconds": time.monotonic() - wall,
            "cpu": time.process_time() - cpu,
            "memory": machine.peak_memory() - memory,
            "stall": self._stall.seconds,
            "stall_cpu": self._stall.of_cpu,
            "failures": dict(self._workload.failures),
            "ends": dict(self._workload.ends),
        }
        print(json.dumps(found), flush=True)
        os._exit(0)


async def measured(use: Client, base_url: str, workload: Workload, limit: float, stall: Stall) -> None:
    """Run a client for at most so many seconds; tell what it used."""
    measurement = Measurement(workload, stall)
    # In a thread: the event loop of an overwhelmed client may not come round for minutes.
    bell = threading.Timer(limit, measurement.tell)
    bell.daemon = True
    bell.start()
    await use(base_url, workload)
    measurement.tell()


def main() -> None:
    """Measure one client in this process; for `run`."""
    client, base_url, tasks, over, limit = sys.argv[1:]
    machine.pin(0)
    module, _, function = CLIENTS[client].partition(":")
    use: Client = getattr(importlib.import_module(f"tests.benchmarks.clients.{module}"), function)
    stall = Stall()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(stall)) as runner:
        runner.run(measured(use, base_url, Workload(int(tasks), float(over)), float(limit), stall))


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
        "polls_per_task": books["polls"] / created if created else 0.0,
        "lag": _quantiles(lags) if len(lags) > 1 else None,
        **found,
    }


def _quantiles(lags: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(lags, n=100, method="inclusive")
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98]}


if __name__ == "__main__":
    main()
