"""Figures of very many values in little memory: quantiles to one per cent, and counts over time."""

import math
from collections import Counter, defaultdict

from attrs import define, field

_STEP = math.log(1.02)
"""Of the logarithm: a value is known to one per cent."""
_LEAST = 0.001
_MOST_SPANS = 240


@define
class Durations:
    """Durations in seconds, counted in classes that are two per cent wide."""

    count: int = field(init=False, default=0)
    _classes: Counter[int] = field(init=False, factory=Counter)

    def add(self, seconds: float) -> None:
        """Count one."""
        self.count += 1
        self._classes[math.floor(math.log(max(seconds, _LEAST)) / _STEP)] += 1

    def quantile(self, part: float) -> float | None:
        """Return the duration that so large a part, from 0 to 1, does not exceed; None where there is none."""
        wanted, seen = part * self.count, 0
        for number in sorted(self._classes):
            seen += self._classes[number]
            if seen >= wanted:
                return math.exp((number + 0.5) * _STEP)
        return None

    def shares(self, least: float, most: float, bars: int) -> list[float]:
        """Return how many there are in each of so many bars of equal width on a logarithmic axis, 1 for the most."""
        width = math.log(most / least) / bars
        counts = [0] * bars
        for number, count in self._classes.items():
            place = math.floor(((number + 0.5) * _STEP - math.log(least)) / width)
            counts[min(max(place, 0), bars - 1)] += count
        return [count / max(counts) for count in counts] if any(counts) else [0.0] * bars


@define
class Timeline:
    """What ended when, in spans of equal length; they become longer as the time does."""

    width: int = field(init=False, default=60)
    """Seconds of a span."""
    _spans: defaultdict[int, Counter[str]] = field(init=False, factory=lambda: defaultdict(Counter))

    def add(self, at: float, kind: str) -> None:
        """Count what ended at a time, in seconds since 1970."""
        number = int(at // self.width)
        is_new = number not in self._spans
        self._spans[number][kind] += 1
        while is_new and max(self._spans) - min(self._spans) >= _MOST_SPANS:
            self._widen()

    def spans(self) -> list[tuple[float, Counter[str]]]:
        """Return when each span begins, and what ended in it; from the first to the last, without gaps."""
        if not self._spans:
            return []
        numbers = range(min(self._spans), max(self._spans) + 1)
        return [(number * self.width, self._spans.get(number, Counter())) for number in numbers]

    def _widen(self) -> None:
        self.width *= 2
        wider: defaultdict[int, Counter[str]] = defaultdict(Counter)
        for number, kinds in self._spans.items():
            wider[number // 2] += kinds
        self._spans = wider
