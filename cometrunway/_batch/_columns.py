"""Unknown columns: those of other routes, misspelt ones, and others."""

import csv
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from attrs import frozen

from cometrunway._batch._formats import plain_name
from cometrunway._media._urls import shown
from cometrunway._requests._all_routes import COMPAT, OFFICIAL
from cometrunway._requests._names import nearest, own_first, snake_case
from cometrunway._requests._routes import Request
from cometrunway._wire._encode import request_type_of

_LISTED = 6
"""The number of columns that a message lists."""
_NOT_SUGGESTED = {"route", "extra"}
_ALSO_MEANS = {"format": "ratio"}
"""Fields that a word means in another language, such as in German, although it is a part of another field's name."""


@frozen
class Column:
    """A column, or field, that a row's route does not know."""

    name: str
    reason: str
    cause: str
    """Equal for all rows in which the column is wrong for the same reason."""
    may_be_ours: bool
    """Whether it may be a misspelt field. The rest of the row cannot be checked then."""
    is_foreign: bool
    """Whether no route has such a field, so that the name itself is what is wrong."""


def listed(text: str) -> list[str]:
    """Return the names of a list such as `notes,price`; one with a comma in it is in quotes, as in CSV."""
    return [name for row in csv.reader([text], skipinitialspace=True) for name in map(plain_name, row) if name]


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""')) if set(name) & set(',"') else name


def unknown_columns(fields: Mapping[str, Any], *, is_named: bool = True) -> list[Column]:
    """Return the columns of a row that its route does not know.

    Args:
        fields: the fields of the row, without its key.
        is_named: whether the row has a key.

    Raises:
        ValueError: there is no such route, or no route.
    """
    misspelt = "" if "route" in fields else next(iter(get_close_matches("route", fields, n=1)), "")
    if misspelt:
        raise ValueError(f"unknown field {shown(misspelt)}; did you mean route?")
    cls = request_type_of(fields)
    known, given = ["route", *_names(cls)], set(map(snake_case, fields))
    open_names = [*([] if is_named else ["key"]), *(name for name in known if name not in given | _NOT_SUGGESTED)]
    return [_unknown(name, cls, open_names) for name in fields if snake_case(name) not in known]


def _unknown(name: str, cls: type[Request], open_names: Sequence[str]) -> Column:
    """Return what is wrong with a column. It may be meant for one of the fields that the row does not have."""
    takers = [other.route for other in OFFICIAL + COMPAT if snake_case(name) in _names(other)]
    if not takers:
        return _foreign(name, open_names)
    meant = _meant(name, open_names)
    cure = f"{meant} Else leave" if meant else "leave"
    reason = f"{cls.route} has no field {name!r}; {cure} it empty in such rows: it is for {', '.join(takers)}"
    return Column(name, reason, f"{name} of {cls.route}", may_be_ours=True, is_foreign=False)


def foreign_columns(names: Collection[str]) -> Iterator[Column]:
    """Yield the columns of a table that are fields of no route, where the routes of its rows are not known."""
    known = dict.fromkeys(["key", *(name for cls in OFFICIAL + COMPAT for name in _names(cls)), "route"])
    given = set(map(snake_case, names))
    open_names = [name for name in known if name not in given | _NOT_SUGGESTED]
    yield from (_foreign(name, open_names) for name in names if name and snake_case(name) not in known)


def _foreign(name: str, open_names: Sequence[str]) -> Column:
    meant = _meant(name, open_names)
    ignore = f"--ignore-columns {shlex.quote(_quoted(plain_name(name)))}"
    more = f" and {len(open_names) - _LISTED} more" if len(open_names) > _LISTED else ""
    rename = f"rename it to one of {', '.join(open_names[:_LISTED])}{more}, or leave it out: {ignore}"
    cure = f"{meant} To leave it out, add {ignore}" if meant else rename
    return Column(name, f"unknown field {shown(name)}; {cure}", name, may_be_ours=bool(meant), is_foreign=True)


def _meant(name: str, open_names: Sequence[str]) -> str:
    """Return a question for the fields that a name may mean: one that it nearly is, or up to two that contain it."""
    plain = re.sub(r"\W+", "_", snake_case(name).lower())
    having_it = [name for name in open_names if plain in name.split("_")]
    also = [name for name in open_names if name == _ALSO_MEANS.get(plain)]
    close = [*also, *having_it][:2] or get_close_matches(plain, open_names, n=1)
    return f"did you mean {' or '.join(close)}?" if close else ""


def absent_columns(ignored: Iterable[str], columns: Collection[str]) -> Iterator[str]:
    """Yield a message for each ignored column that a file does not have, with the column that may be meant."""
    for name in sorted(set(ignored) - set(columns)):
        yield f"--ignore-columns: the file has no column {shown(name)}; {nearest(name, columns, most=_LISTED)}"


def _names(cls: type[Request]) -> Iterator[str]:
    yield from (attribute.name for attribute in own_first(cls))
    if cls in COMPAT:
        yield "options"
