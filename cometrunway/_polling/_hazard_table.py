"""A hazard table: the rate of ends at each age, given that the task has not ended before. Learned online. Pure.

Ages are divided into bins that grow with age. Each poll adds to the table. A poll that finds no end adds exposure. A
poll that finds the end adds an event. The event is distributed over the time since the previous poll by the table's
own hazards (the self-consistent estimate for interval-censored data, one poll at a time). The hazard of a bin is its
events divided by its exposure, smoothed over its neighbours. A prior that is worth less than one task is added: the
greater of the hazard of the previous bin and a rate that falls with age. The weight of an end falls with each later
end.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

_PRIOR_WEIGHT = 0.2
"""The weight of the prior in each bin, in tasks."""
_FORGETTING = 1.004
"""The factor by which each end weighs more than the previous one. After 175 ends, half is forgotten."""
_PRIOR_RATE = 0.7
"""The prior hazard, multiplied by the age. With ln 2, half of the tasks end before their age has doubled."""
_KNOWN = 10.0
"""The number of tasks that must have passed through a bin before its hazard is known."""
_ENOUGH_TO_PREDICT = math.log(4 / 3)
"""The integrated hazard that must be observed before ends are predicted. A quarter of the tasks have then ended."""
_LEAST = 1e-9
_TOO_HEAVY = 1e12
_FRESH = 64
"""The largest number of polls before the hazards are rebuilt. A rebuild costs as much as about ten decisions."""


class HazardTable:
    """Events per unit of time, by age, in any unit of time.

    Args:
        edges: where bins begin, rising from 0; the last bin has no end.
        prior_median: before anything is learned, half of the tasks are expected to end within this time. At a greater
            age, half of the remaining tasks are expected to end before their age has doubled.
    """

    def __init__(self, edges: Sequence[float], *, prior_median: float) -> None:
        self._edges = [*edges, math.inf]
        # The last bin has no end. Its width is taken to be about the age at which it begins.
        self._widths = [min(end, 2 * start + 1) - start for start, end in pairwise(self._edges)]
        self._prior = [_PRIOR_RATE / max(start, prior_median) for start in edges]
        self._events = [0.0] * len(edges)
        self._exposure = [0.0] * len(edges)
        self._weight = 1.0
        self._numbers = range(len(edges))
        self._hazards: list[float] = []
        self._risk_at: list[float] = []
        """The integral of the hazard up to each edge."""
        self._lag_at: list[float] = []
        """The integral of `_risk_at`."""
        self._reach: list[float] = []
        self._risks: list[float] | None = None
        self._polls = 0
        self._stale = self._may_be_stale = 0
        self.ends = 0
        """The number of ends that the table has learned from."""
        self._rebuild()

    def learn(self, start: float, end: float, *, ended: bool) -> float:
        """Learn from a poll at age `end` after one at age `start`; `ended`: the task ended between them.

        Return minus the logarithm of the probability that the table gave to this result.
        """
        if end <= start:
            return 0.0
        self._polls += 1
        self._stale += 1
        return self._on_end(start, end) if ended else self._on_nothing(start, end)

    def _on_nothing(self, start: float, end: float) -> float:
        risk = 0.0
        for number, width in self._cut(start, end):
            self._exposure[number] += width * self._weight
            risk += self._hazards[number] * width
        return risk

    def _on_end(self, start: float, end: float) -> float:
        self._refresh()
        cuts, alive, shares = list(self._cut(start, end)), 1.0, []
        for number, width in cuts:
            shares.append(-alive * math.expm1(-self._hazards[number] * width))
            alive -= shares[-1]
        later = total = sum(shares)
        for (number, width), share in zip(cuts, shares, strict=True):
            later -= share
            self._events[number] += self._weight * share / total
            self._exposure[number] += self._weight * width * (later + share / 2) / total
        self.ends += 1
        self._forget()
        return -math.log(max(total, _LEAST))

    def _cut(self, start: float, end: float) -> Iterator[tuple[int, float]]:
        """Yield the bins between two ages, and the width of the part of each bin that lies between them."""
        moment, number = start, self._bin(start)
        while moment < end:
            edge = min(self._edges[number + 1], end)
            yield number, edge - moment
            moment, number = edge, number + 1

    def known_until(self, age: float) -> float:
        """Return the greatest age, from `age` on, that enough tasks are known to have reached unfinished."""
        self._refresh()
        return max(age, self._reach[self._bin(age)])

    def pause(self, age: float, price: float, longest: float) -> tuple[float, float]:
        """Return the time d until a poll is worth its price, at most `longest`, and the slack of this poll.

        d solves `integral over x from 0 to d of h(age + x) * (d - x) = price`: the expected lag without the poll has
        then grown to the price of a poll. The slack is `2 * price / integral over x from 0 to d of h(age + x)`. A poll
        that is earlier or later by a small part of the slack saves or costs twice that part of the price. If the hazard
        is constant, the slack is d. If the hazard rises, the slack is less than d.
        """
        self._refresh()
        hazards, edges, risk_at, lag_at = self._hazards, self._edges, self._risk_at, self._lag_at
        first = self._bin(age)
        risk = risk_at[first] + hazards[first] * (age - edges[first])
        lag = lag_at[first] + (risk_at[first] + risk) / 2 * (age - edges[first])
        # A poll at an edge saves `lag_at[edge] - lag - risk * (edges[edge] - age)`.
        enough = price + lag - risk * age
        beyond = bisect_left(self._numbers, enough, first + 1, key=lambda edge: lag_at[edge] - risk * edges[edge])
        number, moment, run, short = first, age, 0.0, price
        if beyond > first + 1:
            number, moment = beyond - 1, edges[beyond - 1]
            run = risk_at[number] - risk
            short = max(0.0, enough - lag_at[number] + risk * moment)
        root = math.sqrt(run * run + 2 * hazards[number] * short) or _LEAST  # sums of steep hazards lose digits
        pause = moment - age + 2 * short / (run + root)
        return (pause, 2 * price / root) if pause < longest else (longest, longest)

    def within(self, age: float, odds: float) -> float | None:
        """Return the time from `age` until all tasks except one in `odds` have ended; None before a quarter has ended.

        After the last known age, the hazard is assumed to stay as it was there, and to be at least the prior.
        """
        self._refresh()
        if self._risks is None:
            self._risks = self._observed_risks()
        risks, edges = self._risks, self._edges[:-1]
        if not risks:
            return None
        return _between(_between(age, edges, risks) + math.log(odds), risks, edges) - age

    def snapshot(self) -> dict[str, Any]:
        """Return what the table has learned, as plain values for JSON, without the empty bins at the end."""
        return {
            "bins": self._bins(),
            "ends": self.ends,
            "events": _rounded(value / self._weight for value in self._events),
            "exposure": _rounded(value / self._weight for value in self._exposure),
        }

    def restore(self, snapshot: Mapping[str, Any], *, at_most: float) -> None:
        """Start with what another table has learned, with a weight of at most `at_most` ends.

        Raises:
            ValueError, TypeError, KeyError: the snapshot is not from a table with these bins. Nothing has changed.
        """
        if snapshot["bins"] != self._bins():
            raise ValueError(f"its bins are {snapshot['bins']}, not {self._bins()}")
        events, exposure = self._checked(snapshot["events"]), self._checked(snapshot["exposure"])
        [ends] = self._checked([snapshot["ends"]])[:1]
        part = min(1.0, at_most / max(sum(events), 1.0))
        self.ends = int(min(ends, at_most))
        self._events = [value * part for value in events]
        self._exposure = [value * part for value in exposure]
        self._weight = 1.0
        self._rebuild()

    def _checked(self, values: Sequence[float]) -> list[float]:
        if len(values) > len(self._events) or not all(0 <= value < _TOO_HEAVY for value in values):
            raise ValueError("it holds more values than there are bins, or a value that is no amount")
        return [*map(float, values)] + [0.0] * (len(self._events) - len(values))

    def _bins(self) -> list[float]:
        return [len(self._events), self._edges[1], self._edges[-2]]

    def _bin(self, moment: float) -> int:
        return bisect_right(self._edges, moment) - 1

    def _forget(self) -> None:
        self._weight *= _FORGETTING
        if self._weight > _TOO_HEAVY:
            self._events = [value / self._weight for value in self._events]
            self._exposure = [value / self._weight for value in self._exposure]
            self._weight = 1.0

    def _refresh(self) -> None:
        # A rebuild after every poll would cost more than the poll. The more is known, the less one poll changes.
        if self._stale > self._may_be_stale:
            self._rebuild()

    def _observed_risks(self) -> list[float]:
        """Return the observed integrated hazard at each edge, without the prior; empty if too little was observed."""
        risks, seen, last = [0.0], 0.0, 0.0
        smoothed = zip(self._widths, self._prior, _smoothed(self._events), _smoothed(self._exposure), strict=True)
        for width, prior, events, exposure in smoothed:
            is_known = exposure > _KNOWN / 2 * self._weight * width
            hazard = events / exposure if is_known else max(last, prior)
            risks.append(risks[-1] + max(hazard, _LEAST) * width)
            seen, last = risks[-1] if is_known else seen, hazard or last
        return risks[:-1] if seen > _ENOUGH_TO_PREDICT else []

    def _reaches(self) -> list[float]:
        reach, reaches, enough = self._edges[-1], [], _KNOWN * self._weight
        for start, width, exposure in zip(self._edges[-2::-1], self._widths[::-1], self._exposure[::-1], strict=True):
            reach = reach if exposure > enough * width else start
            reaches.append(reach)
        return reaches[::-1]

    def _rebuild(self) -> None:
        self._stale, self._may_be_stale = 0, min(_FRESH, max(self.ends, self._polls // 8) // 8)
        self._risks = None
        self._reach = self._reaches()
        prior_weight = _PRIOR_WEIGHT * self._weight
        smoothed = zip(self._widths, self._prior, _smoothed(self._events), _smoothed(self._exposure), strict=True)
        self._hazards, self._risk_at, self._lag_at = [], [], []
        hazard = risk = lag = 0.0
        for width, prior, events, exposure in smoothed:
            expected = max(prior, hazard)
            hazard = (events + prior_weight * width * expected) / (exposure + prior_weight * width)
            self._hazards.append(hazard)
            self._risk_at.append(risk)
            self._lag_at.append(lag)
            lag += (risk + hazard * width / 2) * width
            risk += hazard * width


def _rounded(values: Iterable[float]) -> list[float]:
    rounded = [float(f"{value:.4g}") for value in values]
    while rounded and not rounded[-1]:
        rounded.pop()
    return rounded


def _smoothed(values: list[float]) -> list[float]:
    """Return the mean of each value and its neighbours. The value itself has twice the weight."""
    before, after = [values[0], *values], [*values[1:], values[-1]]
    return [(one + 2 * two + three) / 4 for one, two, three in zip(before, values, after, strict=False)]


def _between(value: float, here: Sequence[float], there: Sequence[float]) -> float:
    """Return the value of the rising curve through these points at `value`. Its last piece continues without end."""
    number = min(max(bisect_right(here, value), 1), len(there) - 1)
    part = (value - here[number - 1]) / (here[number] - here[number - 1])
    return there[number - 1] + part * (there[number] - there[number - 1])
