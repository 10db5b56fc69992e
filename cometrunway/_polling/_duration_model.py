"""What finished tasks taught about how long a task takes, and so when the next look pays. Pure: the caller tells ages.

Two clocks tell how far a task has come: its age, and its progress where the API reports one. Each has a hazard table
for each kind of task (a route and a model). Which of them is asked is decided by which has been less surprised so far
by what looks found, so progress is trusted only as far as it has proved itself in this session.
"""

import math
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from cometrunway._polling._hazard_table import HazardTable

_AGE_EDGES = (0.0, *(1.06**number for number in range(140)))  # seconds, to an hour
_PROGRESS_EDGES = (*(number / 50 for number in range(100)), *(2 * 1.1**number for number in range(40)))  # of the whole
_ENOUGH_FOR_PROGRESS = 4
"""How many ends its table must have seen before it is asked instead of the other, which is known to be good."""
_FEW = 300.0
_SHORTEST_STEP = 0.3
"""The more tasks there are than few, the shorter are the steps in which scouts go on where ends are near: down to this
part of a cautious one."""
_MEMORY = 0.98
"""How much of the old score remains with each look that both clocks had foretold."""
_MARGIN = 0.02
"""How much less surprising, per look, progress must have been before it is asked."""
_LEAST_RATE = 1e-4
_LEAST_TIME = 1.0
"""Seconds between two reports of progress that tell a rate: a task taken up from elsewhere has come far at age 0."""
_REMEMBERED = 100.0
"""How many ends what an earlier session learnt is worth, at most: fresh ones outweigh it soon."""


@define
class Course:
    """What was seen of one task so far."""

    kind: str
    """Tasks of one kind take about equally long."""
    age: float = 0.0
    """Seconds from its create to the latest look."""
    looks: int = 0
    _progress: float = 0.0
    _progress_age: float = 0.0
    _rate: float = 0.0
    """Progress per second; 0 while unknown."""

    def see(self, age: float, progress: float | None) -> None:
        """Take in a look that found the task unfinished at this age."""
        if progress is not None and progress > self._progress:
            if age - self._progress_age >= _LEAST_TIME:
                self._rate = (progress - self._progress) / (age - self._progress_age)
            self._progress, self._progress_age = progress, age
        elif not self._progress:
            self._progress_age = age  # it has not begun
        self.age = age
        self.looks += 1

    @property
    def has_progress(self) -> bool:
        """Whether its progress tells how far it will have come at any age."""
        return self._rate > _LEAST_RATE

    @property
    def rate(self) -> float:
        """Progress per second."""
        return self._rate

    def progress_at(self, age: float) -> float:
        """Return its progress at an age, if it goes on as it did; may be above 1."""
        return self._progress + (age - self._progress_age) * self._rate


@define
class _Kind:
    by_age: HazardTable = field(factory=lambda: HazardTable(_AGE_EDGES, lindy=20.0))
    by_progress: HazardTable = field(factory=lambda: HazardTable(_PROGRESS_EDGES, lindy=1.0))
    advantage: float = 0.0
    """How much less surprising progress was than age, per look; fading."""

    @classmethod
    def restored(cls, snapshot: Mapping[str, Any]) -> "_Kind":
        kind = cls(advantage=float(snapshot["advantage"]))
        if not math.isfinite(kind.advantage):
            raise ValueError("its advantage is no number")
        kind.by_age.restore(snapshot["by_age"], at_most=_REMEMBERED)
        kind.by_progress.restore(snapshot["by_progress"], at_most=_REMEMBERED)
        return kind

    def snapshot(self) -> dict[str, Any]:
        return {
            "advantage": self.advantage,
            "by_age": self.by_age.snapshot(),
            "by_progress": self.by_progress.snapshot(),
        }


class Pace:
    """Learns from every look, and prices the next one.

    Args:
        price: the seconds of lag that one look is worth.
        shortest: no two looks at a task are closer, in seconds.
        longest: nor further apart, in seconds.
    """

    def __init__(self, *, price: float, shortest: float, longest: float) -> None:
        self._price = price
        self._shortest = shortest
        self._longest = longest
        self._kinds: dict[str, _Kind] = {}

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Return what was learnt of each kind of which a task has ended, as plain values."""
        return {name: kind.snapshot() for name, kind in self._kinds.items() if kind.by_age.ends}

    def restore(self, name: str, snapshot: Mapping[str, Any]) -> None:
        """Begin with what an earlier session learnt of a kind; it weighs less than what this one will see.

        Raises:
            ValueError, TypeError, KeyError, OverflowError: no snapshot, or another version's; nothing has changed.
        """
        self._kinds[name] = _Kind.restored(snapshot)

    def learn(self, course: Course, age: float, *, ended: bool) -> None:
        """Take in what a look found at this age, before `course` has seen it."""
        kind = self._kind(course)
        if age <= course.age:
            return
        by_age = kind.by_age.learn(course.age, age, ended=ended)
        if course.has_progress:
            start, end = course.progress_at(course.age), course.progress_at(age)
            by_progress = kind.by_progress.learn(start, end, ended=ended)
            kind.advantage = _MEMORY * kind.advantage + (1 - _MEMORY) * (by_age - by_progress)

    def pause(self, course: Course, age: float, cautious: float, *, crowd: int) -> tuple[float, float]:
        """Return the seconds from `age` until the next look pays, and its slack, which is no longer.

        Some part of the slack earlier or later matters little; see `HazardTable.pause`.

        The pause is never more than `cautious` after the age to which enough of its kind were seen to live: beyond
        that, nothing speaks against an end in the next moment. A batch that was submitted at once goes all its way
        along this frontier; the few of it that are looked at first move it on, and spare the others their looks. Once
        ends are near, scouts pay for shorter steps, where `crowd` tasks are waited for.
        """
        kind = self._kind(course)
        table, now, rate = kind.by_age, age, 1.0  # in the units of the clock that is asked
        is_crowded = crowd > _FEW and table.ends
        step = cautious * max(_SHORTEST_STEP, _FEW / crowd) if is_crowded else cautious
        longest = min(table.known_until(age) - age + step, self._longest)
        if course.has_progress:
            longest = min(longest, self._hinted(kind, course, age))
            if self._asks_progress(kind):
                table, now, rate = kind.by_progress, course.progress_at(age), course.rate
        if not kind.by_age.ends:
            return longest, min(longest, cautious)
        pause, slack = table.pause(now, self._price * rate, longest * rate)
        most = step if pause >= longest * rate else pause / rate
        pause, slack = pause / rate, slack / rate
        return min(max(pause, self._shortest), self._longest), min(slack, pause, most)

    def _hinted(self, kind: _Kind, course: Course, age: float) -> float:
        """Return until when progress asks for a look, which may be wrong, while nothing is known of its worth."""
        if kind.by_progress.ends < _ENOUGH_FOR_PROGRESS:
            left = (1 - course.progress_at(age)) / course.rate
            if left > 0:
                return left + self._shortest
        return math.inf

    def foretell(self, course: Course, odds: float) -> float | None:
        """Return the age by which the task has ended but once in `odds`; None before that is known."""
        kind = self._kind(course)
        longer = kind.by_age.within(course.age, odds)
        return None if longer is None else course.age + longer

    @staticmethod
    def _asks_progress(kind: _Kind) -> bool:
        return kind.advantage > _MARGIN and kind.by_progress.ends >= _ENOUGH_FOR_PROGRESS

    def _kind(self, course: Course) -> _Kind:
        kind = self._kinds.get(course.kind)
        if kind is None:
            kind = self._kinds[course.kind] = _Kind()
        return kind
