"""A file that a command writes. It is complete, or is not there."""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

from cometrunway._terminal import writing

_SQLITE = b"SQLite format 3\0"


def write_output(output: Path, write: Callable[[TextIO], None]) -> None:
    """Write a file as UTF-8, without translating newlines. It replaces an existing file when it is complete.

    Raises:
        ValueError: the file cannot be written, or it is a journal or belongs to one.
    """
    _check_output(output)
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


def _check_output(output: Path) -> None:
    """Refuse to replace a journal, because it is the only record of what was paid for."""
    if output.is_dir():
        raise ValueError(f"cannot write {output}: it is a folder; name a file in it")
    journal = output.with_name(re.sub(r"-(wal|shm)$|\.lock$", "", output.name))
    for there in filter(Path.is_file, (output, journal)):
        with suppress(OSError), there.open("rb") as file:
            if file.read(len(_SQLITE)) == _SQLITE:
                raise ValueError(f"{output} is a journal or belongs to one; write to another file")
