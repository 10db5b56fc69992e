"""Decides for how long a create that is refused for now is sent again."""

import math
from random import Random

from cometrunway._policies import RetryPolicy

_LONGEST_WINDOW = 60.0
"""The longest common window of a rate limit in seconds. A gateway may accept nothing until its end."""


class Patience:
    """The remaining attempts of one create, by the retry policy.

    A 429 is counted as an attempt only if the policy's backoff has passed, and only since the last accepted create of
    the same kind. Therefore no create is given up while the gateway accepts other creates.
    """

    def __init__(self, retry: RetryPolicy, rng: Random) -> None:
        self._retry = retry
        self._rng = rng
        self._pauses = retry.pauses(rng)
        self._counted_at = self._counts_from = -math.inf

    def next_pause(self) -> float | None:
        """Count an attempt. Return the seconds of backoff after it, or None if no further attempt is left."""
        return next(self._pauses, None)

    def outlasts(self, now: float, accepted_at: float, *, may_pass: bool) -> bool:
        """Count a 429. Return whether the create is sent again.

        Args:
            now: the loop time.
            accepted_at: the time of the last accepted create of the kind, or else of the first create that was sent.
            may_pass: whether tasks are unfinished. The gateway may accept again when one of them ends.
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
