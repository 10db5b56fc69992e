"""How many ends of tasks no callback announces, learnt for each kind of task. Pure."""

from attrs import define, field

_REMEMBERED = 500.0
"""About how many of the last ends count."""
_STOPPED = 3
"""Ends in a row that no callback announced: callbacks have stopped, and all that was learnt is forgotten."""
_PRIOR = 1.0
"""How many unannounced ends are assumed beside those that were seen: a first callback proves little."""


@define
class _Kind:
    ends: float = 0.0
    unannounced: float = 0.0
    in_a_row: int = 0


@define
class Announcements:
    """Counts, for each kind, the ends that a callback announced before a poll found them, and the others."""

    _kinds: dict[str, _Kind] = field(factory=dict)

    def unannounced(self, kind: str) -> float:
        """Return the part of ends, above 0 and at most 1, that polls must find without a callback."""
        seen = self._kinds.get(kind)
        return 1.0 if seen is None else (seen.unannounced + _PRIOR) / (seen.ends + _PRIOR)

    def learn(self, kind: str, *, announced: bool) -> bool:
        """Count an end; return whether with it callbacks have stopped that came before."""
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
