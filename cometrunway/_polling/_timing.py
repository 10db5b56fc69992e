"""Decides when to poll a task next, from what was learned. Spreads polls randomly, and lets several share a moment."""

import math
from random import Random

from attrs import define

from cometrunway._handle import TaskFuture
from cometrunway._policies import PollPolicy
from cometrunway._polling._announcements import Announcements
from cometrunway._polling._duration_model import DurationModel, ObservedTask, stretch

_JITTER = 0.1
_WORTH_A_DELAY = 0.1
"""A due poll is postponed only if the delay is more than this part of its slack."""
_COARSEST = 3
_MEETING = 4
"""Exponents of 2: of the coarsest distance between shared moments, 1/8 of the slack; of the polls that share one."""


@define(kw_only=True, eq=False, repr=False)
class PolledTask(ObservedTask):
    """One polled task: what was observed of it, and how long to poll it."""

    future: TaskFuture
    born: float
    """The loop time at which the task was created."""
    is_new: bool
    """Whether this session has just created it."""
    deadline: float
    """The loop time at which the wait ends."""
    unknown_until: float | None
    """The loop time until which `task_not_exist` means "not yet"; None while the server knows the task."""
    succeeded_at: float | None = None
    """The loop time of the first answer that stated a success without a file."""
    refusals: int = 0
    """The number of refusals of the key in a row, up to the latest answer."""
    refused_since: float = 0.0
    """The loop time of the first of these refusals."""
    has_callback: bool = False
    """Whether the gateway has a URL to which it posts the end of the task."""
    polled_at: float = -math.inf
    """The loop time at which its latest poll was sent."""
    hinted_at: float = -math.inf
    """The loop time of the latest callback."""
    is_hinted: bool = False
    """Whether a callback asked for its latest poll."""
    announced_at: float | None = None
    """The loop time of the first callback that announced its end."""
    is_cancelled: bool = False
    """Whether the provider has confirmed the cancellation. It may then no longer know the task."""
    may_be_cancelled: bool = False
    """Whether the answer to a request to cancel it was lost."""
    due: float = math.inf
    """The loop time of its next poll; infinity while a poll is under way."""
    entry: int = 0
    """The number of the valid entry in the heap. All other entries of the task are void."""
    chance: float = 0.0
    """The position of the next poll within its random spread, from 0 to 1."""


class PollTiming:
    """Computes loop times of polls. Pure, apart from `rng`: the caller passes the time.

    Args:
        policy: the user's policy.
        model: knows how long tasks take.
        announcements: knows how often callbacks announce an end.
        rng: the source of randomness.
        now: the loop time. Shared moments are counted from a random time near it, which differs between processes.
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
        """Return the time of the next poll of a task that was polled now; `waiting` tasks are polled in all."""
        task.chance = self._rng.random()
        pause, slack = self._pause(task, waiting)
        return self._shared_moment(now + pause, pause, slack, waiting)

    def again(self, task: PolledTask, now: float, *, waiting: int) -> float:
        """Return the new time of a poll that was planned before callbacks stopped."""
        pause, _ = self._pause(task, waiting)
        return max(now, task.born + task.age + pause)

    def hinted(self, task: PolledTask, now: float) -> float:
        """Return when to poll a task after a callback: now, or as soon as the shortest pause is over."""
        return max(now, task.polled_at + self._policy.floor)

    def postponed(self, task: PolledTask, now: float, *, waiting: int) -> float | None:
        """Return a later time for a due poll if newly learned durations give one; else None."""
        if not task.polls and not task.is_new:
            return None  # a resumed task may have ended long ago
        if self._policy.rule != "learned" or now >= task.deadline or task.hinted_at > task.polled_at:
            return None
        pause, slack = self._pause(task, waiting)
        due = task.born + task.age + pause
        if due - now > slack * _WORTH_A_DELAY:
            moment = self._shared_moment(due, pause, slack, waiting)
            return moment if moment > now else None
        return None

    def _pause(self, task: PolledTask, waiting: int) -> tuple[float, float]:
        """Return the seconds from the latest poll to the next, and the seconds by which the next poll may move."""
        unannounced = self._unannounced(task)
        pause = self._policy.pause(task.polls, task.chance) * stretch(unannounced)
        if self._policy.rule != "learned":
            return pause, pause
        pause, slack = self._model.pause(task, task.age, pause, waiting=waiting, unannounced=unannounced)
        pause += slack * _JITTER * (2 * task.chance - 1)
        longest = self._policy.ceiling * stretch(unannounced) * (1 - _JITTER * task.chance)  # spread, too
        return max(min(pause, longest), self._policy.floor), slack

    def _unannounced(self, task: PolledTask) -> float:
        """Return the estimated part of the ends of such tasks that no callback announces."""
        return self._announcements.unannounced(task.kind) if task.has_callback else 1.0

    def _shared_moment(self, due: float, pause: float, slack: float, waiting: int) -> float:
        """Return a moment near the end of this pause that other polls share.

        One wakeup of the process then sends several polls. Shared moments are an eighth of the slack apart, or less
        if about fifteen polls share one anyway. The pause stays between floor and ceiling.
        """
        if self._policy.rule == "fixed":
            return due
        finer = max(_COARSEST, waiting.bit_length() - _MEETING)
        between = math.ldexp(1.0, math.frexp(slack)[1] - 1 - finer)
        moment = self._origin + round((due - self._origin) / between) * between
        before = due - pause
        return min(max(moment, before + self._policy.floor), before + max(pause, self._policy.ceiling))
