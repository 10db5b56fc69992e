"""Gateways that limit creates, each in its own way, drawn after what is common."""

import heapq
import math
from collections import deque
from collections.abc import Callable, Mapping
from random import Random

from attrs import define, field

_LITTLE = 1e-9


@define
class Bucket:
    """So many tokens per second, at most `burst` saved up; with `says_when`, a 429 has a Retry-After."""

    rate: float
    burst: float
    says_when: bool = False
    _tokens: float = field(init=False)
    _at: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self._tokens = self.burst

    def admit(self, now: float) -> float | None:
        """Return None for a create that is accepted, else the pause that its 429 asks for, 0 for none."""
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens >= 1 - _LITTLE:
            self._tokens -= 1
            return None
        return math.ceil((1 - self._tokens) / self.rate) if self.says_when else 0.0

    def answered(self) -> None:
        """Take note that a create was answered."""


@define
class FixedWindows:
    """So many creates in each window of so many seconds, by the clock."""

    rate: float
    seconds: float
    says_when: bool = False
    _number: int = field(init=False, default=-1)
    _count: int = field(init=False, default=0)

    def admit(self, now: float) -> float | None:
        """As above."""
        number = math.floor(now / self.seconds + _LITTLE)
        if number != self._number:
            self._number, self._count = number, 0
        if self._count + 1 <= self.rate * self.seconds + _LITTLE:
            self._count += 1
            return None
        return math.ceil((number + 1) * self.seconds - now) if self.says_when else 0.0

    def answered(self) -> None:
        """As above."""


@define
class SlidingWindow:
    """So many creates in the last so many seconds, at any time."""

    rate: float
    seconds: float
    says_when: bool = False
    _times: deque[float] = field(init=False, factory=deque)

    def admit(self, now: float) -> float | None:
        """As above."""
        while self._times and self._times[0] <= now - self.seconds + _LITTLE:
            self._times.popleft()
        if len(self._times) + 1 <= self.rate * self.seconds + _LITTLE:
            self._times.append(now)
            return None
        return math.ceil(self._times[0] + self.seconds - now) if self.says_when else 0.0

    def answered(self) -> None:
        """As above."""


@define
class AtOnce:
    """So many creates under way at once: as many as the rate needs at the latency."""

    rate: float
    latency: float
    _under_way: int = field(init=False, default=0)

    def admit(self, _now: float) -> float | None:
        """As above."""
        if self._under_way + 1 > round(self.rate * self.latency):
            return 0.0
        self._under_way += 1
        return None

    def answered(self) -> None:
        """As above."""
        self._under_way -= 1


@define
class Unfinished:
    """So many unfinished tasks: as many as the rate needs where each takes about so many seconds."""

    rate: float
    seconds: float
    rng: Random
    _ends: list[float] = field(init=False, factory=list)

    def admit(self, now: float) -> float | None:
        """As above."""
        while self._ends and self._ends[0] <= now:
            heapq.heappop(self._ends)
        if len(self._ends) + 1 > self.rate * self.seconds:
            return 0.0
        heapq.heappush(self._ends, now + self.seconds * math.exp(0.2 * self.rng.gauss(0, 1)))
        return None

    def answered(self) -> None:
        """As above."""


@define
class Chance:
    """Refuses a part of all creates, whatever their pace."""

    refused: float
    rng: Random

    def admit(self, _now: float) -> float | None:
        """As above."""
        return 0.0 if self.rng.random() < self.refused else None

    def answered(self) -> None:
        """As above."""


Gateway = Bucket | FixedWindows | SlidingWindow | AtOnce | Unfinished | Chance
GATEWAYS: Mapping[str, Callable[[float, float, Random], Gateway]] = {
    "bucket, a second's burst": lambda rate, _latency, _rng: Bucket(rate, rate),
    "bucket, a second's burst, Retry-After": lambda rate, _latency, _rng: Bucket(rate, rate, says_when=True),
    "bucket, a minute's burst": lambda rate, _latency, _rng: Bucket(rate, 60 * rate),
    "bucket, a minute's burst, Retry-After": lambda rate, _latency, _rng: Bucket(rate, 60 * rate, says_when=True),
    "bucket, a tenth's burst": lambda rate, _latency, _rng: Bucket(rate, max(1.0, rate / 10)),
    "windows of a second": lambda rate, _latency, _rng: FixedWindows(rate, 1),
    "windows of a second, Retry-After": lambda rate, _latency, _rng: FixedWindows(rate, 1, says_when=True),
    "windows of a minute": lambda rate, _latency, _rng: FixedWindows(rate, 60),
    "windows of a minute, Retry-After": lambda rate, _latency, _rng: FixedWindows(rate, 60, says_when=True),
    "sliding second": lambda rate, _latency, _rng: SlidingWindow(rate, 1),
    "sliding 10 seconds, Retry-After": lambda rate, _latency, _rng: SlidingWindow(rate, 10, says_when=True),
    "sliding minute, Retry-After": lambda rate, _latency, _rng: SlidingWindow(rate, 60, says_when=True),
    "creates at once": lambda rate, latency, _rng: AtOnce(rate, latency),
    "unfinished tasks of 10 s": lambda rate, _latency, rng: Unfinished(rate, 10, rng),
    "unfinished tasks of 30 s": lambda rate, _latency, rng: Unfinished(rate, 30, rng),
}
"""By the rate in creates per second, the latency in seconds, and a generator."""
