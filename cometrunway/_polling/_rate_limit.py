"""The poll rate limit of a session: when the next poll may be sent. Pure: the caller passes the time."""

_BURST = 0.5
"""After a time without polls, this many seconds' worth of polls may be sent at once."""
_SLOWEST = 1 / 16
"""The lowest rate, as a fraction of the full rate."""
_FASTER, _SLOWER = 1.01, 0.94
"""The factors for an answer and a 429. The rate does not fall while fewer than one poll in seven is refused."""


class PollRateLimit:
    """A generic cell rate algorithm whose rate falls with each 429 and recovers with each answer.

    Args:
        per_second: the full rate, in polls per second.
    """

    def __init__(self, per_second: float) -> None:
        self._full = per_second
        self._rate = per_second
        self._spent_until = 0.0
        self._paused_until = 0.0

    def free_at(self) -> float:
        """Return the loop time from which the next poll may be sent."""
        return max(self._spent_until - _BURST, self._paused_until)

    def take(self, now: float) -> None:
        """Count one poll that is sent now."""
        self._spent_until = max(self._spent_until, now) + 1 / self._rate

    def answered(self) -> None:
        """Count a poll that was answered with something other than a 429."""
        self._rate = min(self._rate * _FASTER, self._full)

    def refused(self, now: float, pause: float | None) -> None:
        """Count a 429. No poll is sent during the `pause` that it asked for, in seconds."""
        self._rate = max(self._rate * _SLOWER, self._full * _SLOWEST)
        if pause is not None:
            self._paused_until = max(self._paused_until, now + pause)
