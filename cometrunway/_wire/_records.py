"""Requests from the rows of a table, such as a data frame of pandas or polars gives them, without either of these."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from cometrunway._media._urls import shown
from cometrunway._requests._routes import Request
from cometrunway._requests._shot import Shot, check_request
from cometrunway._wire._mapping import request_from_dict
from cometrunway._wire._values import Row, given

_TOLD = 10
"""How many wrong rows an error names."""


def records_to_shots(
    records: Iterable[Row | Request | Shot], *, base_dir: Path | None = None, ignore: Collection[str] = ()
) -> list[Request | Shot]:
    """Make what `Session.map` takes from the rows of a table, such as `df.to_dict("records")` of pandas.

    Args:
        records: for each shot its `route`, optionally its `key`, and the fields of the request, as in a batch file.
            None, NaN, NaT and pandas' NA are fields not given; numpy's scalars do, and so does 5.0 for 5. What is a
            request or a `Shot` already is taken as it is.
        base_dir: where local files are; the current folder by default.
        ignore: names of columns that are left out, or one name.

    Returns:
        A `Shot` for each row that has a key, and for each other one its request.

    Raises:
        ValueError: anything is wrong with any row; has a line for each of the first ten such rows, counted from 0.
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
            problems.append(f"row {place}: {error}")
            continue
        key = getattr(shots[-1], "key", None)
        if key is not None and places.setdefault(key, place) != place:
            problems.append(f"row {place}: key: {key!r} is used twice, first in row {places[key]}; give it another")
    if problems:
        more = [f"and {len(problems) - _TOLD:,} more rows"] if len(problems) > _TOLD else []
        raise ValueError("\n".join([*problems[:_TOLD], *more]))
    return shots


def is_row(item: object) -> TypeGuard[Row]:
    """Whether it is a mapping, or another row that `dict` takes."""
    return hasattr(item, "keys")


def shot_from_record(
    record: Row | Request | Shot, *, base_dir: Path | None = None, ignore: Collection[str] = ()
) -> Request | Shot:
    """Make a shot from one row, or a request where the row has no key; what is one already is returned as it is.

    Raises:
        TypeError: it is neither.
        ValueError: anything is wrong with the row.
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
    """Return a key; a whole number is its digits, as a table has it."""
    is_whole = isinstance(value, float) and value.is_integer()
    key = str(int(value)) if is_whole or type(value) is int else value
    if not isinstance(key, str) or not key:
        raise ValueError(f"key: must be a non-empty string, got {shown(key)}; write it in quotes")
    return key


def check_rows(records: object) -> None:
    """Make sure that it is no data frame, of which an iteration would give the names of its columns."""
    if isinstance(records, Mapping) or hasattr(records, "columns"):
        raise TypeError(
            f'a {type(records).__name__} is no list of rows: give df.to_dict("records") of pandas, df.to_dicts() of '
            "polars"
        )
