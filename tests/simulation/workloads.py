"""How long tasks take: distributions that real queues resemble, drawn from a seeded generator."""

import math
from collections.abc import Callable
from random import Random

from attrs import frozen


@frozen
class Work:
    """One task: `start` seconds of waiting, then running until `end`, both from its create."""

    model: str
    start: float
    end: float
    bend: float = 1.0
    """The exponent by which its progress departs from a straight line."""

    def progress(self, age: float, kind: str) -> float | None:
        """Return what the API reports at an age: `absent`, `good` (percent) or `coarse` (tenths, up to 0.9)."""
        if kind == "absent" or age <= self.start:
            return None
        part = min(0.999, (age - self.start) / (self.end - self.start))
        if kind == "good":
            return math.floor(100 * min(0.99, math.pow(part, self.bend**0.25))) / 100
        return 0.5 if kind == "frozen" else min(0.9, math.floor(10 * math.pow(part, self.bend)) / 10)


Draw = Callable[[Random, float], Work]
"""Draws one task; the second argument is how much of the batch has been drawn, 0 to 1."""


def _lognormal(rng: Random, median: float, sigma: float) -> float:
    return median * math.exp(sigma * rng.gauss(0, 1))


def _work(rng: Random, seconds: float, *, model: str = "gen4_turbo", waiting: float = 0.15) -> Work:
    return Work(model, waiting * seconds, seconds, math.exp(0.4 * rng.gauss(0, 1)))


def _two(rng: Random, *, told_apart: bool) -> Work:
    is_fast = rng.random() < 0.6
    seconds = _lognormal(rng, 20, 0.25) if is_fast else _lognormal(rng, 90, 0.35)
    return _work(rng, seconds, model="turbo" if is_fast or not told_apart else "full", waiting=0.1)


def _queue(rng: Random, _part: float) -> Work:
    service = _lognormal(rng, 25, 0.3)
    waiting = min(20 * (rng.paretovariate(1.5) - 1), 600) if rng.random() < 0.3 else 2 * rng.random()
    return Work("gen4_turbo", waiting, waiting + service, math.exp(0.4 * rng.gauss(0, 1)))


STATIONARY: dict[str, Draw] = {
    "lognormal": lambda rng, _: _work(rng, _lognormal(rng, 30, 0.4)),
    "tight": lambda rng, _: _work(rng, _lognormal(rng, 30, 0.12)),
    "bimodal by model": lambda rng, _: _two(rng, told_apart=True),
    "mixed in one model": lambda rng, _: _two(rng, told_apart=False),
    "heavy-tailed queue": _queue,
    "minutes": lambda rng, _: _work(rng, _lognormal(rng, 150, 0.5)),
    "uniform 20 to 60": lambda rng, _: _work(rng, rng.uniform(20, 60)),
}
DRIFTING: dict[str, Draw] = {
    "drift": lambda rng, part: _work(rng, _lognormal(rng, 30 if part < 0.5 else 66, 0.3)),
    "jump by 5": lambda rng, part: _work(rng, _lognormal(rng, 20 if part < 0.5 else 100, 0.2)),
}
WORKLOADS = STATIONARY | DRIFTING
