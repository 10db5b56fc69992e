"""Parses JSON Lines, JSON and CSV into numbered records, each with the fields of a shot or an error."""

import csv
import io
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import chain, islice
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from attrs import frozen

from cometrunway._requests._all_routes import ROUTES

if TYPE_CHECKING:
    import _csv

_LINE_END = re.compile(r"\r\n|\r|\n")
_SEPARATORS = ",;\t"
_SEPARATOR = re.compile(r'(?i)"?sep=(?P<it>[^"]*|")"?')


@frozen
class Record:
    """One shot as in the file."""

    line: int
    """The line where it begins, from 1."""
    number: int
    """The number of a shot without a key: its line, or in JSON its position in the list, from 1."""
    fields: Mapping[str, Any] | None
    problem: str = ""
    """Why there are no fields."""
    columns: Collection[str] = ()
    """The names of all columns of the table; empty for JSON."""
    missing: Sequence[str] = ()
    """The columns of the table for which the row has no cell."""
    heading: int = 0
    """The line with the names of the columns, from 1; 0 for JSON."""


Format = Callable[[str], Iterator[Record]]


def format_of(suffix: str, text: str) -> Format:
    """Return the format of a file by its suffix, or else by its first character."""
    by_suffix: dict[str, Format] = {".jsonl": json_lines, ".ndjson": json_lines, ".json": json_list, ".csv": table}
    by_character: dict[str, Format] = {"{": json_lines, "[": json_list}
    return by_suffix.get(suffix.lower()) or by_character.get(text.lstrip()[:1], table)


def plain_name(name: str) -> str:
    """Return the normalised name of a column: accents are composed, and each line break becomes one space."""
    return normalize("NFC", " ".join(name.split()))


def json_lines(text: str) -> Iterator[Record]:
    """Read one JSON object per line; empty lines are skipped."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            fields, problem = _object(line, "one shot is one line")
            yield Record(number, number, fields, problem)


def json_list(text: str) -> Iterator[Record]:
    """Read a JSON list of objects, or a single object."""
    _, problem = _parsed(text, "the file is a list of objects; one with an object on each line ends with .jsonl")
    start = len(text) - len(text.lstrip())
    if problem:
        yield Record(1, 1, None, problem)
    elif not text.lstrip().startswith("["):
        fields, problem = _object(text, "")
        yield Record(1 + text.count("\n", 0, start), 1, fields, problem)
    else:
        yield from _items(text, start + 1)


def table(text: str, ignored: Collection[str] = ()) -> Iterator[Record]:
    """Read CSV with the names of the fields in the first row. An empty cell means that the field is not given.

    A line `sep=;` before the first row may set the separator, as spreadsheets write it. Several of the `ignored`
    columns may have the same name.
    """
    delimiter, is_said = _delimiter(text)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        yield Record(1, 1, None, f"sep= must be followed by the one character that separates cells, got {delimiter!r}")
        return
    rows = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    try:
        if is_said:
            next(rows)
        yield from _records(rows, delimiter, ignored)
    except csv.Error as error:
        cure = "; a quote is opened in this row, or in one above, and not closed" if "end of data" in str(error) else ""
        mixed = _mixed(_LINE_END.split(text)[rows.line_num - 1], delimiter)
        yield Record(rows.line_num, rows.line_num, None, mixed or f"is not CSV: {error}{cure}")


def _records(rows: "_csv.Reader", delimiter: str, ignored: Collection[str]) -> Iterator[Record]:
    heading = rows.line_num + 1
    names = [name.strip() for name in next(rows, [])]
    numbered = _numbered(rows)
    problem = _doubles(names, ignored)
    if problem or "route" not in names:
        sample = list(islice(numbered, 1))
        meant = "" if "route" in names else _meant_for_route(names, [row for _, row in sample])
        told = problem if "route" in names else "\n".join(filter(None, (_without_route(names, meant), problem)))
        is_end = bool(problem or not meant)
        yield Record(heading, heading, None, told, names if is_end and len(names) > 1 else (), heading=heading)
        if is_end:
            return
        names[names.index(meant)] = "route"  # so that all other mistakes are told in the same round
        numbered = chain(sample, numbered)
    for line, row in numbered:
        fields, problem = _row(names, row, delimiter)
        if fields or problem:
            yield Record(line, line, fields, problem, names, [] if problem else names[len(row) :], heading)


def _numbered(rows: "_csv.Reader") -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the line where it begins."""
    before = rows.line_num
    for row in rows:
        yield before + 1, row
        before = rows.line_num


def _delimiter(text: str) -> tuple[str, bool]:
    """Return the separator of the first row, and whether a line states it. Some programs use semicolons or tabs."""
    first_row = _LINE_END.split(text, maxsplit=1)[0]
    said = _SEPARATOR.fullmatch(first_row)
    if said:
        return said["it"].replace("\\t", "\t"), True
    return max(_SEPARATORS, key=first_row.count), False


def _doubles(names: list[str], ignored: Collection[str]) -> str:
    double = next((name for name in names if name and names.count(name) > 1 and plain_name(name) not in ignored), "")
    return f"{double}: two columns have this name" if double else ""


def _meant_for_route(names: list[str], sample: list[list[str]]) -> str:
    """Return the column that has a route in its first cell, or that is called nearly so; empty if there is none."""
    close = get_close_matches("route", [name.lower() for name in names], n=1)
    by_value = (name for row in sample for name, cell in zip(names, row, strict=False) if cell.strip() in ROUTES)
    return next(chain(by_value, (name for name in names if name.lower() in close)), "")


def _without_route(names: list[str], meant: str) -> str:
    got = ", ".join(names)[:100] or "nothing"
    if len(names) < 2:
        cure = "they are separated by commas, semicolons or tabs, or by X where the line sep=X is before them"
    else:
        named = meant or "that says image_to_video, pro_generate or another route"
        cure = f"rename the column {named} to route{'' if meant else ', or add one'}"
    return f"the first row must name the fields, `route` among them, got {got}; {cure}"


def _mixed(line: str, delimiter: str) -> str:
    """Return what is wrong with a line without a route that has one if another character separates its cells."""
    others = (other for other in _SEPARATORS if other != delimiter and _has_route(line.split(other)))
    found = next(others, "")
    return (
        f"is separated by {found!r}, and the first row by {delimiter!r}; give all rows one separator" if found else ""
    )


def _has_route(cells: list[str]) -> bool:
    return any(cell.strip(' "') in ROUTES for cell in cells)


def _row(names: list[str], row: list[str], delimiter: str) -> tuple[dict[str, Any] | None, str]:
    mixed = "" if _has_route(row) else _mixed(delimiter.join(row), delimiter)
    if mixed:
        return None, mixed
    if len(row) > len(names):
        several = next((name for name in names if set(name) & set(_SEPARATORS)), "")
        cure = (
            f"separate {several!r} there by {delimiter!r}"
            if several
            else f"put cells that hold {delimiter!r} in quotes"
        )
        return None, f"has {len(row)} cells, but the first row names {len(names)} fields; {cure}"
    cells = {name: cell.strip() for name, cell in zip(names, row, strict=False) if cell.strip()}
    if "" in cells:
        return None, "has a cell under a heading without a name; name it, or of pandas write to_csv(index=False)"
    return cells, ""


def _items(text: str, position: int) -> Iterator[Record]:
    # The whole text was parsed before, so only the type of an item can be wrong here.
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
    fields, wrong = (None, problem) if problem else _checked(value, text)
    return fields, wrong + "; a file with a list of objects ends with .json" * isinstance(value, list)


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
