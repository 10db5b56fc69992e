"""The shared allowance of polls: how soon may the next one leave? Pure; the caller tells the time."""

_BURST = 0.5
"""Seconds' worth of polls that may leave at once after a lull."""
_SLOWEST = 16
"""A limited rate falls to this fraction of the full one, and no further."""
_RECOVERY = 30.0
"""Seconds from the slowest rate back to the full one."""
_PAUSE = 1.0
"""Seconds to pause after a 429 that names none."""


class PollBudget:
    """A generic cell rate algorithm whose rate halves on a 429 and recovers by itself.

    Args:
        per_second: the full rate, in polls per second.
    """

    def __init__(self, per_second: float) -> None:
        self._full = per_second
        self._rate = per_second
        self._spent_until = 0.0
        self._paused_until = 0.0
        self._updated = 0.0

    def free_at(self) -> float:
        """Return the loop time from which the next poll may leave."""
        return max(self._spent_until - _BURST, self._paused_until)

    def take(self, now: float) -> None:
        """Count one poll that leaves now."""
        self._recover(now)
        self._spent_until = max(self._spent_until, now) + 1 / self._rate

    def refused(self, now: float, pause: float | None) -> None:
        """Count a 429 that asked for a pause of so many seconds."""
        if now >= self._paused_until:  # the answers of polls that left before the pause count once
            self._recover(now)
            self._rate = max(self._rate / 2, self._full / _SLOWEST)
        self._paused_until = max(self._paused_until, now + (_PAUSE if pause is None else pause))

    def _recover(self, now: float) -> None:
        self._rate = min(self._full, self._rate + self._full / _RECOVERY * (now - self._updated))
        self._updated = now
