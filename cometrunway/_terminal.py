"""Makes text from elsewhere safe to show: a prompt, a key or a server's message must not control the terminal.

It also handles streams that accept no more output: their reader or terminal is gone, they are closed, or their disk is
full.
"""

import errno
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_NAMES = {1: "standard output", 2: "standard error"}


def printable(text: object) -> str:
    r"""Return it as one line, with escapes such as `\x1b` for what would move the cursor, colour or reorder it."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


def say(text: str, stream: TextIO | None = None) -> None:
    """Print lines of text on standard output, or on another stream. It is no error if the reader is gone.

    Raises:
        OSError: the stream accepts no more, as on a full disk. What standard error does not accept is dropped.
    """
    stream = stream or sys.stdout
    try:
        with writing(stream):
            print("\n".join(map(printable, text.split("\n"))), file=stream)
    except OSError:
        if stream is not sys.stderr:
            raise


def say_if_possible(text: str) -> None:
    """Print lines of text on standard output. If it accepts no more, say so on standard error and go on."""
    try:
        say(text)
    except OSError as error:
        say(f"cometrunway: the outcome cannot be written: {error.strerror}", sys.stderr)


@contextmanager
def writing(stream: TextIO) -> Iterator[None]:
    """Flush a stream after a block that writes to it. A reader that is gone ends the block, and is no error.

    Raises:
        OSError: the stream accepts no more; the error names it. All later output is dropped.
    """
    try:
        yield
        stream.flush()
    except OSError as error:
        has_reader = not _is_of_a_lost_reader(error, stream)
        silence(stream)
        if has_reader:
            raise OSError(error.errno, error.strerror, _name(stream)) from error


def silence(stream: TextIO) -> None:
    """Connect a stream that accepts no more to the null device, so that nothing fails when the process ends."""
    with suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


class DroppingStream:
    """Writes to a text stream and drops what the stream does not take. Other attributes are those of the stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, if that is possible; return its length."""
        with suppress(OSError, ValueError):  # ValueError: it is closed
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream, if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _is_of_a_lost_reader(error: OSError, stream: TextIO) -> bool:
    """Whether a pipe or a socket was closed at its other end, or a terminal has gone away."""
    if isinstance(error, ConnectionError):  # a broken pipe is one too
        return True
    if error.errno not in {errno.EIO, errno.ENXIO}:
        return False
    with suppress(OSError, ValueError):
        return stat.S_ISCHR(os.fstat(stream.fileno()).st_mode)  # else it is a disk that fails
    return False


def _name(stream: TextIO) -> str:
    with suppress(OSError, ValueError):
        return _NAMES.get(stream.fileno(), stream.name)
    return "the output"
