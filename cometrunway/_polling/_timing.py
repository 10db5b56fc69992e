"""When to poll a task next: as was learnt, spread by chance, and at moments that several polls share."""

import math
from random import Random

from attrs import define

from cometrunway._handle import TaskFuture
from cometrunway._policies import PollPolicy
from cometrunway._polling._announcements import Announcements
from cometrunway._polling._duration_model import DurationModel, ObservedTask, stretch

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
    has_callback: bool = False
    """Whether the gateway was told where to post its end."""
    polled_at: float = -math.inf
    """The loop time at which its latest poll was sent."""
    hinted_at: float = -math.inf
    """The loop time of the latest callback."""
    is_hinted: bool = False
    """Whether a callback asked for its latest poll."""
    announced_at: float | None = None
    """The loop time of the first callback that announced its end."""
    is_cancelled: bool = False
    """Whether the provider has agreed to cancel it; it may forget it then."""
    may_be_cancelled: bool = False
    """Whether the answer to a request to cancel it was lost."""
    due: float = math.inf
    """The loop time of its next poll; infinite while it is polled."""
    entry: int = 0
    """The number of that poll's entry in the heap; any other entry of the task is void."""
    chance: float = 0.0
    """From 0 to 1: where in its spread the next poll lies."""


class PollTiming:
    """Computes loop times of polls. Pure, apart from `rng`: the caller passes the time.

    Args:
        policy: the user's.
        model: what was learnt of how long tasks take.
        announcements: what was learnt of callbacks.
        rng: where chance comes from.
        now: the loop time; shared moments are counted from one near it, by chance another in each process.
    """

    def __init__(
        self, *, policy: PollPolicy, model: DurationModel, announcements: Announcements, rng: Random, now: float
    ) -> None:
        self._policy = policy
        self._model = model
        self._announcements = announcements
        self._rng = rng
        self._origin = now - rng.random()

    def next_poll(self, task: PolledTask, now: float, *, waiting: int) -> float:
        """Return when to poll a task again that was polled now; `waiting` tasks are polled in all."""
        task.chance = self._rng.random()
        pause, slack = self._pause(task, waiting)
        return self._shared_moment(now + pause, pause, slack, waiting)

    def again(self, task: PolledTask, now: float, *, waiting: int) -> float:
        """Return when to poll a task whose next poll was planned before callbacks stopped."""
        pause, _ = self._pause(task, waiting)
        return max(now, task.born + task.age + pause)

    def hinted(self, task: PolledTask, now: float) -> float:
        """Return when to poll a task that a callback is about: now, unless the shortest pause is not over."""
        return max(now, task.polled_at + self._policy.floor)

    def postponed(self, task: PolledTask, now: float, *, waiting: int) -> float | None:
        """Return the later time of a poll that has fallen due, if what was learnt meanwhile gives one; else None."""
        if not task.polls and not task.is_new:
            return None  # what was taken up again may have ended long ago
        if self._policy.rule != "learned" or now >= task.deadline or task.hinted_at > task.polled_at:
            return None
        pause, slack = self._pause(task, waiting)
        due = task.born + task.age + pause
        if due - now > slack * _WORTH_A_DELAY:
            moment = self._shared_moment(due, pause, slack, waiting)
            return moment if moment > now else None
        return None

    def _pause(self, task: PolledTask, waiting: int) -> tuple[float, float]:
        """Return the seconds from the latest poll to the next, by what is known now, and by how many it may move."""
        unannounced = self._unannounced(task)
        pause = self._policy.pause(task.polls, task.chance) * stretch(unannounced)
        if self._policy.rule != "learned":
            return pause, pause
        pause, slack = self._model.pause(task, task.age, pause, waiting=waiting, unannounced=unannounced)
        pause += slack * _JITTER * (2 * task.chance - 1)
        longest = self._policy.ceiling * stretch(unannounced) * (1 - _JITTER * task.chance)  # spread as well
        return max(min(pause, longest), self._policy.floor), slack

    def _unannounced(self, task: PolledTask) -> float:
        """Return the part of ends of such tasks that no callback will announce, as far as is known."""
        return self._announcements.unannounced(task.kind) if task.has_callback else 1.0

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
        return min(max(moment, before + self._policy.floor), before + max(pause, self._policy.ceiling))
