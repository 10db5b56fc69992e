"""JSON Lines, JSON and CSV: text in, numbered records out, each with the fields of a shot or with what is wrong."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import frozen


@frozen
class Record:
    """One shot as the file has it."""

    line: int
    """Where it begins, from 1."""
    number: int
    """What an unnamed shot is called by: its line, or in JSON its place in the list, from 1."""
    fields: Mapping[str, Any] | None
    problem: str = ""
    """Why there are no fields."""


Format = Callable[[str], Iterator[Record]]


def format_of(suffix: str, text: str) -> Format:
    """Return the format that a file's suffix names, or else the one that its first character does."""
    by_suffix: dict[str, Format] = {".jsonl": json_lines, ".ndjson": json_lines, ".json": json_list, ".csv": table}
    by_character: dict[str, Format] = {"{": json_lines, "[": json_list}
    return by_suffix.get(suffix.lower()) or by_character.get(text.lstrip()[:1], table)


def json_lines(text: str) -> Iterator[Record]:
    """Read one JSON object per line; empty lines are skipped."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            fields, problem = _object(line, "one shot is one line")
            yield Record(number, number, fields, problem)


def json_list(text: str) -> Iterator[Record]:
    """Read a JSON list of objects, or a single object."""
    _, problem = _parsed(text, "the file is a list of objects")
    start = len(text) - len(text.lstrip())
    if problem:
        yield Record(1, 1, None, problem)
    elif not text.lstrip().startswith("["):
        fields, problem = _object(text, "")
        yield Record(1 + text.count("\n", 0, start), 1, fields, problem)
    else:
        yield from _items(text, start + 1)


def table(text: str) -> Iterator[Record]:
    """Read CSV whose first row names the fields; an empty cell is a field not given."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=_delimiter(text))
    try:
        names = [name.strip() for name in next(rows, [])]
        before = rows.line_num
        problem = _wrong_heading(names)
        if problem:
            yield Record(1, 1, None, problem)
            return
        for row in rows:
            fields, problem = _row(names, row)
            if fields or problem:
                yield Record(before + 1, before + 1, fields, problem)
            before = rows.line_num
    except csv.Error as error:
        yield Record(rows.line_num, rows.line_num, None, f"is not CSV: {error}")


def _delimiter(text: str) -> str:
    """Return what separates the names in the first row; some spreadsheets write semicolons or tabs."""
    first_row = text.partition("\n")[0]
    return max(",;\t", key=first_row.count)


def _wrong_heading(names: list[str]) -> str:
    if "route" not in names:
        return f"the first row must name the fields, `route` among them, got {', '.join(names)[:100] or 'nothing'}"
    double = next((name for name in names if name and names.count(name) > 1), "")
    return f"{double}: two columns have this name" if double else ""


def _row(names: list[str], row: list[str]) -> tuple[dict[str, Any] | None, str]:
    if len(row) > len(names):
        return None, f"has {len(row)} cells, but the first row names {len(names)} fields; is a comma not in quotes?"
    cells = {name: cell.strip() for name, cell in zip(names, row, strict=False) if cell.strip()}
    return (None, "has a cell under a heading without a name") if "" in cells else (cells, "")


def _items(text: str, position: int) -> Iterator[Record]:
    # The whole was parsed before, so nothing here can be wrong but what an item is.
    decoder, line, counted = json.JSONDecoder(), 1, 0
    number = 0
    while True:
        position = _next_item(text, position)
        if text[position] == "]":
            return
        line, counted, number = line + text.count("\n", counted, position), position, number + 1
        item, position = decoder.raw_decode(text, position)
        fields, problem = _checked(item, text[counted:position])
        yield Record(line, number, fields, problem)


def _next_item(text: str, position: int) -> int:
    while text[position] in " \t\r\n,":
        position += 1
    return position


def _object(text: str, cure: str) -> tuple[dict[str, Any] | None, str]:
    value, problem = _parsed(text, cure)
    return (None, problem) if problem else _checked(value, text)


def _parsed(text: str, cure: str) -> tuple[Any, str]:
    try:
        return json.loads(text, object_pairs_hook=_without_doubles), ""
    except RecursionError:
        return None, "nested too deeply"
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}" if "\n" in text.strip() else f"column {error.colno}"
        return None, f"is not JSON: {error.msg} at {place}; {cure}"
    except ValueError as error:
        return None, str(error)


def _checked(value: Any, text: str) -> tuple[dict[str, Any] | None, str]:
    return (value, "") if isinstance(value, dict) else (None, f"must be a JSON object, got {text.strip()[:60]}")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)}: given twice")
    return fields
