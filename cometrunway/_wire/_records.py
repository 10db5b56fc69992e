"""Makes requests from the rows of a table, such as a data frame of pandas or polars, without importing these."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from cometrunway._media._urls import shown
from cometrunway._plurals import counted
from cometrunway._requests._routes import Request
from cometrunway._requests._shot import Shot, check_request
from cometrunway._wire._mapping import request_from_dict
from cometrunway._wire._values import Row, given

_TOLD = 10
"""The number of wrong rows that an error names."""


def records_to_shots(
    records: Iterable[Row | Request | Shot], *, base_dir: Path | None = None, ignore: Collection[str] = ()
) -> list[Request | Shot]:
    """Make shots for `Session.map` from the rows of a table, such as `df.to_dict("records")` of pandas.

    Args:
        records: one mapping for each shot: its `route`, optionally its `key`, and the fields of the request, as in a
            batch file. A field that is None, NaN, NaT or pandas' NA is not given. Scalars of numpy are accepted, and
            5.0 for 5. A request or a `Shot` is taken unchanged.
        base_dir: the folder of local files; by default the current folder.
        ignore: the names of columns to ignore, or one name.

    Returns:
        A `Shot` for each row with a key, and a request for each other row.

    Raises:
        ValueError: a row is wrong. The message has one line for each of the first ten wrong rows, counted from 0.
    """
    check_rows(records)
    ignore = {ignore} if isinstance(ignore, str) else ignore
    shots: list[Request | Shot] = []
    places: dict[str, int] = {}
    problems = []
    for place, record in enumerate(records):
        try:
            shots.append(shot_from_record(record, base_dir=base_dir, ignore=ignore))
        except (TypeError, ValueError) as error:
            problems.append(f"row {place}: {'; '.join(str(error).splitlines())}")
            continue
        key = getattr(shots[-1], "key", None)
        if key is not None and places.setdefault(key, place) != place:
            problems.append(f"row {place}: key: {key!r} is used twice, first in row {places[key]}; give it another")
    if problems:
        more = [f"and {counted(len(problems) - _TOLD, 'more row')}"] if len(problems) > _TOLD else []
        raise ValueError("\n".join([*problems[:_TOLD], *more]))
    return shots


def is_row(item: object) -> TypeGuard[Row]:
    """Whether it is a mapping, or another row that `dict` takes."""
    return hasattr(item, "keys")


def shot_from_record(
    record: Row | Request | Shot, *, base_dir: Path | None = None, ignore: Collection[str] = ()
) -> Request | Shot:
    """Make a shot from one row, or a request if the row has no key. Return a shot or a request unchanged.

    Raises:
        TypeError: it is none of these.
        ValueError: the row is wrong.
    """
    if isinstance(record, Request | Shot):
        return record
    if not is_row(record):
        check_request(record)
    fields = {name: value for name, value in given(record).items() if name not in ignore}
    key = fields.pop("key", None)
    request = request_from_dict(fields, base_dir=base_dir or Path())
    return request if key is None else Shot(as_key(key), request)


def as_key(value: Any) -> str:
    """Return a key as text. A whole number, as in some tables, becomes its digits."""
    is_whole = isinstance(value, float) and value.is_integer()
    key = str(int(value)) if is_whole or type(value) is int else value
    if not isinstance(key, str) or not key:
        raise ValueError(f"key: must be a non-empty string, got {shown(key)}; write it in quotes")
    return key


def check_rows(records: object) -> None:
    """Refuse a data frame, because iterating over it yields the names of its columns."""
    if isinstance(records, Mapping) or hasattr(records, "columns"):
        raise TypeError(
            f'a {type(records).__name__} is not a list of rows: give df.to_dict("records") of pandas, df.to_dicts() of '
            "polars"
        )
