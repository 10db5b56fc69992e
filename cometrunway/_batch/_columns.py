"""Unknown columns: those of other routes, misspelt ones, and others."""

import csv
import shlex
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from attrs import frozen

from cometrunway._batch._formats import plain_name
from cometrunway._media._urls import shown
from cometrunway._requests._all_routes import COMPAT, OFFICIAL
from cometrunway._requests._names import own_first, snake_case
from cometrunway._requests._routes import Request
from cometrunway._wire._encode import request_type_of


@frozen
class Column:
    """A column, or field, that a row's route does not know."""

    name: str
    reason: str
    cause: str
    """Equal for all rows in which the column is wrong for the same reason."""
    may_be_ours: bool
    """Whether it may be a misspelt field. The rest of the row cannot be checked then."""


def listed(text: str) -> list[str]:
    """Return the names of a list such as `notes,price`; one with a comma in it is in quotes, as in CSV."""
    return [name for row in csv.reader([text], skipinitialspace=True) for name in map(plain_name, row) if name]


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""')) if set(name) & set(',"') else name


def unknown_columns(fields: Mapping[str, Any]) -> list[Column]:
    """Return the columns of a row that its route does not know.

    Raises:
        ValueError: there is no such route.
    """
    cls = request_type_of(fields)
    known = {"route", *_names(cls)}
    open_names = ["key", *sorted(known - set(map(snake_case, fields)))]
    return [_unknown(name, cls, open_names) for name in fields if snake_case(name) not in known]


def _unknown(name: str, cls: type[Request], open_names: Collection[str]) -> Column:
    """Return what is wrong with a column. It may be meant for one of the fields that the row does not have."""
    takers = [other.route for other in OFFICIAL + COMPAT if snake_case(name) in _names(other)]
    if takers:
        reason = f"{cls.route} has no field {name!r}; leave it empty in such rows: it is for {', '.join(takers)}"
        return Column(name, reason, f"{name} of {cls.route}", may_be_ours=True)
    close = get_close_matches(snake_case(name), open_names, n=1)
    meant = f"did you mean {close[0]}? To" if close else f"known are route, key, {', '.join(_names(cls))}; to"
    cure = f"{meant} leave it out, add --ignore-columns {shlex.quote(_quoted(plain_name(name)))}"
    return Column(name, f"unknown field {shown(name)}; {cure}", name, may_be_ours=bool(close))


def _names(cls: type[Request]) -> Iterator[str]:
    yield from (attribute.name for attribute in own_first(cls))
    if cls in COMPAT:
        yield "options"
