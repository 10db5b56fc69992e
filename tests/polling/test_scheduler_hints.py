"""What callbacks change in polling, on virtual time: a hint polls at once; where they come, polls become rare."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from statistics import mean

import pytest

from cometrunway import errors
from cometrunway._handle import TaskFuture, TaskHandle, TaskReference
from cometrunway._polling._scheduler import PollScheduler
from tests.polling.test_scheduler import Answer, World, after, task

T = ("pro_generate", "t")


def watched(scheduler: PollScheduler, task_id: str = "t") -> TaskHandle:
    """Watch a task that was just created and has a callback path."""
    future = TaskFuture(TaskReference(id=task_id, route="pro_generate"))
    scheduler.watch(future, age=0.0, has_callback=True)
    return TaskHandle(future.reference, future)


async def test_a_hint_makes_the_next_poll_due_now() -> None:
    """The end is found at the moment at which a callback announces it."""
    world = World(after(2.0, task("SUCCEEDED")))
    async with world.scheduler() as scheduler:
        handle = watched(scheduler)
        await asyncio.sleep(2.0)
        scheduler.hint(*T, announces_end=True)
        await handle
        assert [moment for moment, _ in world.polls] == [2.0]


async def test_hints_poll_no_faster_than_the_floor() -> None:
    """Ten thousand posts about one task in 20 seconds cause no more than a poll each second, and fill no heap."""
    world = World(after(20.0, task("SUCCEEDED")))
    async with world.scheduler(floor=1.0) as scheduler:
        handle = watched(scheduler)
        for _ in range(9_990):
            await asyncio.sleep(0.002)
            scheduler.hint(*T, announces_end=False)
        assert len(world.polls) == 20
        assert len(scheduler._due) < 100
        await handle


async def test_a_hint_during_a_poll_is_not_lost() -> None:
    """The answer that is on its way may be older than the callback: the task is polled once more, at once."""
    world = World(after(2.5, task("SUCCEEDED")))
    ask = world.poll

    async def slow(route: str, task_id: str, sent: object = None) -> Answer:
        answer = await ask(route, task_id, sent)
        await asyncio.sleep(2.0)
        return answer

    world.poll = slow  # type: ignore[assignment,method-assign]  # the same, but slow
    async with world.scheduler(rule="fixed", first=2.0, floor=0.5) as scheduler:
        handle = watched(scheduler)
        await asyncio.sleep(3.0)
        scheduler.hint(*T, announces_end=True)
        await handle
        assert [moment for moment, _ in world.polls] == [2.0, 4.0]


async def test_what_is_not_polled_takes_no_hint() -> None:
    """A callback for a task that has ended, or is not waited for, does nothing."""
    world = World(after(0.0, task("SUCCEEDED")))
    async with world.scheduler() as scheduler:
        scheduler.hint(*T, announces_end=True)
        await watched(scheduler)
        scheduler.hint(*T, announces_end=True)
        await asyncio.sleep(60)
        assert len(world.polls) == 1


async def test_an_answer_behind_its_callback_is_waited_for() -> None:
    """A gateway that posts first and writes its row later is polled in growing steps, for a minute at most."""
    world = World(after(30.0, task("SUCCEEDED")))
    async with world.scheduler(rule="fixed", first=1000.0) as scheduler:
        handle = watched(scheduler)
        await asyncio.sleep(20.0)
        scheduler.hint(*T, announces_end=True)
        await handle
        moments = [moment for moment, _ in world.polls]
        assert moments[0] == 20.0
        assert 30.0 <= moments[-1] <= 36.0
        assert len(moments) <= 8


async def test_a_hint_delays_no_poll() -> None:
    """More posts about a task whose announced end is behind change nothing, also where the shortest pause is long."""
    moments = []
    for posts in (0, 20):
        began = asyncio.get_running_loop().time()
        world = World(after(began + 24.0, task("SUCCEEDED")))
        async with world.scheduler(rule="fixed", first=1000.0, floor=10.0) as scheduler:
            handle = watched(scheduler)
            await asyncio.sleep(20.0)
            scheduler.hint(*T, announces_end=True)
            for _ in range(posts):
                await asyncio.sleep(0.1)
                scheduler.hint(*T, announces_end=False)
            await handle
        moments.append([moment - began for moment, _ in world.polls])
    assert moments[0] == pytest.approx(moments[1])


async def test_a_forged_end_costs_some_polls() -> None:
    """After a minute without the announced end the task is polled as if it had no callback."""
    world = World(lambda *_: task("RUNNING"))
    async with world.scheduler(rule="fixed", first=100.0, deadline=1000.0) as scheduler:
        handle = watched(scheduler)
        scheduler.hint(*T, announces_end=True)
        with pytest.raises(errors.TaskTimeoutError):
            await handle
        assert len([moment for moment, _ in world.polls if moment <= 65.0]) <= 12
        assert len([moment for moment, _ in world.polls if moment > 65.0]) <= 10


async def test_a_hinted_poll_that_fails_is_repeated_soon() -> None:
    """A 502 to the poll of an announced end does not leave the task to the heartbeat."""
    answers: list[Answer] = [errors.ServerError("bad gateway", status=502), task("SUCCEEDED")]
    world = World(lambda *_: answers.pop(0))
    async with world.scheduler(rule="fixed", first=1000.0) as scheduler:
        handle = watched(scheduler)
        await asyncio.sleep(2.0)
        scheduler.hint(*T, announces_end=True)
        await handle
        assert world.polls[-1][0] < 5.0


class Gateway:
    """Tasks of about a minute, five a second, whose ends are announced while callbacks come."""

    def __init__(self, seconds: Callable[[Random], float]) -> None:
        self.rng = Random(7)
        self.seconds = seconds
        self.ends: dict[str, float] = {}
        self.world = World(lambda task_id, now: task("SUCCEEDED" if now >= self.ends[task_id] else "RUNNING", task_id))
        self.lags: dict[str, float] = {}

    async def run(self, scheduler: PollScheduler, number: int, *, callbacks: Callable[[float], bool]) -> None:
        loop = asyncio.get_running_loop()
        for index in range(number):
            name = f"t{index}"
            self.ends[name] = end = loop.time() + self.seconds(self.rng)
            handle = watched(scheduler, name)
            handle.add_done_callback(lambda handle: self.lags.update({handle.id: loop.time() - self.ends[handle.id]}))
            if callbacks(end):
                loop.call_at(end + 0.1, partial(scheduler.hint, "pro_generate", name, announces_end=True))
            await asyncio.sleep(0.2)

    def polls_of(self, first: int, last: int) -> float:
        counts = Counter(task_id for _, task_id in self.world.polls)
        return mean(counts[f"t{index}"] for index in range(first, last))


def about_a_minute(rng: Random) -> float:
    """Most tasks take 40 to 90 seconds."""
    return 60.0 * rng.lognormvariate(0.0, 0.35)


@pytest.mark.parametrize(("rule", "most"), [("learned", 1.2), ("backoff", 2.0)])
async def test_where_callbacks_come_polls_become_rare(rule: str, most: float) -> None:
    """Once some hundred ends were announced, a task costs the one poll that its callback asks for, and little more."""
    gateway = Gateway(about_a_minute)
    async with gateway.world.scheduler(rule=rule) as scheduler:
        await gateway.run(scheduler, 1000, callbacks=lambda _: True)
    assert gateway.polls_of(500, 1000) < most
    assert max(gateway.lags.values()) < 0.2


async def test_where_callbacks_stop_polls_take_over() -> None:
    """Of the tasks that end after the last callback a few wait for a heartbeat; all others are found as ever."""
    gateway, silent = Gateway(about_a_minute), Gateway(about_a_minute)
    async with gateway.world.scheduler() as scheduler:
        await gateway.run(scheduler, 2000, callbacks=lambda end: end < 200.0)
    async with silent.world.scheduler() as scheduler:
        await silent.run(scheduler, 2000, callbacks=lambda _: False)
    late = [lag for name, lag in gateway.lags.items() if gateway.ends[name] > 350.0]
    assert mean(late) < 1.2 * mean(silent.lags.values())
    assert max(gateway.lags.values()) < 300.0


async def test_an_end_that_some_callbacks_miss_is_found() -> None:
    """Where one callback in five is lost, polls go on in between."""
    gateway = Gateway(about_a_minute)
    lost = Random(7)
    async with gateway.world.scheduler() as scheduler:
        await gateway.run(scheduler, 1500, callbacks=lambda _: lost.random() > 0.2)
    assert mean(list(gateway.lags.values())[500:]) < 5.0
