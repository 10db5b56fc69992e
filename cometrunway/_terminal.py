"""Text from elsewhere, made safe to show: a prompt, a key or a server's message must not steer the terminal."""

import os
import re
import sys
from contextlib import suppress
from typing import TextIO

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: object) -> str:
    r"""Return it as one line, with escapes such as `\x1b` for what would move the cursor, colour or reorder it."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


def say(text: str, stream: TextIO | None = None) -> None:
    """Print lines of text on standard output, or elsewhere; that nobody reads them is no error."""
    stream = stream or sys.stdout
    try:
        print("\n".join(map(printable, text.split("\n"))), file=stream, flush=True)
    except BrokenPipeError:
        silence(stream)


def silence(stream: TextIO) -> None:
    """Lead a stream whose reader is gone to nowhere, so that nothing fails when the process ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
