"""Reads the values of tables. A missing value means that a field is not given. A whole number may be a float."""

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Protocol, get_args

from attrs import AttrsInstance, fields

from cometrunway._requests._names import snake_case

_DEEPEST = 3
"""The greatest depth of a request: a field's value, the items of a list, their members."""


class Row(Protocol):
    """A mapping, or another row that `dict` takes, such as pandas' Series and sqlite3's Row."""

    def keys(self) -> Iterable[str]:
        """Return the names of the fields."""

    def __getitem__(self, name: str, /) -> Any:
        """Return a field's value."""


def given(row: Row) -> dict[str, Any]:
    """Return the given fields with values of JSON types.

    Fields that are None, NaN, or pandas' NA or NaT are not given. Values of numpy become Python's, decimals floats.
    """
    return _members(dict(row), _DEEPEST)


def with_whole_numbers(cls: type[AttrsInstance], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a class. 5.0 becomes 5 if the field is a whole number, because pandas writes 5.0."""
    whole = {attribute.name for attribute in fields(cls) if _is_whole(attribute.type)}
    return {name: _as_whole(value) if snake_case(str(name)) in whole else value for name, value in row.items()}


def _plain(value: Any, depth: int) -> Any:
    if hasattr(value, "dtype") and hasattr(value, "tolist"):  # a value of numpy; numpy is not imported
        value = value.tolist()
    if isinstance(value, Decimal):
        value = float(value)
    if _is_missing(value):
        return None
    if depth and isinstance(value, Mapping):
        return _members(value, depth)
    if depth and isinstance(value, list | tuple):
        return [_plain(item, depth - 1) for item in value]
    return value


def _members(mapping: Mapping[str, Any], depth: int) -> dict[str, Any]:
    plain = {name: _plain(member, depth - 1) for name, member in mapping.items()}
    return {name: member for name, member in plain.items() if member is not None}


def _is_missing(value: Any) -> bool:
    is_nan = isinstance(value, float) and math.isnan(value)
    return is_nan or value is None or type(value).__name__ in {"NAType", "NaTType"}


def _is_whole(annotation: Any) -> bool:
    kinds = get_args(annotation) or (annotation,)
    return int in kinds and float not in kinds


def _as_whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
