"""How long a create that is refused for the moment is sent again."""

import math
from random import Random

from cometrunway._policies import RetryPolicy

_LONGEST_WINDOW = 60.0
"""Seconds of the longest window of a rate limit that is common: nothing may be accepted until its end."""


class Patience:
    """What one create has left of the attempts that the retry policy gives it.

    A 429 is counted as an attempt where the backoff of the policy would have ended by then, and only those since a
    create of the same kind was accepted: as long as the limit lets something through, no create is given up.
    """

    def __init__(self, retry: RetryPolicy, rng: Random) -> None:
        self._retry = retry
        self._rng = rng
        self._pauses = retry.pauses(rng)
        self._counted_at = self._counts_from = -math.inf

    def next_pause(self) -> float | None:
        """Count an attempt; return the seconds of backoff after it, or None where there was no further one."""
        return next(self._pauses, None)

    def outlasts(self, now: float, accepted_at: float, *, may_pass: bool) -> bool:
        """Count a 429; return whether the create is to be sent again.

        Args:
            now: loop time.
            accepted_at: when a create of the kind was last accepted, or else the first was sent.
            may_pass: whether tasks are unfinished, whose ends may be what the gateway waits for.
        """
        if accepted_at > self._counted_at > -math.inf:
            self._pauses = self._retry.pauses(self._rng)
            self._counts_from = now
        if now < self._counts_from:
            return True
        pause = self.next_pause()
        if pause is None:
            return self._retry.attempts > 1 and (may_pass or now < accepted_at + _LONGEST_WINDOW)
        self._counted_at, self._counts_from = now, now + pause
        return True
