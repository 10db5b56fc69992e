"""When to poll a task next: as was learnt, spread by chance, and at moments that several polls share."""

import math
from random import Random

from attrs import define

from cometrunway._handle import TaskFuture
from cometrunway._policies import PollPolicy
from cometrunway._polling._duration_model import DurationModel, ObservedTask

_JITTER = 0.1
_WORTH_A_DELAY = 0.1
"""A poll that has fallen due is sent, unless it should be postponed by more than this part of its slack."""
_COARSEST = 3
_MEETING = 4
"""Powers of two: the part of the slack by which shared moments are apart at most, and how many polls need share one."""


@define(kw_only=True, eq=False)
class PolledTask(ObservedTask):
    """One task that is polled: what was observed of it, and how long to go on."""

    future: TaskFuture
    born: float
    """The loop time of the task's create."""
    is_new: bool
    """Whether it was created just now."""
    deadline: float
    """The loop time at which the wait ends."""
    unknown_until: float | None
    """The loop time until which `task_not_exist` means "not yet"; None while the server knows the task."""
    succeeded_at: float | None = None
    """The loop time of the first answer that stated a success and named no file."""
    refusals: int = 0
    """How often the key was refused in its latest answers."""
    refused_since: float = 0.0
    """The loop time of the first of those."""
    chance: float = 0.0
    """From 0 to 1: where in its spread the next poll lies."""


class PollTiming:
    """Computes loop times of polls. Pure, apart from `rng`: the caller passes the time.

    Args:
        policy: the user's.
        model: what was learnt of how long tasks take.
        rng: where chance comes from.
        now: the loop time; shared moments are counted from one near it, by chance another in each process.
    """

    def __init__(self, *, policy: PollPolicy, model: DurationModel, rng: Random, now: float) -> None:
        self._policy = policy
        self._model = model
        self._rng = rng
        self._origin = now - rng.random()

    def next_poll(self, task: PolledTask, now: float, *, waiting: int) -> float:
        """Return when to poll a task again that was polled now; `waiting` tasks are polled in all."""
        task.chance = self._rng.random()
        pause, slack = self._pause(task, waiting)
        return self._shared_moment(now + pause, pause, slack, waiting)

    def postponed(self, task: PolledTask, now: float, *, waiting: int) -> float | None:
        """Return the later time of a poll that has fallen due, if what was learnt meanwhile gives one; else None."""
        if not task.polls and not task.is_new:
            return None  # what was taken up again may have ended long ago
        if self._policy.rule != "learned" or now >= task.deadline:
            return None
        pause, slack = self._pause(task, waiting)
        due = task.born + task.age + pause
        if due - now > slack * _WORTH_A_DELAY:
            moment = self._shared_moment(due, pause, slack, waiting)
            return moment if moment > now else None
        return None

    def _pause(self, task: PolledTask, waiting: int) -> tuple[float, float]:
        """Return the seconds from the latest poll to the next, by what is known now, and by how many it may move."""
        pause = self._policy.pause(task.polls, task.chance)
        if self._policy.rule != "learned":
            return pause, pause
        pause, slack = self._model.pause(task, task.age, pause, waiting=waiting)
        pause += slack * _JITTER * (2 * task.chance - 1)
        longest = self._policy.ceiling * (1 - _JITTER * task.chance)  # what waits longest is spread as well
        return max(min(pause, longest), self._policy.floor), slack

    def _shared_moment(self, due: float, pause: float, slack: float, waiting: int) -> float:
        """Return a moment near the one at which this pause is over that other polls share.

        One wakeup of the process serves them all. Such moments are an eighth of the slack apart, or less where some
        fifteen polls share one all the same. No pause leaves floor or ceiling for it.
        """
        if self._policy.rule == "fixed":
            return due
        finer = max(_COARSEST, waiting.bit_length() - _MEETING)
        between = math.ldexp(1.0, math.frexp(slack)[1] - 1 - finer)
        moment = self._origin + round((due - self._origin) / between) * between
        before = due - pause
        return min(max(moment, before + self._policy.floor), before + self._policy.ceiling)
