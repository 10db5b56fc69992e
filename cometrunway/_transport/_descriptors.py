"""File descriptors: how many connections and files may be open at once, and how to wait for a free one."""

import asyncio
import errno
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

if sys.platform != "win32":
    import resource

_T = TypeVar("_T")
_MOST_CONNECTIONS, _MOST_DOWNLOADS = 256, 32
_SHARE = 6
"""One of so many free descriptors is for connections to the API. The others are for downloads and the user's code."""
_UNLIMITED = 1_000_000
WAITS, BETWEEN_WAITS = 120, 0.5
"""How often to wait for a free descriptor, and how many seconds."""


def connections() -> int:
    """Return how many connections to the API may be open at once: 4 to 256, depending on the free descriptors."""
    return max(4, min(_MOST_CONNECTIONS, _free() // _SHARE))


def downloads() -> int:
    """Return how many downloads may be under way at once: 1 to 32. Each has a connection, a file and a folder."""
    return max(1, min(_MOST_DOWNLOADS, _free() // (2 * _SHARE)))


async def when_free(work: Callable[[], Awaitable[_T]]) -> _T:
    """Call `work`, which opens a connection or a file; wait up to a minute while the system has no free descriptor.

    `work` must be safe to repeat after it failed because no descriptor was free.
    """
    for _ in range(WAITS):
        try:
            return await work()
        except OSError as error:
            if not is_exhaustion(error):
                raise
        await asyncio.sleep(BETWEEN_WAITS)
    return await work()


def is_exhaustion(error: Exception) -> bool:
    """Whether an error says that the process or the system has no descriptor left."""
    inner = getattr(error, "os_error", error)  # aiohttp wraps what the system said
    return isinstance(inner, OSError) and inner.errno in {errno.EMFILE, errno.ENFILE}


def _free() -> int:
    if sys.platform == "win32":
        return _UNLIMITED
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _UNLIMITED
    try:
        return max(0, soft - sum(1 for _ in Path("/dev/fd").iterdir()))
    except OSError:  # no such folder, or no descriptor left to read it with
        return soft // 2
