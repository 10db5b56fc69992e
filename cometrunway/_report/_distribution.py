"""Statistics of many values in little memory: quantiles with an error of one per cent, and counts over time."""

import math
from collections import Counter, defaultdict

from attrs import define, field

_STEP = math.log(1.02)
"""The width of a class in the logarithm. A value has an error of one per cent."""
_LEAST = 0.001
_MOST_SPANS = 240


@define
class Durations:
    """Counts durations in seconds, in classes of a width of two per cent."""

    count: int = field(init=False, default=0)
    _classes: Counter[int] = field(init=False, factory=Counter)

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.count += 1
        self._classes[math.floor(math.log(max(seconds, _LEAST)) / _STEP)] += 1

    def quantile(self, part: float) -> float | None:
        """Return the quantile of the durations for a part from 0 to 1; None if there are no durations."""
        wanted, seen = part * self.count, 0
        for number in sorted(self._classes):
            seen += self._classes[number]
            if seen >= wanted:
                return math.exp((number + 0.5) * _STEP)
        return None

    def shares(self, least: float, most: float, bars: int) -> list[float]:
        """Return the heights of `bars` bars of equal width on a logarithmic axis. The highest bar has 1."""
        width = math.log(most / least) / bars
        counts = [0] * bars
        for number, count in self._classes.items():
            place = math.floor(((number + 0.5) * _STEP - math.log(least)) / width)
            counts[min(max(place, 0), bars - 1)] += count
        return [count / max(counts) for count in counts] if any(counts) else [0.0] * bars


@define
class Timeline:
    """Counts ends in time spans of equal length. The spans become longer if the whole time becomes longer."""

    width: int = field(init=False, default=60)
    """The length of a span in seconds."""
    _spans: defaultdict[int, Counter[str]] = field(init=False, factory=lambda: defaultdict(Counter))

    def add(self, at: float, kind: str) -> None:
        """Count one end of a kind at a time, in seconds since 1970."""
        number = int(at // self.width)
        is_new = number not in self._spans
        self._spans[number][kind] += 1
        while is_new and max(self._spans) - min(self._spans) >= _MOST_SPANS:
            self._widen()

    def spans(self) -> list[tuple[float, Counter[str]]]:
        """Return the start of each span and the counts in it, from the first to the last span without gaps."""
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
