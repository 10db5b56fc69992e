"""How fast one gateway takes the creates of one model, learned from its 429s. Pure: the caller passes the time.

Before the first 429, each answer lets one more create be under way (slow start). After it, creates are sent at a pace.
With the estimate `e` of the limit, in creates per second, and the time `t` since it was made,

    pace(t) = e * (1 + 0.05 * (t / T - 1) ** 3)

so that the pace begins at 0.95 e, stays near e, and grows faster and faster where that meets no 429 (the curve of
CUBIC, RFC 9438). T is how long the estimate is trusted. A few 429s among many creates only begin the curve anew. More
of them lower the pace by the share of creates that are refused, at most by half in each round trip. Once a create is
accepted again, the limit is estimated anew: it is about what was accepted, per second, since the estimate before.

A gateway may also refuse by chance, and then a slower pace meets as many 429s as a faster one: an estimate that sinks
far, while few are refused, returns to what it was.
"""

import math
from random import Random

from attrs import frozen

_FIRST_WINDOW = 16
"""Creates that may be under way at first."""
_ROOM = 1.25
"""How many times what the pace and the latency need may be under way, so that a slow answer holds nothing up."""
_MARGIN = 0.95
_FASTEST_GROWTH = 10.0
_PRIOR = 3.0
"""Creates for which the earlier estimate counts at least, beside those that were sent since."""
_MEMORY = 5.0
"""Seconds for which it counts at most."""
_TRUSTED_CREATES = 50
_TRUST = 8.0, 30.0
"""Seconds for which an estimate is trusted: those of so many creates, between these, and twice what it is made of."""
_TRUSTED_PAUSES = 10
"""It is trusted for so many times the pause that the gateway asks for, so that pauses take little of the time ..."""
_LONGEST_TRUST = 60.0
"""... and at most for so many seconds."""
_SLOWEST_PROBE = 0.2
"""Creates per second while all are refused."""
_UNEVENNESS = 0.5
"""By which part of it a pause between such creates varies, so that two processes do not keep step."""
_SHARE_OF = 40
"""Creates over which the share of the refused is taken."""
_TOLERABLE = 0.07
"""The share up to which the pace only begins its curve anew."""
_IN_A_ROW = 2
"""So many 429s without an accepted create between them are never tolerated."""
_BY_CHANCE = 0.15
"""The share up to which creates may be refused by chance, whatever their pace."""
_SUNK = 0.5
"""An estimate that has sunk to this part, while few were refused, returns: the pace was not the cause."""
_TRIED = 0.7
"""What remains of the estimate that it returned to, unless it proves right."""
_FORGETTING = 0.8
"""What remains, with each estimate, of how many creates are known to have been under way at once."""


@frozen
class Begun:
    """A create that was sent."""

    at: float
    others: int
    """How many were under way."""


class CreatePace:
    """When the next create may be sent, and how many may be under way.

    Args:
        most: creates that may ever be under way at once.
        rng: spreads the creates that try whether a gateway accepts again.
    """

    def __init__(self, most: int, rng: Random) -> None:
        self._most = most
        self._rng = rng
        self._under_way = 0
        self._window = min(_FIRST_WINDOW, most)
        self._latency = 0.0
        self._estimate: float | None = None
        self._learned_at = 0.0
        self._trust = _TRUST[0]
        self._memory = 0.0
        self._probe: float | None = None
        """Creates per second from a 429 until a create is accepted that was sent after the last 429."""
        self._peak = 0.0
        self._reference = 0.0
        """The highest estimate since many creates were refused."""
        self._free_at = -math.inf
        self._reduced_at = self._refused_at = -math.inf
        self._proven = 1.0
        self._refused_share = _TOLERABLE  # so that the first 429 is not tolerated before many creates were accepted
        self._refused_in_a_row = 0
        self._counted_from: float | None = None
        self._sent = self._refused = 0
        self._sent_in_round = 0

    @property
    def is_limited(self) -> bool:
        """Whether a limit was met."""
        return self._estimate is not None

    def per_second(self, now: float) -> float:
        """Return the creates per second that may be sent; infinity before the first 429."""
        if self._estimate is None:
            return math.inf
        return self._probe or self._estimate * self._growth(now)

    def window(self, now: float) -> int:
        """Return how many creates may be under way: as many as were accepted so, or somewhat more after a while."""
        if self._estimate is None:
            return self._window
        growth = self._growth(now)
        proven = math.ceil(self._proven) * max(1.0, growth) + (now - self._learned_at) / (2 * self._trust)
        needed = _ROOM * self._estimate * growth * self._latency + 3
        return max(1, min(self._most, int(min(proven, needed))))

    def free_at(self, now: float) -> float:
        """Return the time from which the next create may be sent; infinity while as many are under way as may be."""
        return self._free_at if self._under_way < self.window(now) else math.inf

    def begin(self, now: float) -> Begun:
        """Count a create that is sent now; one of `accepted`, `refused` and `ended` must follow."""
        if self._counted_from is None:
            self._counted_from = now
        if self._estimate is not None:
            gap = 1 / self.per_second(now)
            self._free_at = max(self._free_at, now - gap) + gap
        begun = Begun(now, self._under_way)
        self._under_way += 1
        self._sent += 1
        self._sent_in_round += 1
        return begun

    def ended(self, _begun: Begun) -> None:
        """Count an outcome that says nothing about the limit."""
        self._under_way -= 1

    def accepted(self, begun: Begun, now: float) -> None:
        """Count a create that was accepted."""
        self._under_way -= 1
        self._refused_share -= self._refused_share / _SHARE_OF
        self._refused_in_a_row = 0
        self._proven = max(self._proven, begun.others + 1)
        took = now - begun.at
        self._latency += (took - self._latency) / 8 if self._latency else took
        if self._estimate is None:
            if begun.others + 1 >= self._window / 2:  # else more could not be sent anyway
                self._window = min(self._most, self._window + 1)
        elif self._probe is not None and begun.at > self._refused_at:
            self._learn(self._estimate, now, 0.0)

    def refused(self, begun: Begun, now: float, pause: float) -> None:
        """Count a 429; for so many seconds, which it asked for, nothing is sent. The first of a round trip counts."""
        self._under_way -= 1
        self._refused_at = max(self._refused_at, begun.at)
        if self._counted_from is None or begun.at >= self._counted_from:
            self._refused += 1
        if begun.at <= self._reduced_at:
            self._free_at = max(self._free_at, now + pause)
            return
        if not pause and self._is_tolerable():
            if self._estimate is not None:
                self._estimate, self._learned_at = max(self._estimate, self.per_second(now)), now
            return
        accepted = self._accepted_part(begun, now)
        self._reduced_at = now
        estimate = self._estimate
        if estimate is None:
            estimate = self._peak = (self._sent - self._refused + 1) / max(now - (self._counted_from or now), 0.1)
        elif self._probe is None:
            self._peak = self.per_second(now)
        if pause:
            self._learn(estimate, now, pause)
            return
        pace = self._probe or self._peak
        part = _MARGIN if self._probe is None else min(_MARGIN, max(0.5, accepted))
        self._estimate, self._probe = estimate, min(pace, max(_SLOWEST_PROBE, pace * part))
        self._free_at = now + self._rng.uniform(1 - _UNEVENNESS, 1 + _UNEVENNESS) / self._probe

    def _is_tolerable(self) -> bool:
        """Count a 429; return whether it is one of few, so that the pace holds: a gateway may refuse by chance."""
        self._refused_share += (1 - self._refused_share) / _SHARE_OF
        self._refused_in_a_row += 1
        return self._probe is None and self._refused_share < _TOLERABLE and self._refused_in_a_row < _IN_A_ROW

    def _accepted_part(self, begun: Begun, now: float) -> float:
        """Return which part of the creates of this round trip was not refused, as far as it can be known yet."""
        unanswered = 0.0 if self._estimate is None else self.per_second(now) * (now - begun.at)
        accepted = max(0.0, self._sent_in_round - 1 - unanswered)
        self._sent_in_round = 0
        return (accepted + 1) / (accepted + 2)

    def _learn(self, estimate: float, now: float, pause: float) -> None:
        """Estimate the limit anew, from what was accepted since the estimate before, and from the pace that failed."""
        assert self._counted_from is not None  # noqa: S101 - what is answered was sent
        seconds = max(now + pause - self._counted_from, 1e-3)
        memory = max(self._memory, _PRIOR / estimate)
        average = (memory * estimate + self._sent - self._refused) / (memory + seconds)
        estimate = math.sqrt(average * min(2 * average, self._peak))
        if pause or self._refused_share > _BY_CHANCE:
            self._reference = estimate
        elif estimate < _SUNK * self._reference:
            estimate, self._reference = self._reference, _TRIED * self._reference
        elif self._memory and self._sent >= _SHARE_OF:
            self._reference = max(self._reference, estimate)
        self._estimate = estimate
        self._memory = min(_MEMORY, seconds + self._memory / 2)
        shortest, longest = _TRUST
        known_for = max(1.0, 2 * seconds, self._trust / 2)
        trust = min(known_for, max(shortest, min(longest, _TRUSTED_CREATES / estimate), self._latency))
        self._trust = max(min(_TRUSTED_PAUSES * pause, _LONGEST_TRUST), trust)
        self._learned_at = self._counted_from = now + pause
        self._free_at = max(self._free_at, now + pause + 1 / estimate)
        self._sent = self._refused = 0
        self._proven = max(1.0, self._proven * _FORGETTING)
        self._probe = None

    def _growth(self, now: float) -> float:
        growth = 1 + (1 - _MARGIN) * ((now - self._learned_at) / self._trust - 1) ** 3
        return min(_FASTEST_GROWTH, growth)
