"""Prints a warning if a kernel ends while tasks are unfinished. At that time nothing can be waited for."""

import atexit
import logging
import sys
from contextlib import suppress
from weakref import WeakSet

from cometrunway._lifetime import Lifetime
from cometrunway._plurals import counted

_logger = logging.getLogger(__name__)
_opened: WeakSet[Lifetime] = WeakSet()


def warn_of(lifetime: Lifetime) -> None:
    """Report at the end of the kernel the unfinished tasks of this session."""
    if not _opened:
        atexit.register(_warn)
    _opened.add(lifetime)


def _warn() -> None:
    for lifetime in tuple(_opened):
        parts = lifetime.parts_to_read
        tokens = [future.reference.to_token() for future in lifetime.owed] if parts else []
        if parts and tokens:
            has_journal = parts.journal.keeps_entries
            cure = "`await session.resume()` takes up what is owed" if has_journal else "no journal has them"
            _say(
                f"{counted(len(tokens), 'task is', 'tasks are')} paid for and unfinished as the kernel ends, and not "
                f"cancelled at the server; {cure}; "
                f"session.attach takes up each by its token: {' '.join(tokens)}"
            )


def _say(text: str) -> None:
    _logger.warning("%s", text)
    with suppress(OSError, ValueError):  # the stream is closed; the output of a cell is lost at this time
        print(f"cometrunway: {text}", file=sys.__stderr__, flush=True)
