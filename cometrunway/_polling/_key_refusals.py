"""Decides whether the gateway refuses the key, from the answers to all polls of a session. Pure: time is passed in."""

_IN_A_ROW = 5
"""This number of refusals, without another answer between them, concerns the gateway, not one task."""
_LONGEST_PAUSE = 15.0


class KeyRefusals:
    """Counts refusals of the key, for all tasks together, until the gateway gives another answer.

    Args:
        patience: seconds. If every answer refuses the key for this time, the refusal is permanent.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._number = 0
        self._since = 0.0
        self._paused_until = 0.0
        self._pause = 0.5

    def answered(self) -> None:
        """Record an answer that does not refuse the key."""
        self._number = 0
        self._pause = 0.5

    def refused(self, now: float) -> float | None:
        """Record a refusal. Return the seconds for which no poll is useful; None if the refusal concerns one task."""
        if not self._number:
            self._since = now
        self._number += 1
        if self._number < _IN_A_ROW or self.last(now) or now < self._paused_until:
            return None
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._paused_until = now + self._pause
        return self._pause

    def last(self, now: float) -> bool:
        """Whether every answer has refused the key for `patience` seconds."""
        return self._number >= _IN_A_ROW and now - self._since >= self._patience
