"""The times of polls: within their bounds, at shared moments, and moved only by what was learned."""

from random import Random
from typing import Any

import pytest

from cometrunway import PollPolicy
from cometrunway._handle import TaskFuture, TaskReference
from cometrunway._polling._announcements import Announcements
from cometrunway._polling._duration_model import DurationModel, ObservedTask
from cometrunway._polling._timing import PolledTask, PollTiming

KIND = "image_to_video gen4_turbo"


def timing(policy: PollPolicy, *, ends: float | None = None, announced: int = 0) -> PollTiming:
    """Return a timing that has seen tasks end at this age, and this number of ends announced by callbacks."""
    model = DurationModel(price=policy.price, shortest=policy.floor, longest=policy.ceiling)
    for _ in range(100 if ends else 0):
        assert ends is not None
        model.learn(ObservedTask(kind=KIND), ends - 1.0, ended=False)
        model.learn(ObservedTask(kind=KIND, age=ends - 1.0), ends + 1.0, ended=True)
    announcements = Announcements()
    for _ in range(announced):
        announcements.learn(KIND, announced=True)
    return PollTiming(policy=policy, model=model, announcements=announcements, rng=Random(7), now=0.0)


def polled(**fields: Any) -> PolledTask:
    """Return a task that this session created at 0, and has polled once at 20."""
    future = TaskFuture(TaskReference(id="t", route="image_to_video"))
    known: dict[str, Any] = {"born": 0.0, "is_new": True, "deadline": 3600.0, "unknown_until": None}
    return PolledTask(future=future, kind=KIND, **{**known, "age": 20.0, "polls": 1, "polled_at": 20.0, **fields})


@pytest.mark.parametrize("rule", ["learned", "backoff", "fixed"])
@pytest.mark.parametrize("ends", [None, 21.0, 600.0])
async def test_each_pause_is_between_floor_and_ceiling(rule: Any, ends: float | None) -> None:
    """Whatever the rule, what was learned and how many tasks wait."""
    times = timing(PollPolicy(rule=rule, first=6.5, floor=6.0, ceiling=7.0), ends=ends)
    for number in range(600):
        task = polled(age=number / 10, polls=number)
        pause = times.next_poll(task, number / 10, waiting=1 + 10 * number) - number / 10
        assert 6.0 - 1e-9 <= pause <= 7.0 + 1e-9


@pytest.mark.parametrize("rule", ["learned", "backoff"])
async def test_polls_of_many_tasks_share_moments(rule: Any) -> None:
    """A thousand polls within ten seconds need a wakeup for every four of them at most."""
    times = timing(PollPolicy(rule=rule))
    dues = {times.next_poll(polled(), number / 100, waiting=1000) for number in range(1000)}
    assert len(dues) <= 250


async def test_a_fixed_pause_is_not_moved() -> None:
    """With the rule `fixed`, each task is polled when its pause is over."""
    times = timing(PollPolicy(rule="fixed", first=6.0))
    assert [times.next_poll(polled(), now, waiting=1000) for now in (20.0, 20.5, 21.25)] == [26.0, 26.5, 27.25]


async def test_a_callback_makes_a_poll_due_now_but_for_the_floor() -> None:
    """The shortest pause after the latest poll is kept; a task that was never polled is polled now."""
    times = timing(PollPolicy(floor=3.0))
    assert times.hinted(polled(), 21.0) == 23.0
    assert times.hinted(polled(), 30.0) == 30.0
    new = PolledTask(future=polled().future, kind=KIND, born=0.0, is_new=True, deadline=3600.0, unknown_until=None)
    assert times.hinted(new, 1.0) == 1.0


async def test_where_callbacks_announce_ends_polls_are_rare() -> None:
    """Pauses are ten times as long for tasks with a callback, and as before when callbacks have stopped."""
    policy = PollPolicy(rule="fixed", first=6.0)
    silent, told = timing(policy), timing(policy, announced=1000)
    expecting = polled(has_callback=True)
    assert silent.next_poll(expecting, 20.0, waiting=1) == 26.0
    assert told.next_poll(polled(), 20.0, waiting=1) == 26.0
    assert told.next_poll(expecting, 20.0, waiting=1) == 20.0 + 60.0
    assert silent.again(expecting, 22.0, waiting=1) == 26.0
    assert silent.again(expecting, 40.0, waiting=1) == 40.0


async def test_a_due_poll_is_postponed_by_what_was_learned_meanwhile() -> None:
    """Where others of the kind were seen to live for long, a poll at 25 seconds finds nothing and is put off."""
    times = timing(PollPolicy(), ends=200.0)
    later = times.postponed(polled(), 25.0, waiting=1)
    assert later is not None
    assert 40.0 < later <= 50.0


@pytest.mark.parametrize(
    "fields",
    [{"is_new": False, "polls": 0, "age": 0.0}, {"deadline": 25.0}, {"hinted_at": 24.0}],
    ids=["resumed, never polled", "at its deadline", "after a callback"],
)
async def test_some_polls_are_never_postponed(fields: dict[str, Any]) -> None:
    """A task from elsewhere may have ended long ago, a deadline is the last chance, and a callback knows better."""
    assert timing(PollPolicy(), ends=200.0).postponed(polled(**fields), 25.0, waiting=1) is None
    assert timing(PollPolicy(rule="backoff"), ends=200.0).postponed(polled(), 25.0, waiting=1) is None
