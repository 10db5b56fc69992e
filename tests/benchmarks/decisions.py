"""What the scheduler itself costs: `python -m tests.benchmarks.decisions`.

10,000 tasks that take 20 to 60 seconds, submitted at once, on a clock that jumps, with looks that answer at once, with
and without progress: what is left is the scheduler's own work for each look. That is to take the task from the heap, to
price the look, to wake or start a child for it, to learn from what it found, to price the next one, and to put the task
back; and, once for each task, its ticket, its end, and its share of the loop.
"""

import asyncio
import json
import time
from random import Random
from typing import Any

from cometrunway import Asset, PollPolicy, Task, TaskStatus
from cometrunway._handle import TaskReference, Ticket
from cometrunway._scheduler import PollScheduler
from tests.benchmarks import machine
from tests.virtual import VirtualLoop

TASKS = 10_000
ROUTE = "image_to_video"


class Server:
    """Answers looks in no time."""

    def __init__(self, *, has_progress: bool) -> None:
        durations = Random(1)
        self._ends = {f"{number}": durations.uniform(20, 60) for number in range(TASKS)}
        self._has_progress = has_progress
        self.looks = 0

    async def look(self, _route: str, task_id: str) -> Task:
        """Return the task as it is now."""
        self.looks += 1
        share = asyncio.get_running_loop().time() / self._ends[task_id]
        status = TaskStatus.SUCCEEDED if share >= 1 else TaskStatus.RUNNING
        return Task(id=task_id, status=status, progress=min(share, 1.0) if self._has_progress else None)


async def _conclude(_ticket: Ticket, _task: Task) -> tuple[Asset, ...]:
    return ()


async def per_look(*, has_progress: bool) -> float:
    """Return microseconds of CPU per look."""
    server = Server(has_progress=has_progress)
    cpu = time.process_time()
    async with PollScheduler(
        look=server.look,
        conclude=_conclude,
        policy=PollPolicy(per_second=1e6),
        rng=Random(1),
        observe=lambda _: None,
    ) as scheduler:
        for number in range(TASKS):
            scheduler.watch(Ticket.new(TaskReference(id=f"{number}", route=ROUTE)), age=0.0)
    return (time.process_time() - cpu) / server.looks * 1e6


def main() -> None:
    """Print the figures as JSON; for the other modules of this package."""
    machine.pin(0)
    found = {}
    for name, has_progress in (("without progress", False), ("with progress", True)):
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            found[name] = runner.run(per_look(has_progress=has_progress))
    print(json.dumps(found))


def measure(*, runs: int) -> dict[str, list[float]]:
    """Return the microseconds per look, run after run."""
    found: dict[str, Any] = {}
    for _ in range(runs):
        for name, value in machine.in_a_process("tests.benchmarks.decisions").items():
            found.setdefault(name, []).append(value)
    return found


if __name__ == "__main__":
    main()
