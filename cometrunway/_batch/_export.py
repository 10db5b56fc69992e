"""A journal as JSON Lines for programs, and as CSV for spreadsheets."""

import csv
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import attrs

from cometrunway._batch._journal_report import JournalReport, unverified
from cometrunway._journal._entry import Entry
from cometrunway._paths import in_utf8, portable
from cometrunway._wire._encode import COMPAT, OFFICIAL

_FIXED = (
    "key",
    "route",
    "state",
    "prompt",
    "task_id",
    "created_at",
    "seconds",
    "reason",
    "path",
    "size",
    "sha256",
    "unverified",
    "creates",
)
_PROMPTS = ("prompt_text", "prompt")
_FIELDS = tuple(dict.fromkeys(field.name for cls in OFFICIAL + COMPAT for field in attrs.fields(cls)))
"""All fields of all routes, in the order of the routes."""
_BLANK = r"[\s\"\x00-\x1f\ufeff\u200b]*"
_FORMULA = re.compile(rf"{_BLANK}[=+\-@＝＋－＠]|[\t\r\n]")  # noqa: RUF001 - a Japanese Excel knows these signs, too
_LATER_FORMULA = re.compile(rf"([;\t\r\n]{_BLANK})(?=[=+\-@＝＋－＠])")  # noqa: RUF001
"""Where a cell begins for a spreadsheet that takes semicolons for the separator, as the German one does."""


def write_jsonl(report: JournalReport, stream: TextIO) -> None:
    """Write one JSON object per line; a path that is no UTF-8 is its `file:` URI."""
    for record in report.records():
        stream.write(json.dumps(in_utf8(record)) + "\n")


def write_csv(report: JournalReport, stream: TextIO) -> None:
    """Write comma-separated values with a heading, for a stream that encodes them as UTF-8 and translates no newlines.

    First come the columns that every journal has, then each field that a request of it has, in the order of the routes.
    Times are ISO 8601 in UTC, sizes bytes; paths and digests of several files are separated by semicolons. Text that a
    spreadsheet would take for a formula has an apostrophe before it.
    """
    entries = report.entries
    fields = _fields_of(entries)
    stream.write("\ufeff")  # without the byte order mark Excel takes UTF-8 for another encoding
    writer = csv.writer(stream)
    writer.writerow(map(_cell, [*_FIXED, *(f"request.{name}" if name in _FIXED else name for name in fields)]))
    for entry in entries:
        fixed = _fixed(entry, report.kind(entry), report.reason(entry))
        writer.writerow(map(_cell, [*fixed, *(entry.request.get(name) for name in fields)]))


def _fixed(entry: Entry, state: str, reason: str) -> tuple[Any, ...]:
    """Return the values of the fixed columns, in their order."""
    files = [asset for asset in entry.assets if asset.path]
    prompt = next((entry.request[name] for name in _PROMPTS if name in entry.request), None)
    paths = ";".join(portable(asset.path) for asset in files if asset.path)
    size = sum(asset.size or 0 for asset in files) if files else None
    digests = ";".join(asset.sha256 for asset in files if asset.sha256)
    times = _iso(entry.created_at), _seconds(entry)
    of_the_task = (entry.key, entry.route, state, prompt, entry.task_id, *times, reason)
    return (*of_the_task, paths, size, digests, ";".join(unverified(entry)), entry.creates)


def _fields_of(entries: Iterable[Entry]) -> list[str]:
    """Return the fields that any request has; those of a later version come last."""
    names = {name for entry in entries for name in entry.request} - {"route", *_PROMPTS}
    return [*(name for name in _FIELDS if name in names), *sorted(names - set(_FIELDS))]


def _iso(seconds: float | None) -> str:
    try:
        return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError):  # no time that has a date
        return str(seconds)


def _cell(value: Any) -> str | float | None:
    """Return what a cell says of a value: text that is no formula, or a number."""
    value = in_utf8(value)
    if isinstance(value, Mapping) and "sha256" in value:  # of a file or a URL whose content is not in the journal
        value = value.get("path") or value.get("url") or f"sha256:{value['sha256']}"
    if isinstance(value, bool | Mapping | list):
        value = json.dumps(value, ensure_ascii=False)
    return _safe(value) if isinstance(value, str) else value


def _safe(text: str) -> str:
    text = _LATER_FORMULA.sub(r"\1'", text)
    return f"'{text}" if _FORMULA.match(text) else text


def _seconds(entry: Entry) -> float | None:
    """Return the time from the create's answer to the poll that found the task's end."""
    is_known = entry.created_at is not None and entry.ended_at is not None
    return round(entry.ended_at - entry.created_at, 1) if is_known else None  # type: ignore[operator]  # both are known
