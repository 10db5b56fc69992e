"""What the scheduler itself costs: `python -m tests.benchmarks.decisions`.

10,000 tasks that take 20 to 60 seconds, submitted at once, on a clock that jumps, with polls that answer at once: what
is left is the scheduler's own work. A *decision* says when a task is polled next: it is priced, pushed into the
heap, popped when it is due, and priced anew. There is one after each poll, and one more where a poll was postponed.
*Learning* is what is done with a poll's answer. *All* is the whole process per poll: also the children, the timers, the
event loop, the futures and the ends.
"""

import asyncio
import json
import time
from random import Random
from typing import Any

from cometrunway import Asset, PollPolicy, Task, TaskStatus
from cometrunway._handle import TaskFuture, TaskReference
from cometrunway._polling._scheduler import PollScheduler
from cometrunway.emulator import VirtualLoop
from tests.benchmarks import machine
from tests.scheduling import polling

TASKS = 10_000


class Server:
    """Answers polls in no time."""

    def __init__(self, *, has_progress: bool) -> None:
        durations = Random(1)
        self._ends = {f"{number}": durations.uniform(20, 60) for number in range(TASKS)}
        self._has_progress = has_progress
        self.polls = 0

    async def poll(self, _route: str, task_id: str, _sent: object = None) -> Task:
        """Return the task as it is now."""
        self.polls += 1
        share = asyncio.get_running_loop().time() / self._ends[task_id]
        status = TaskStatus.SUCCEEDED if share >= 1 else TaskStatus.RUNNING
        outputs = ("https://example.com/a.mp4",) if share >= 1 else ()
        progress = min(share, 1.0) if self._has_progress else None
        return Task(id=task_id, status=status, progress=progress, outputs=outputs)


class Timed(PollScheduler):
    """Takes the time of the decisions."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.deciding = self.answering = 0.0

    def _next_due(self) -> Any:
        start = time.perf_counter()
        try:
            return super()._next_due()
        finally:
            self.deciding += time.perf_counter() - start

    def _poll_again(self, *waited: Any) -> None:
        start = time.perf_counter()
        super()._poll_again(*waited)
        self.deciding += time.perf_counter() - start

    def _on_answer(self, *seen: Any) -> None:
        start, decided = time.perf_counter(), self.deciding
        super()._on_answer(*seen)
        self.answering += time.perf_counter() - start - (self.deciding - decided)


async def _deliver(_future: TaskFuture, _task: Task) -> tuple[Asset, ...]:
    return ()


async def per_poll(*, has_progress: bool) -> dict[str, float]:
    """Return microseconds per decision, and per poll of the learning and of all."""
    server = Server(has_progress=has_progress)
    cpu = time.process_time()
    async with polling(
        Timed, poll=server.poll, deliver=_deliver, policy=PollPolicy(per_second=1e6), rng=Random(1)
    ) as scheduler:
        for number in range(TASKS):
            scheduler.watch(TaskFuture(TaskReference(id=f"{number}", route="image_to_video")), age=0.0)
    cpu = time.process_time() - cpu
    decisions = next(scheduler._numbers)  # each is pushed with a number of its own
    return {
        "decision": scheduler.deciding / decisions * 1e6,
        "decisions per poll": decisions / server.polls,
        "learning": scheduler.answering / server.polls * 1e6,
        "all": cpu / server.polls * 1e6,
    }


def main() -> None:
    """Print the figures as JSON."""
    machine.pin(0)
    found = {}
    for name, has_progress in (("without progress", False), ("with progress", True)):
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            found[name] = runner.run(per_poll(has_progress=has_progress))
    print(json.dumps(found))


def measure(*, runs: int) -> dict[str, list[dict[str, float]]]:
    """Return the figures, run after run."""
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(runs):
        for name, figures in machine.in_a_process("tests.benchmarks.decisions").items():
            found.setdefault(name, []).append(figures)
    return found


if __name__ == "__main__":
    main()
