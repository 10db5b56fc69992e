"""Whether the gateway refuses the key: what all polls of a session have heard in a row. Pure: the caller tells time."""

_IN_A_ROW = 5
"""So many refusals, with no other answer between them, are about the gateway, not about one task."""
_LONGEST_PAUSE = 15.0


class KeyRefusals:
    """Counts refusals of the key, of whichever task, until the gateway answers anything else.

    Args:
        patience: seconds for which every answer must refuse before that is proved to last.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._number = 0
        self._since = 0.0
        self._paused_until = 0.0
        self._pause = 0.5

    def answered(self) -> None:
        """Note any other answer."""
        self._number = 0
        self._pause = 0.5

    def refused(self, now: float) -> float | None:
        """Note a refusal; return the seconds for which no poll is worth while, None where it is about one task."""
        if not self._number:
            self._since = now
        self._number += 1
        if self._number < _IN_A_ROW or self.last(now) or now < self._paused_until:
            return None
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._paused_until = now + self._pause
        return self._pause

    def last(self, now: float) -> bool:
        """Whether every answer refused for as long as one is patient."""
        return self._number >= _IN_A_ROW and now - self._since >= self._patience
