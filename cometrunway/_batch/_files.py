"""Batch files: one JSON object per line, checked whole before the first cent is spent."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cometrunway import Shot, request_from_dict


class BatchFileError(Exception):
    """The file cannot be used; the message has a line `FILE:LINE: REASON` for everything wrong with it."""


def read_shots(path: Path) -> list[Shot]:
    """Read a JSON Lines file: `route`, optionally `key`, and the fields of the request, in either spelling.

    Empty lines are skipped. Media given without a scheme are files, relative to the batch file. A shot without a key
    is named after the file and its line.

    Raises:
        BatchFileError: the file cannot be read, or any of its lines is wrong.
    """
    shots: dict[str, Shot] = {}
    problems = []
    for number, line in _lines(path):
        try:
            shot = _shot(line, default_key=f"{path.stem}-{number:04d}", folder=path.parent)
            if shot.key in shots:
                raise ValueError(f"the key {shot.key!r} is used twice")  # noqa: TRY301 - one way to report a line
            shots[shot.key] = shot
        except ValueError as error:
            problems.append(f"{path}:{number}: {error}")
    if not (shots or problems):
        problems.append(f"{path}:1: the file holds no shot")
    if problems:
        raise BatchFileError("\n".join(problems))
    return list(shots.values())


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BatchFileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BatchFileError(f"{path}: is not UTF-8 text: {error}") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def _shot(line: str, *, default_key: str, folder: Path) -> Shot:
    try:
        fields: Any = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} at column {error.colno}; one shot is one line") from None
    if not isinstance(fields, dict):
        raise ValueError(f"must be a JSON object, got {line.strip()[:60]}")  # noqa: TRY004 - all bad lines are ValueErrors
    key = fields.pop("key", default_key)
    if not isinstance(key, str) or not key:
        raise ValueError(f"key must be a non-empty string, got {key!r}")
    return Shot(key=key, request=request_from_dict(fields, base_dir=folder))
