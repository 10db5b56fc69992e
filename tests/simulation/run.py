"""One simulated batch: the package's own scheduler, its clock virtual, its server a distribution."""

import asyncio
import math
import statistics
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from attrs import frozen

from cometrunway import Asset, ImageToVideo, PollPolicy, Task, TaskStatus
from cometrunway._handle import TaskFuture, TaskReference
from cometrunway._polling._scheduler import PollScheduler
from cometrunway._task_group import Role
from cometrunway.emulator import VirtualLoop
from tests.scheduling import polling
from tests.simulation.workloads import Draw, Work

_BETWEEN_ETAS = 5.0


@frozen(kw_only=True)
class Outcome:
    """What a batch cost, and what it brought. Lags are seconds from a task's end to the poll that saw it."""

    polls: float
    """Per task."""
    mean: float
    p50: float
    p95: float
    p99: float
    longest_pause: float
    eta_error: float
    """How far off the expected ends of all open tasks were, on average, as a part of the time that they had left."""

    learnt: Mapping[str, Any]
    """What a later batch may begin with."""
    works: Sequence[Work]
    """The tasks, as they were."""

    @classmethod
    def of(cls, polls: Sequence[int], lags: Sequence[float], longest_pause: float, **other: Any) -> "Outcome":
        """Sum up."""
        quantiles = statistics.quantiles(lags, n=100)
        return cls(
            polls=statistics.fmean(polls),
            mean=statistics.fmean(lags),
            p50=quantiles[49],
            p95=quantiles[94],
            p99=quantiles[98],
            longest_pause=longest_pause,
            **other,
        )


class Server:
    """Knows when each task ends, and counts the polls at it."""

    def __init__(self, progress: str) -> None:
        self.progress = progress
        self.works: dict[str, tuple[float, Work]] = {}
        self.polls: dict[str, int] = {}
        self.last: dict[str, float] = {}
        self.lags: list[float] = []
        self.longest_pause = 0.0
        self.etas: list[tuple[float, float]] = []
        """What was predicted, and what was true."""

    def create(self, task_id: str, work: Work) -> None:
        """Begin a task now."""
        now = asyncio.get_running_loop().time()
        self.works[task_id], self.polls[task_id], self.last[task_id] = (now, work), 0, now

    async def poll(self, _route: str, task_id: str, _sent: object = None) -> Task:
        """Answer one poll."""
        now = asyncio.get_running_loop().time()
        created, work = self.works[task_id]
        self.polls[task_id] += 1
        self.longest_pause = max(self.longest_pause, now - self.last[task_id])
        self.last[task_id] = now
        age = now - created
        if age >= work.end:
            self.lags.append(age - work.end)
            return Task(id=task_id, status=TaskStatus.SUCCEEDED, outputs=("https://example.com/a.mp4",))
        status = TaskStatus.RUNNING if age > work.start else TaskStatus.PENDING
        return Task(id=task_id, status=status, progress=work.progress(age, self.progress))

    async def compare_etas(self, scheduler: PollScheduler, tasks: int) -> None:
        """Ask for the end of all open tasks from time to time, once a quarter of the batch has ended."""
        while True:
            await asyncio.sleep(_BETWEEN_ETAS)
            now = asyncio.get_running_loop().time()
            left = max(created + work.end for created, work in self.works.values()) - now
            eta = scheduler.eta
            if len(self.lags) > tasks / 4 and left > 0 and eta is not None:
                self.etas.append((eta, left))

    @property
    def eta_error(self) -> float:
        """The sum of the errors over the sum of what was true."""
        return sum(abs(eta - left) for eta, left in self.etas) / (sum(left for _, left in self.etas) or math.nan)

    async def deliver(self, _future: TaskFuture, _task: Task) -> tuple[Asset, ...]:
        """Nothing is downloaded here."""
        return ()


def simulate(
    draw: Draw,
    policy: PollPolicy,
    *,
    tasks: int = 1500,
    progress: str = "absent",
    per_second: float = 0,
    seed: int = 1,
    learnt: Mapping[str, Any] | None = None,
) -> Outcome:
    """Run a batch whose tasks arrive at once, or so many per second, and return what it cost and brought."""
    server = Server(progress)
    known: dict[str, Any] = {}

    async def batch() -> None:
        arrivals, draws = Random(seed), Random(seed + 1)
        async with polling(
            PollScheduler, poll=server.poll, deliver=server.deliver, policy=policy, rng=Random(seed + 2)
        ) as scheduler:
            for kind, snapshot in (learnt or {}).items():
                scheduler.model.restore(kind, snapshot)
            scheduler._background.start(server.compare_etas(scheduler, tasks), name="etas", role=Role.SERVICE)
            for number in range(tasks):
                work = draw(draws, number / tasks)
                server.create(str(number), work)
                request = ImageToVideo(prompt_image="https://example.com/a.png", model=work.model)
                future = TaskFuture(TaskReference(id=str(number), route="image_to_video"), request)
                scheduler.watch(future, age=0.0)
                if per_second:
                    await asyncio.sleep(arrivals.expovariate(per_second))
        known.update(scheduler.model.snapshot())

    # The tests of the scheduler run in asyncio's debug mode; here it would cost ten times what is simulated.
    with asyncio.Runner(loop_factory=VirtualLoop, debug=False) as runner:
        runner.run(batch())
    return Outcome.of(
        list(server.polls.values()),
        server.lags,
        server.longest_pause,
        eta_error=server.eta_error,
        learnt=known,
        works=[work for _, work in server.works.values()],
    )
