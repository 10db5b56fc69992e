"""Learns from polls how long tasks take, and computes the time of the next poll. Pure: the caller passes ages.

There are two predictors of a task's end: its age, and its progress if the API reports it. Each has a hazard table
for each kind of task (a route and a model). The model uses the predictor that has predicted the results of polls better
so far in this session. Progress is therefore used only if it has been right.
"""

import math
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from cometrunway._polling._hazard_table import HazardTable

_AGE_EDGES = (0.0, *(1.06**number for number in range(140)))  # seconds, to an hour
_PROGRESS_EDGES = (*(number / 50 for number in range(100)), *(2 * 1.1**number for number in range(40)))  # of the whole
_ENOUGH_FOR_PROGRESS = 4
"""The number of ends that the table of progress needs before it is used."""
_FEW = 300.0
_SHORTEST_STEP = 0.3
"""If many tasks wait and ends are near, the oldest tasks are polled in shorter steps: at least this part of a
cautious step."""
_MEMORY = 0.98
"""The part of the old score that remains after each poll that both predictors have predicted."""
_MARGIN = 0.02
"""The advantage in log-likelihood per poll that progress needs over age before it is used."""
_LEAST_RATE = 1e-4
_LEAST_TIME = 1.0
"""The least number of seconds between two reports of progress that give a rate. A task that was attached from
elsewhere has progress at age 0."""
_HEARTBEAT = 10.0
"""A pause with callbacks is at most this many times as long as one without, because a callback can be lost."""
_REMEMBERED = 100.0
"""The history of earlier sessions weighs at most as much as this number of ends, so that new ends soon outweigh it."""


def stretch(unannounced: float) -> float:
    """Return the factor by which pauses may be longer if callbacks announce all ends except this part."""
    return min(1 / unannounced, _HEARTBEAT)


@define(eq=False, repr=False)
class ObservedTask:
    """What polls have found out about one task so far."""

    kind: str
    """Tasks of one kind take about equally long."""
    age: float = 0.0
    """Seconds from its create to the latest poll."""
    polls: int = 0
    _progress: float = 0.0
    _progress_age: float = 0.0
    _rate: float = 0.0
    """Progress per second; 0 while unknown."""

    def observe(self, age: float, progress: float | None) -> None:
        """Record a poll that found the task unfinished at this age."""
        if progress is not None and progress > self._progress:
            if age - self._progress_age >= _LEAST_TIME:
                self._rate = (progress - self._progress) / (age - self._progress_age)
            self._progress, self._progress_age = progress, age
        elif not self._progress:
            self._progress_age = age  # the work has not begun
        self.age = age
        self.polls += 1

    @property
    def has_progress(self) -> bool:
        """Whether the progress at a later age can be predicted."""
        return self._rate > _LEAST_RATE

    @property
    def rate(self) -> float:
        """Progress per second."""
        return self._rate

    def progress_at(self, age: float) -> float:
        """Return the progress at an age, computed with the present rate. It may be above 1."""
        return self._progress + (age - self._progress_age) * self._rate


@define(eq=False, repr=False)
class _Kind:
    by_age: HazardTable = field(factory=lambda: HazardTable(_AGE_EDGES, prior_median=20.0))
    by_progress: HazardTable = field(factory=lambda: HazardTable(_PROGRESS_EDGES, prior_median=1.0))
    advantage: float = 0.0
    """By how much progress has predicted better than age, per poll. Older polls weigh less."""

    @classmethod
    def restored(cls, snapshot: Mapping[str, Any]) -> "_Kind":
        kind = cls(advantage=float(snapshot["advantage"]))
        if not math.isfinite(kind.advantage):
            raise ValueError("its advantage is not a finite number")
        kind.by_age.restore(snapshot["by_age"], at_most=_REMEMBERED)
        kind.by_progress.restore(snapshot["by_progress"], at_most=_REMEMBERED)
        return kind

    def snapshot(self) -> dict[str, Any]:
        return {
            "advantage": self.advantage,
            "by_age": self.by_age.snapshot(),
            "by_progress": self.by_progress.snapshot(),
        }


class DurationModel:
    """Learns from every poll, and computes the pause before the next one.

    Args:
        price: the seconds of lag that one poll is worth.
        shortest: the shortest pause between two polls of a task, in seconds.
        longest: the longest pause between two polls of a task, in seconds.
    """

    def __init__(self, *, price: float, shortest: float, longest: float) -> None:
        self._price = price
        self._shortest = shortest
        self._longest = longest
        self._kinds: dict[str, _Kind] = {}

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Return as plain values what was learned about each kind that has at least one ended task."""
        return {name: kind.snapshot() for name, kind in self._kinds.items() if kind.by_age.ends}

    def restore(self, name: str, snapshot: Mapping[str, Any]) -> None:
        """Start with what an earlier session learned about a kind. It weighs less than what this session learns.

        Raises:
            ValueError, TypeError, KeyError, OverflowError: it is not a snapshot of this version. Nothing has changed.
        """
        self._kinds[name] = _Kind.restored(snapshot)

    def learn(self, task: ObservedTask, age: float, *, ended: bool) -> None:
        """Learn from the result of a poll at this age. Call it before `task.observe`."""
        kind = self._kind(task)
        if age <= task.age:
            return
        by_age = kind.by_age.learn(task.age, age, ended=ended)
        if task.has_progress:
            start, end = task.progress_at(task.age), task.progress_at(age)
            by_progress = kind.by_progress.learn(start, end, ended=ended)
            kind.advantage = _MEMORY * kind.advantage + (1 - _MEMORY) * (by_age - by_progress)

    def pause(
        self, task: ObservedTask, age: float, cautious: float, *, waiting: int, unannounced: float = 1.0
    ) -> tuple[float, float]:
        """Return the seconds from `age` to the next poll, and its slack, which is at most as long as the pause.

        A poll may move by a small part of the slack; see `HazardTable.pause`.

        The known age is the age that enough tasks of the kind have reached unfinished. After it, a task may end at
        any moment. The pause therefore ends at most `cautious` seconds after the known age. In a batch that was
        submitted at once, the first few polls raise the known age, and the other tasks need no poll until then. If
        ends are near and many tasks are `waiting`, these first polls come in shorter steps.

        Callbacks announce all ends except the `unannounced` part. A poll saves lag for this part only. It is
        therefore worth its price later, and the longest pause is longer.
        """
        kind = self._kind(task)
        table, now, rate = kind.by_age, age, 1.0  # in the units of the predictor that is used
        are_many = waiting > _FEW and table.ends
        step = cautious * max(_SHORTEST_STEP, _FEW / waiting) if are_many else cautious
        most_seconds = self._longest * stretch(unannounced)
        longest = min(table.known_until(age) - age + step, most_seconds)
        if task.has_progress:
            longest = min(longest, self._hinted(kind, task, age))
            if self._uses_progress(kind):
                table, now, rate = kind.by_progress, task.progress_at(age), task.rate
        if not kind.by_age.ends:
            return longest, min(longest, cautious)
        pause, slack = table.pause(now, self._price / unannounced * rate, longest * rate)
        most = step if pause >= longest * rate else pause / rate
        pause, slack = pause / rate, slack / rate
        return min(max(pause, self._shortest), most_seconds), min(slack, pause, most)

    def _hinted(self, kind: _Kind, task: ObservedTask, age: float) -> float:
        """Return the seconds to the end that progress predicts. Used while the quality of its prediction is unknown."""
        if kind.by_progress.ends < _ENOUGH_FOR_PROGRESS:
            left = (1 - task.progress_at(age)) / task.rate
            if left > 0:
                return left + self._shortest
        return math.inf

    def expected_age(self, task: ObservedTask, odds: float) -> float | None:
        """Return the age at which all such tasks except one in `odds` have ended; None if it is not known yet."""
        kind = self._kind(task)
        longer = kind.by_age.within(task.age, odds)
        return None if longer is None else task.age + longer

    @staticmethod
    def _uses_progress(kind: _Kind) -> bool:
        return kind.advantage > _MARGIN and kind.by_progress.ends >= _ENOUGH_FOR_PROGRESS

    def _kind(self, task: ObservedTask) -> _Kind:
        kind = self._kinds.get(task.kind)
        if kind is None:
            kind = self._kinds[task.kind] = _Kind()
        return kind
