"""A journal as JSON Lines for programs, and as CSV for spreadsheets."""

import csv
import json
import re
from collections.abc import Mapping, Set
from typing import Any, TextIO

import attrs

from cometrunway._batch._journal_report import JournalReport, seconds, unverified
from cometrunway._journal._entry import Entry
from cometrunway._journal._reader import JournalReader
from cometrunway._outcome import places
from cometrunway._paths import in_utf8
from cometrunway._requests._all_routes import COMPAT, OFFICIAL
from cometrunway._tasks import moment

_FIXED = (
    "key",
    "route",
    "state",
    "prompt",
    "task_id",
    "submitted_at",
    "created_at",
    "ended_at",
    "delivered_at",
    "seconds",
    "reason",
    "path",
    "size",
    "sha256",
    "unverified",
    "creates",
)
BEGINNING = re.compile(rb'\xef\xbb\xbfkey,route,state,|\{"key": "(?:[^"\\]|\\.)*", "route": "\w+", "state": "')
"""Matches the beginning of each export that has an entry or a heading."""
_PROMPTS = ("prompt_text", "prompt")
_FIELDS = tuple(dict.fromkeys(field.name for cls in OFFICIAL + COMPAT for field in attrs.fields(cls)))
"""All fields of all routes, in the order of the routes."""
_SURROGATE = r"\ud"
"""The escapes of JSON in ASCII for half of a character beyond 16 bits, or for a byte that is not UTF-8."""
_BLANK = r"[\s\"\x00-\x1f\ufeff\u200b]*"
_FORMULA = re.compile(rf"{_BLANK}[=+\-@＝＋－＠]|[\t\r\n]")  # noqa: RUF001 - a Japanese Excel accepts these characters too
_LATER_FORMULA = re.compile(rf"([;\t\r\n]{_BLANK})(?=[=+\-@＝＋－＠])")  # noqa: RUF001
"""The beginning of a cell in a spreadsheet with semicolons as separators, such as a German one."""


def write_jsonl(report: JournalReport, stream: TextIO) -> None:
    """Write one JSON object per line. A path that is not UTF-8 is written as its `file:` URI."""
    for record in report.records():
        line = json.dumps(record)
        if _SURROGATE in line:  # perhaps of bytes that are no UTF-8, for which all of a record is looked through
            line = json.dumps(in_utf8(record))
        stream.write(line + "\n")


def write_csv(report: JournalReport, stream: TextIO) -> None:
    """Write comma-separated values with a heading, to a stream that encodes UTF-8 and does not translate newlines.

    The first columns are the same for every journal. After them comes each field of its requests, in the order of the
    routes. Times are ISO 8601 in UTC, sizes are bytes. Paths and digests of several files are separated by semicolons.
    Text that a spreadsheet could read as a formula gets an apostrophe before it.
    """
    with report.reader() as journal:
        _write_csv(report, journal, stream)


def _write_csv(report: JournalReport, journal: JournalReader, stream: TextIO) -> None:
    fields = _in_order(journal.fields())
    stream.write("\ufeff")  # without the byte order mark Excel assumes another encoding
    writer = csv.writer(stream)
    writer.writerow(map(_cell, [*_FIXED, *(f"request.{name}" if name in _FIXED else name for name in fields)]))
    for entry in journal.entries():
        fixed = _fixed(entry, report.kind(entry), report.reason(entry))
        writer.writerow(map(_cell, [*fixed, *(entry.request.get(name) for name in fields)]))


def _fixed(entry: Entry, state: str, reason: str) -> tuple[Any, ...]:
    """Return the values of the fixed columns, in their order."""
    files = [asset for asset in entry.assets if asset.is_kept]
    prompt = next((entry.request[name] for name in _PROMPTS if name in entry.request), None)
    paths = ";".join(places(files))
    size = sum(asset.size or 0 for asset in files) if files else None
    digests = ";".join(asset.sha256 for asset in files if asset.sha256)
    times = *map(_iso, (entry.submitted_at, entry.created_at, entry.ended_at, entry.delivered_at)), seconds(entry)
    of_the_task = (entry.key, entry.route, state, prompt, entry.task_id, *times, reason)
    return (*of_the_task, paths, size, digests, ";".join(unverified(entry)), entry.creates)


def _in_order(names: Set[str]) -> list[str]:
    """Return the fields that have a column. Fields of a later version come last."""
    names = names - {"route", *_PROMPTS}
    return [*(name for name in _FIELDS if name in names), *sorted(names - set(_FIELDS))]


def _iso(seconds: float | None) -> str:
    found = moment(seconds)
    return found.isoformat(timespec="seconds") if found else "" if seconds is None else str(seconds)


def _cell(value: Any) -> str | float | None:
    """Return the cell of a value: a number, or text that is not a formula."""
    if value is None or (isinstance(value, str) and value.isascii()):  # most cells
        return value and safe(value)
    value = in_utf8(value)
    if isinstance(value, Mapping) and "sha256" in value:  # a file or a URL; the journal does not have its content
        value = value.get("path") or value.get("url") or f"sha256:{value['sha256']}"
    if isinstance(value, bool | Mapping | list):
        value = json.dumps(value, ensure_ascii=False)
    return safe(value) if isinstance(value, str) else value


def safe(text: str) -> str:
    """Return text that no spreadsheet reads as a formula."""
    text = _LATER_FORMULA.sub(r"\1'", text)
    return f"'{text}" if _FORMULA.match(text) else text
