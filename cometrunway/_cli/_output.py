"""A file that a command writes. It is complete, or is not there. It replaces only a file of its own kind."""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TextIO

from cometrunway._terminal import writing

_SQLITE = b"SQLite format 3\0"
_READ = 64 * 1024
"""The number of bytes of an existing file that tell its kind."""


class OutputKind(NamedTuple):
    """What a command writes."""

    name: str
    """Such as `an export`."""
    beginning: re.Pattern[bytes]
    """Matches the beginning of each file of this kind, and of no other file."""


def write_output(output: Path, write: Callable[[TextIO], None], kind: OutputKind) -> None:
    """Write a file as UTF-8, without translating newlines. When it is complete, it replaces an earlier one of its kind.

    Raises:
        ValueError: the file cannot be written, or a file of another kind has its name.
    """
    _check_output(output, kind)
    try:
        if output.exists() and not output.is_file():  # a device or a pipe, which must not be replaced
            with output.open("w", encoding="utf-8", newline="") as stream, writing(stream):
                write(stream)
            return
        with TemporaryDirectory(dir=output.parent) as folder:
            part = Path(folder, output.name)
            with part.open("w", encoding="utf-8", newline="") as stream:
                write(stream)
            part.replace(output)
    except OSError as error:
        raise ValueError(f"cannot write {output}: {error.strerror}") from error


def _check_output(output: Path, kind: OutputKind) -> None:
    """Refuse to replace any other file: a journal is the only record of what was paid for, and shots have no copy."""
    if output.is_dir():
        raise ValueError(f"cannot write {output}: it is a folder; name a file in it")
    journal = output.with_name(re.sub(r"-(wal|shm)$|\.lock$", "", output.name))
    for there in filter(Path.is_file, (output, journal)):
        with suppress(OSError), there.open("rb") as file:
            if file.read(len(_SQLITE)) == _SQLITE:
                raise ValueError(f"{output} is a journal or belongs to one; write to another file")
    if output.is_file():
        with output.open("rb") as file:
            beginning = file.read(_READ)
        if beginning and not kind.beginning.match(beginning):
            raise ValueError(f"{output} exists and is not {kind.name}; choose another name with -o, or remove it first")
