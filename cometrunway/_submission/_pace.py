"""Learns from 429s how fast one gateway accepts the creates of one model. Pure: the caller passes the time.

Before the first 429, each answer allows one more create under way (slow start). After it, creates are sent at a pace:

    pace(t) = e * (1 + 0.05 * (t / T - 1) ** 3)

`e` is the estimated limit in creates per second, `t` the time since the estimate, and `T` the time for which the
estimate is trusted. The pace begins at 0.95 e and stays near e. If no 429 follows, it grows faster and faster (the
curve of CUBIC, RFC 9438). A few 429s among many creates only restart the curve. More 429s lower the pace by the share
of refused creates, at most by half in each round trip.

When a create is accepted again, the limit is estimated again, as if the creates accepted since the previous estimate
had been sent at the pace that failed, and none since it failed:

    e = (m * e + accepted) / (m + accepted / failed + seconds)

`m` is the weight of the previous estimate in seconds, `failed` the pace that failed, and `seconds` the time since then.
The estimate does not fall below 0.95 of the creates per second that were accepted lately. A series of 429s may come
from earlier creates, because some gateways count a minute, or unfinished tasks; and a gateway may refuse at random.

A gateway may also limit how many creates are under way. Its 429s then answer creates that were sent while more than
usual were under way. If most 429s are such, only as many creates are under way as when the latest of them was sent, and
later more.
"""

import math
from random import Random

from attrs import frozen

_FIRST_WINDOW = 16
"""The number of creates that may be under way at first."""
_SMOOTHING = 8
"""The number of accepted creates over which their latency, and the number under way, are averaged."""
_ROOM = 1.25
"""The creates under way may exceed pace times latency by this factor, so that a slow answer delays nothing."""
_MARGIN = 0.95
_FASTEST_GROWTH = 10.0
_PRIOR = 40.0
"""The least weight of the previous estimate, in creates."""
_MEMORY = 5.0
"""The weight of the previous estimate in seconds, if that is more; less in the first seconds."""
_LATELY = 30.0
"""The number of seconds over which the accepted creates are averaged."""
_LEAST = 0.95
"""The part of that average below which no estimate falls."""
_TRUSTED_CREATES = 50
_TRUST = 8.0, 30.0
"""Seconds for which an estimate is trusted: the time of `_TRUSTED_CREATES` creates, within these bounds. It is at most
twice the time since the first create."""
_TRUSTED_PAUSES = 10
"""An estimate is trusted for this many times the pause that the gateway asks for, so that pauses take little time."""
_SLOWEST_PROBE = 0.2
"""The least number of creates per second while all creates are refused."""
_UNEVENNESS = 0.5
"""The part by which a pause between these creates varies, so that two processes do not send at the same times."""
_SHARE_OF = 40
"""The number of creates over which the share of refused creates is computed."""
_TOLERABLE = 0.07
"""The share of refused creates up to which the pace only restarts its curve."""
_IN_A_ROW = 2
"""This number of 429s without an accepted create between them is never tolerated."""
_CROWDED = 1.02, 0.75
"""More creates than usual are under way if they are this many times the usual number, and this many more."""
_CROWDED_OF = 5
"""The number of 429s over which the share is computed that came when more creates than usual were under way."""
_MOSTLY = 0.8
"""If a greater share of the 429s came so, the gateway limits the number of creates under way."""


@frozen(eq=False, repr=False)
class Begun:
    """A create that was sent."""

    at: float
    others: int
    """The number of other creates under way when it was sent."""


class CreatePace:
    """Decides when the next create may be sent, and how many may be under way.

    Args:
        most: the largest number of creates under way at once.
        rng: spreads the creates that test whether a gateway accepts again.
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
        self._probe: float | None = None
        """The creates per second after a 429, until a create that was sent after the last 429 is accepted."""
        self._began_at = self._failed_at = 0.0
        self._failed = 0.0
        """The pace at which the first of the latest 429s came."""
        self._accepted_lately = 0.0
        """Creates per second, as an average that begins at zero; zero before the first estimate."""
        self._free_at = -math.inf
        self._reduced_at = self._refused_at = -math.inf
        self._usually_under_way = self._crowded_share = 0.0
        self._crowded_at = 0
        self._refused_share = _TOLERABLE  # a first 429 is tolerated only after many accepted creates
        self._refused_in_a_row = 0
        self._counted_from: float | None = None
        self._sent = self._refused = 0
        self._sent_in_round = 0

    @property
    def is_limited(self) -> bool:
        """Whether the gateway has refused a create by its limit."""
        return self._estimate is not None

    def per_second(self, now: float) -> float:
        """Return the allowed number of creates per second; infinity before the first 429."""
        if self._estimate is None:
            return math.inf
        return self._probe or self._estimate * self._growth(now)

    def window(self, now: float) -> int:
        """Return how many creates may be under way: as many as the pace needs, or the gateway takes at once."""
        if self._estimate is None:
            return self._window
        growth = self._growth(now)
        most = min(self._most, _ROOM * self._estimate * growth * self._latency + 3)
        if self._crowded_share > _MOSTLY:
            most = min(most, self._crowded_at * max(1.0, growth) + (now - self._learned_at) / (2 * self._trust))
        return max(1, int(most))

    def free_at(self, now: float) -> float:
        """Return the time from which the next create may be sent; infinity while the window is full."""
        return self._free_at if self._under_way < self.window(now) else math.inf

    def begin(self, now: float) -> Begun:
        """Count a create that is sent now. A call of `accepted`, `refused` or `ended` must follow."""
        if self._counted_from is None:
            self._counted_from = self._began_at = now
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
        self._usually_under_way += (begun.others - self._usually_under_way) / _SMOOTHING
        took = now - begun.at
        self._latency += (took - self._latency) / _SMOOTHING if self._latency else took
        if self._estimate is None:
            if begun.others + 1 >= self._window / 2:  # otherwise the window was not the limit
                self._window = min(self._most, self._window + 1)
        elif self._probe is not None and begun.at > self._refused_at:
            self._learn(self._estimate, now, 0.0)

    def refused(self, begun: Begun, now: float, pause: float) -> None:
        """Count a 429. Nothing is sent for `pause` seconds. Only the first 429 of a round trip changes the pace."""
        self._under_way -= 1
        self._refused_at = max(self._refused_at, begun.at)
        if self._counted_from is None or begun.at >= self._counted_from:
            self._refused += 1
        if begun.at <= self._reduced_at:
            self._free_at = max(self._free_at, now + pause)
            return
        if self._accepted_lately:
            self._count_crowded(begun.others)
        if not pause and self._is_tolerable():
            if self._estimate is not None:
                self._estimate, self._learned_at = max(self._estimate, self.per_second(now)), now
            return
        accepted = self._accepted_part(begun, now)
        counted_from = now if self._counted_from is None else self._counted_from
        self._reduced_at = now
        if self._probe is None:
            self._failed_at = now
        estimate = self._estimate
        if estimate is None:
            estimate = self._failed = (self._sent - self._refused + 1) / max(now - counted_from, 0.1)
        elif self._probe is None:
            self._failed = self.per_second(now)
        if pause:
            self._learn(estimate, now, pause)
            return
        pace = self._probe or self._failed
        part = _MARGIN if self._probe is None else min(_MARGIN, max(0.5, accepted))
        self._estimate, self._probe = estimate, min(pace, max(_SLOWEST_PROBE, pace * part))
        self._free_at = now + self._rng.uniform(1 - _UNEVENNESS, 1 + _UNEVENNESS) / self._probe

    def _count_crowded(self, others: int) -> None:
        """Count a 429 to a create that was sent while so many others were under way."""
        times, more = _CROWDED
        is_crowded = others >= times * self._usually_under_way + more
        self._crowded_share += (is_crowded - self._crowded_share) / _CROWDED_OF
        if is_crowded:
            self._crowded_at = others

    def _is_tolerable(self) -> bool:
        """Count a 429. Return whether there were few, so that the pace stays: a gateway may refuse at random."""
        self._refused_share += (1 - self._refused_share) / _SHARE_OF
        self._refused_in_a_row += 1
        return self._probe is None and self._refused_share < _TOLERABLE and self._refused_in_a_row < _IN_A_ROW

    def _accepted_part(self, begun: Begun, now: float) -> float:
        """Return the estimated part of this round trip's creates that was not refused."""
        unanswered = 0.0 if self._estimate is None else self.per_second(now) * (now - begun.at)
        accepted = max(0.0, self._sent_in_round - 1 - unanswered)
        self._sent_in_round = 0
        return (accepted + 1) / (accepted + 2)

    def _learn(self, estimate: float, now: float, pause: float) -> None:
        """Estimate the limit again, from the creates accepted since the last estimate, and the pace that failed."""
        assert self._counted_from is not None  # noqa: S101 - an answered create was sent
        resumed = now + pause
        seconds = max(resumed - self._counted_from, 1e-3)
        accepted = self._sent - self._refused
        self._accepted_lately = (_LATELY * self._accepted_lately + accepted) / (_LATELY + seconds)
        memory = max(_PRIOR / estimate, min(_MEMORY, self._counted_from - self._began_at))
        took = min(seconds, accepted / self._failed + resumed - self._failed_at)
        estimate = max((memory * estimate + accepted) / (memory + took), _LEAST * self._accepted_lately)
        self._estimate = estimate
        shortest, longest = _TRUST
        known_for = max(1.0, 2 * (now - self._began_at))
        trust = min(known_for, max(shortest, min(longest, _TRUSTED_CREATES / estimate), self._latency))
        self._trust = max(min(_TRUSTED_PAUSES * pause, longest), trust)
        self._learned_at = self._counted_from = resumed
        self._free_at = max(self._free_at, resumed + 1 / estimate)
        self._sent = self._refused = 0
        self._probe = None

    def _growth(self, now: float) -> float:
        growth = 1 + (1 - _MARGIN) * ((now - self._learned_at) / self._trust - 1) ** 3
        return min(_FASTEST_GROWTH, growth)
