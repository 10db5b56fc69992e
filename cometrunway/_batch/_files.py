"""Batch files: checked whole before the first cent is spent."""

import sys
from pathlib import Path

from cometrunway import Shot, request_from_dict
from cometrunway._batch._cells import from_cells
from cometrunway._batch._formats import Record, format_of, table
from cometrunway._wire._values import given

STANDARD_INPUT = Path("-")


class BatchFileError(Exception):
    """The file cannot be used; the message has a line `FILE:LINE: REASON` for everything wrong with it."""


def read_shots(path: Path) -> list[Shot]:
    """Read a batch file: for each shot its `route`, optionally its `key`, and the fields of the request.

    JSON Lines, JSON or CSV, as the suffix says, else the first character; `-` is standard input. Fields are spelled in
    snake_case or as on the wire. Media given without a scheme are files, relative to the batch file. A shot without a
    key is named after the file and its line, or its place in a JSON list.

    Raises:
        BatchFileError: the file cannot be read, or anything in it is wrong.
    """
    name, stem, text = _text(path)
    folder = path.parent.absolute()
    shots: dict[str, Shot] = {}
    problems = []
    read = format_of(path.suffix, text)
    for record in read(text):
        try:
            shot = _shot(record, default_key=f"{stem}-{record.number:04d}", folder=folder, is_text=read is table)
            if shot.key in shots:
                raise ValueError(f"key: {shot.key!r} is used twice")  # noqa: TRY301 - one way to report a line
            shots[shot.key] = shot
        except ValueError as error:
            problems.append(f"{name}:{record.line}: {error}")
    if not (shots or problems):
        problems.append(f"{name}:1: the file holds no shot")
    if problems:
        raise BatchFileError("\n".join(problems))
    return list(shots.values())


def _text(path: Path) -> tuple[str, str, str]:
    """Return what the file is called in messages and in keys, and what it holds."""
    name, stem = ("<stdin>", "stdin") if path == STANDARD_INPUT else (str(path), path.stem)
    try:
        content = _standard_input() if path == STANDARD_INPUT else path.read_bytes()
        return name, stem, content.decode("utf-8-sig")
    except OSError as error:
        raise BatchFileError(f"{name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BatchFileError(f"{name}: is not UTF-8 text ({error.reason}); save it as UTF-8") from error


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise BatchFileError("<stdin>: is closed")
    return sys.stdin.buffer.read()


def _shot(record: Record, *, default_key: str, folder: Path, is_text: bool) -> Shot:
    if record.fields is None:
        raise ValueError(record.problem)
    fields = given(record.fields)
    key = fields.pop("key", default_key)
    if not isinstance(key, str) or not key:
        raise ValueError(f"key: must be a non-empty string, got {key!r}")
    return Shot(key=key, request=request_from_dict(from_cells(fields) if is_text else fields, base_dir=folder))
