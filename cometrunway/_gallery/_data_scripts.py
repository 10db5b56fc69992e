"""The data of a page, as the page's script reads them: within the page, or in scripts that it loads when it needs them.

A page that is a file may load scripts from beside it, and no other data.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from itertools import islice
from typing import Any, Final, TypeVar

from attrs import define, field

from cometrunway._gallery._cards import Card, Kind

PAGE: Final = 200
"""Shots in one script of `shots`: some 80 kB."""
BLOCK: Final = 50 * PAGE
"""Shots in one script of `rows`, by which shots are filtered and sorted, and of `texts`, which are searched."""
_MOST_VALUES = 100
"""How many routes, and how many models, a reader can choose from."""
_T = TypeVar("_T")


@define
class Tally:
    """How many shots there are of each kind, and what is known of any of them."""

    _counts: Counter[Kind] = field(factory=Counter)
    _known: set[str] = field(factory=set)

    def add(self, card: Card) -> None:
        """Count one shot more."""
        self.count(card.kind, card.known)

    def count(self, kind: Kind, known: Set[str] = frozenset(), *, by: int = 1) -> None:
        """Count so many shots more of a kind, of which more is known or not."""
        self._counts[kind] += by
        self._known |= known

    def to_json(self) -> dict[str, Any]:
        """Return the total, the counts by status, route and model, and by what else shots can be sorted."""
        by_place: list[Counter[str]] = [Counter(), Counter(), Counter()]
        for kind, count in self._counts.items():
            for counts, value in zip(by_place, kind, strict=True):
                if value is not None and count:
                    counts[value] += count
        status, route, model = (dict(counts.most_common(_MOST_VALUES)) for counts in by_place)
        return {"counts": {"status": status, "route": route, "model": model}, "known": sorted(self._known)}


@define
class Rows:
    """What filters and sorts need of the shots of a block, column by column."""

    _kinds: dict[Kind, int] = field(factory=dict)
    _columns: tuple[list[Any], ...] = field(factory=lambda: ([], [], [], []))

    def add(self, card: Card | None) -> None:
        """Add the next shot; None for one that has gone."""
        values: tuple[Any, ...] = (None, None, None, None)
        if card is not None:
            values = (self._kinds.setdefault(card.kind, len(self._kinds)), card.key, card.created, card.seconds)
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)

    def to_json(self) -> dict[str, Any]:
        """Return the columns; of the kinds, each once, and for each shot which one it is."""
        kind, key, created, seconds = self._columns
        return {"kinds": list(self._kinds), "kind": kind, "key": key, "created": created, "seconds": seconds}


def as_script_data(data: Any) -> str:
    """Return JSON that no HTML parser takes for markup: ASCII only, without angle brackets and ampersands."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def data_script(name: str, content: Any, *, version: int | None = None) -> str:
    """Return the script that hands a page what it has asked for; with a version where the page is live."""
    return f"galleryData({as_script_data(name)},{as_script_data(content)},{as_script_data(version)});\n"


def in_groups(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Yield the items in lists of so many; the last one may be shorter."""
    remaining = iter(items)
    while some := list(islice(remaining, size)):
        yield some
