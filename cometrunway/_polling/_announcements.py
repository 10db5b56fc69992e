"""Learns, for each kind of task, which part of the ends has no callback. Pure."""

from attrs import define, field

_REMEMBERED = 500.0
"""The approximate number of latest ends that are considered."""
_STOPPED = 3
"""After this number of ends in a row without a callback, callbacks have stopped. The learned values are reset."""
_PRIOR = 1.0
"""The number of ends without a callback that is added to the observed ones, because one callback proves little."""


@define(eq=False, repr=False)
class _Kind:
    ends: float = 0.0
    unannounced: float = 0.0
    in_a_row: int = 0


@define(eq=False, repr=False)
class Announcements:
    """Counts, for each kind, the ends that a callback announced before a poll found them, and all other ends."""

    _kinds: dict[str, _Kind] = field(factory=dict)

    def unannounced(self, kind: str) -> float:
        """Return the part of the ends that polls must find without a callback. It is above 0 and at most 1."""
        seen = self._kinds.get(kind)
        return 1.0 if seen is None else (seen.unannounced + _PRIOR) / (seen.ends + _PRIOR)

    def learn(self, kind: str, *, announced: bool) -> bool:
        """Count an end. Return whether this end shows that callbacks, which came before, have stopped."""
        seen = self._kinds.setdefault(kind, _Kind())
        seen.in_a_row = 0 if announced else seen.in_a_row + 1
        if seen.in_a_row >= _STOPPED:
            had_come = seen.unannounced < seen.ends
            self._kinds[kind] = _Kind(in_a_row=seen.in_a_row)
            return had_come
        fading = 1 - 1 / _REMEMBERED
        seen.ends = seen.ends * fading + 1.0
        seen.unannounced = seen.unannounced * fading + (not announced)
        return False
