"""Converts the cells of a table, which are text, to the types of the request's fields."""

import json
from collections.abc import Mapping
from typing import Any, get_args, get_origin

import attrs

from cometrunway._requests._names import snake_case
from cometrunway._wire._encode import request_type_of

_MISSING = {"NaN", "nan", "<NA>", "NaT", "None", "null", "NULL"}
"""The words that programs write for a missing value."""
_ALWAYS_TEXT: dict[str, Any] = {"route": str, "key": str}


def from_cells(cells: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields as JSON values: numbers, flags, lists and objects if the route's fields have these types.

    A cell with a word for a missing value, such as `NaN` or `NULL`, is left out.

    Raises:
        ValueError: there is no such route.
    """
    fields = attrs.fields(request_type_of(cells))
    types = _ALWAYS_TEXT | {attribute.name: attribute.type for attribute in fields}
    return {name: _value(cell, types.get(snake_case(name))) for name, cell in cells.items() if cell not in _MISSING}


def _value(cell: str, annotation: Any) -> Any:
    kinds = (annotation,) if get_origin(annotation) is tuple else get_args(annotation) or (annotation,)
    value = _parsed(cell)
    if str in kinds:
        return value if isinstance(value, list | dict) and kinds != (str,) else cell
    takes_several = any(get_origin(kind) is tuple for kind in kinds)
    return [cell] if value is None and takes_several else cell if value is None else value


def _parsed(cell: str) -> Any:
    """Return the value of a cell with JSON, or with a flag as spreadsheets write it; None for any other text."""
    try:
        value = json.loads(cell.lower() if cell in {"TRUE", "FALSE", "True", "False"} else cell)
    except (ValueError, RecursionError):
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value
