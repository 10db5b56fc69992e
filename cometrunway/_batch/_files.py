"""Batch files. A file is checked completely before anything is paid for."""

import re
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from cometrunway._batch._cells import from_cells
from cometrunway._batch._columns import absent_columns, foreign_columns, unknown_columns
from cometrunway._batch._formats import Record, format_of, plain_name, table
from cometrunway._batch._problems import Problems
from cometrunway._batch._text import decoded
from cometrunway._requests._names import snake_case
from cometrunway._requests._shot import Shot
from cometrunway._wire._mapping import request_from_dict
from cometrunway._wire._records import as_key
from cometrunway._wire._values import given

STANDARD_INPUT = Path("-")
_NO_KEY = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that a file name may contain and a key may not."""
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


class BatchFileError(Exception):
    """The file cannot be used. The message has a line `FILE:LINE: REASON` for each error in it."""


@frozen(kw_only=True)
class BatchFile:
    """The shots of a file."""

    name: str
    """The name of the file in messages."""
    shots: list[Shot]
    lines: Mapping[str, int]
    """The line where the shot of each key begins, from 1."""
    unnamed: Set[str]
    """The keys that are not in the file. They are made from its name and the line."""
    ignored: Mapping[str, int]
    """The ignored columns, and in how many rows each had a value."""
    absent: Sequence[str] = ()
    """A message for each ignored column that the file does not have."""
    doubts: Sequence[tuple[int, str]] = ()
    """Lines that may be damaged, each with what is doubtful in it."""


def read_shots(path: Path) -> list[Shot]:
    """Return the shots of a batch file, as `read_batch` reads it."""
    return read_batch(path).shots


def read_batch(path: Path, *, encoding: str | None = None, ignore: Collection[str] = ()) -> BatchFile:
    """Read a batch file: for each shot its `route`, optionally its `key`, and the fields of the request.

    The format is JSON Lines, JSON or CSV. The suffix decides, or else the first character. `-` is standard input.
    Fields are spelled in snake_case or as in the API. Media without a scheme are files, relative to the batch file. A
    shot without a key is named after the file and its line, or its position in a JSON list.

    Args:
        path: the file.
        encoding: the encoding of a file without a byte order mark; by default UTF-8.
        ignore: the names of columns, or fields, to ignore.

    Raises:
        BatchFileError: the file cannot be read, or something in it is wrong.
    """
    is_input = path == STANDARD_INPUT
    name, stem = ("<stdin>", "stdin") if is_input else (str(path), path.stem)
    text = _text(path, name, encoding)
    read = format_of(path.suffix, text)
    ignored = set(map(plain_name, ignore))
    shots = _Shots(
        problems=Problems(name), stem=stem, folder=path.parent.absolute(), ignored=ignored, is_table=read is table
    )
    for record in table(text, ignored) if read is table else read(text):
        shots.add(record)
    if not (shots.by_key or shots.problems):
        shots.problems.add(1, "the file contains no shot")
    absent = list(absent_columns(ignored, shots.columns))
    if shots.problems:
        raise BatchFileError("\n".join([str(shots.problems), *absent]))
    return BatchFile(
        name=name,
        shots=list(shots.by_key.values()),
        lines=shots.lines,
        unnamed=shots.unnamed,
        ignored={column: shots.left_out[column] for column in sorted(ignored & shots.columns.keys())},
        absent=absent,
        doubts=shots.doubts,
    )


def _text(path: Path, name: str, encoding: str | None) -> str:
    try:
        content = _standard_input() if path == STANDARD_INPUT else path.read_bytes()
    except OSError as error:
        raise BatchFileError(f"{name}: cannot be read: {error.strerror}") from error
    try:
        return decoded(content, encoding)
    except ValueError as error:
        raise BatchFileError(f"{name}:{error}") from error


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise BatchFileError("<stdin>: is closed")
    return sys.stdin.buffer.read()


@define(kw_only=True)
class _Shots:
    """Reads the shots of one file, and collects its errors."""

    problems: Problems
    stem: str
    folder: Path
    ignored: Collection[str]
    is_table: bool
    by_key: dict[str, Shot] = field(factory=dict)
    lines: dict[str, int] = field(factory=dict)
    unnamed: set[str] = field(factory=set)
    left_out: Counter[str] = field(factory=Counter)
    columns: dict[str, None] = field(factory=dict)
    """The names of all columns, or fields, of the file, if some are ignored."""
    doubts: list[tuple[int, str]] = field(factory=list)

    def add(self, record: Record) -> None:
        """Read one record of the file."""
        if self.ignored:
            self.columns |= dict.fromkeys(map(plain_name, record.columns or record.fields or ()))
        missing = [name for name in record.missing if plain_name(name) not in self.ignored]
        short = f"has no cells for {', '.join(missing)}" if missing else ""
        try:
            shot = self._shot(record)
        except ValueError as error:
            for reason in str(error).splitlines():
                self.problems.add(record.line, "; the row ".join(filter(None, (reason, short))))
            if record.fields is None:
                self._add_foreign(record)
            return
        if short:
            self.doubts.append((record.line, f"{short}; these count as empty"))
        if shot is not None and shot.key in self.by_key:
            first = self.lines[shot.key]
            self.problems.add(record.line, f"key: {shot.key!r} is used twice, first in line {first}; give it another")
        elif shot is not None:
            self.by_key[shot.key], self.lines[shot.key] = shot, record.line

    def _add_foreign(self, record: Record) -> None:
        """Tell which names are wrong in a heading after which no row is read."""
        names = [name for name in record.columns if plain_name(name) not in self.ignored]
        for column in foreign_columns(names) if record.line == record.heading else ():
            self.problems.add(record.heading, column.reason, cause=column.cause)

    def _shot(self, record: Record) -> Shot | None:
        """Return the shot; None if an unknown column may be a misspelt field."""
        if record.fields is None:
            raise ValueError(record.problem)
        fields = self._without_ignored(given(record.fields))
        if "key" not in fields:
            fields["key"] = self._default_key(record.number)
            self.unnamed.add(fields["key"])
        key = as_key(fields.pop("key"))
        if self.is_table:
            fields = from_cells(fields)
        unknown = unknown_columns(fields, is_named=key not in self.unnamed)
        for column in unknown:
            line = record.heading if column.is_foreign and record.heading else record.line
            self.problems.add(line, column.reason, cause=column.cause)
            del fields[column.name]
        if any(column.may_be_ours for column in unknown):
            return None
        try:
            return Shot(key=key, request=request_from_dict(fields, base_dir=self.folder))
        except ValueError as error:
            raise ValueError("\n".join(_as_spelt(reason, fields) for reason in str(error).splitlines())) from error

    def _without_ignored(self, fields: dict[str, Any]) -> dict[str, Any]:
        left_out = {name for name in fields if plain_name(name) in self.ignored}
        self.left_out.update(set(map(plain_name, left_out)))
        return {name: value for name, value in fields.items() if name not in left_out}

    def _default_key(self, number: int) -> str:
        stem = _NO_KEY.sub(lambda found: f"%{ord(found[0]) & 0xFF:02X}", self.stem)
        return f"{stem}-{number:04d}"


def _as_spelt(reason: str, fields: Mapping[str, Any]) -> str:
    """Begin a reason with the field's name in the file, if that differs; add the cause if it is a decimal comma."""
    ours = re.match(r"\w+\.(\w+)", reason)
    spelt = next((name for name in fields if ours and snake_case(name) == ours[1]), "")
    value = fields.get(spelt)
    if "number" in reason and isinstance(value, str) and _DECIMAL_COMMA.fullmatch(value):
        reason += "; a number has a decimal point, not a comma"
    return f"{spelt}: {reason}" if spelt and ours and spelt != ours[1] else reason
