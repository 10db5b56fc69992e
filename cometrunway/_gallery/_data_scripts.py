"""The data for the page's script. They are within the page, or in scripts that the page loads when it needs them.

A page that is opened as a file can load scripts from its folder, but no other data.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from itertools import islice
from typing import Any, Final, TypeVar

from attrs import define, field

from cometrunway._gallery._cards import Card, Kind

PAGE: Final = 200
"""The number of shots in one script of `shots`: about 80 kB."""
BLOCK: Final = 50 * PAGE
"""The number of shots in one script of `rows`, for filters and sorting, and of `texts`, for searching."""
_MOST_VALUES = 100
"""The largest number of routes, and of models, in the filters."""
_T = TypeVar("_T")


@define
class Tally:
    """The number of shots of each kind, and which values are known for any of them."""

    _counts: Counter[Kind] = field(factory=Counter)
    _known: set[str] = field(factory=set)

    def add(self, card: Card) -> None:
        """Count one more shot."""
        self.count(card.kind, card.known)

    def count(self, kind: Kind, known: Set[str] = frozenset(), *, by: int = 1) -> None:
        """Add `by` to the number of shots of a kind, with these known values."""
        self._counts[kind] += by
        self._known |= known

    def to_json(self) -> dict[str, Any]:
        """Return the total, the counts by status, route and model, and the values by which shots can be sorted."""
        by_place: list[Counter[str]] = [Counter(), Counter(), Counter()]
        for kind, count in self._counts.items():
            for counts, value in zip(by_place, kind, strict=True):
                if value is not None and count:
                    counts[value] += count
        status, route, model = (dict(counts.most_common(_MOST_VALUES)) for counts in by_place)
        return {"counts": {"status": status, "route": route, "model": model}, "known": sorted(self._known)}


@define
class Rows:
    """The data of a block of shots that filters and sorting need, column by column."""

    _kinds: dict[Kind, int] = field(factory=dict)
    _columns: tuple[list[Any], ...] = field(factory=lambda: ([], [], [], []))

    def add(self, card: Card | None) -> None:
        """Add the next shot; None for a shot that no longer exists."""
        values: tuple[Any, ...] = (None, None, None, None)
        if card is not None:
            values = (self._kinds.setdefault(card.kind, len(self._kinds)), card.key, card.created, card.seconds)
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)

    def to_json(self) -> dict[str, Any]:
        """Return the columns. Each kind is listed once; each shot has the index of its kind."""
        kind, key, created, seconds = self._columns
        return {"kinds": list(self._kinds), "kind": kind, "key": key, "created": created, "seconds": seconds}


def as_script_data(data: Any) -> str:
    """Return JSON without characters of markup: ASCII only, without angle brackets and ampersands."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def data_script(name: str, content: Any, *, version: int | None = None) -> str:
    """Return the script that passes data to a page that asked for them. For a live page, it has a version."""
    return f"galleryData({as_script_data(name)},{as_script_data(content)},{as_script_data(version)});\n"


def in_groups(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Yield the items in lists of `size`. The last list may be shorter."""
    remaining = iter(items)
    while some := list(islice(remaining, size)):
        yield some
