"""What other rules cost on the same distributions, and the optimum that no rule can beat."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from random import Random

from tests.simulation.workloads import Draw, Work

STEP = 0.25
"""Seconds; the grid of the optimum."""
_MANY = 20_000
"""Of fewer tasks, the optimum would know where each one ends rather than how they are distributed."""
_PRICES = [0.03 * 1.1**number for number in range(60)]
"""Seconds of lag that a look may be worth: 0.03 to 8."""


def sample(draw: Draw, count: int, seed: int = 9) -> list[tuple[str, float]]:
    """Return models and durations."""
    rng = Random(seed)
    return [(work.model, work.end) for work in (draw(rng, number / count) for number in range(count))]


def fixed(durations: Sequence[float], lag: float) -> float:
    """Return the polls per task of a fixed rule of this mean lag: twice the lag apart, its first look at random."""
    return sum(durations) / len(durations) / (2 * lag) + 0.5


def official(durations: Sequence[float], seed: int = 3) -> tuple[float, float]:
    """Return the polls and the mean lag of the official SDK's rule: a pause of 6 s, give or take 1.5."""
    rng, polls, lags = Random(seed), 0, 0.0
    for duration in durations:
        now = 0.0
        while now < duration:
            now += 6 + rng.uniform(-1.5, 1.5)
            polls += 1
        lags += now - duration
    return polls / len(durations), lags / len(durations)


class Optimum:
    """The cost of a rule that knows the distribution of each model, and not how long this task takes.

    No two looks at a task are further apart than `longest` seconds.
    """

    def __init__(self, draw: Draw, *, longest: float) -> None:
        pairs = sample(draw, _MANY)
        self._durations = {
            model: sorted(seconds for name, seconds in pairs if name == model)
            for model in {model for model, _ in pairs}
        }
        self._longest = longest
        self._known: dict[float, dict[str, list[float]]] = {}

    def polls(self, batch: Sequence[Work], lag: float) -> float:
        """Return the fewest polls per task of this batch at this mean lag."""
        after = bisect_left(_PRICES, lag, lo=1, hi=len(_PRICES) - 1, key=lambda price: self.at(price, batch)[1])
        (most, soon), (fewest, late) = (self.at(price, batch) for price in _PRICES[after - 1 : after + 1])
        # Looks lie on a grid, so a lag between two optima is reached by taking now the one and now the other.
        return most + (fewest - most) * (lag - soon) / (late - soon)

    def at(self, price: float, batch: Sequence[Work]) -> tuple[float, float]:
        """Return polls and mean lag of the rule that minimises lag + price * polls."""
        if price not in self._known:
            known = self._durations.items()
            self._known[price] = {model: _looks(durations, price, self._longest) for model, durations in known}
        polls = lags = 0.0
        for work in batch:
            looks = self._known[price][work.model]
            number = bisect_left(looks, work.end)
            polls += number + 1
            if number < len(looks):  # else it is longer than any that is known: let a look come just as it ends
                lags += looks[number] - work.end
        return polls / len(batch), lags / len(batch)


def _looks(durations: Sequence[float], price: float, longest: float) -> list[float]:
    """Return the moments to look at, by dynamic programming from the last possible end backwards."""
    end = math.ceil(durations[-1] / STEP)
    alive, total = [0] * (end + 1), [0.0] * (end + 1)  # how many, and their sum, end by each moment of the grid
    index = 0
    for slot in range(end + 1):
        while index < len(durations) and durations[index] <= slot * STEP:
            index += 1
        alive[slot] = index
    running = 0.0
    position = 0
    for slot in range(end + 1):
        while position < alive[slot]:
            running += durations[position]
            position += 1
        total[slot] = running
    cost, following = [0.0] * (end + 1), [end] * (end + 1)
    widest = int(longest / STEP)
    for slot in range(end - 1, -1, -1):
        waiting = len(durations) - alive[slot]
        best = math.inf
        for look in range(slot + 1, min(end, slot + widest) + 1):
            ended = alive[look] - alive[slot]
            value = price * waiting + ended * look * STEP - (total[look] - total[slot]) + cost[look]
            if value < best:
                best, following[slot] = value, look
        cost[slot] = best if waiting else 0.0
    looks, slot = [], 0
    while slot < end:
        slot = following[slot]
        looks.append(slot * STEP)
    return looks
