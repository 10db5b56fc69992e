"""Handles a full disk of the output folder: files wait until there is space, and nothing more is submitted."""

import asyncio
import errno
import math
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from cometrunway._events import EventEmitter, EventKind, Subject
from cometrunway._policies import RetryPolicy
from cometrunway._tasks import Asset
from cometrunway.errors import CometRunwayError, DownloadError

LEAST_FREE = 1024 * 1024
"""Bytes that must be free before anything is submitted."""
_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})


class FreeSpace:
    """Knows whether the disk has free space for files. Without a folder, there is always space.

    The disk is full if a file does not fit or the journal cannot be written. The files that did not fit are then tried
    again, one at a time and with growing pauses. The disk stays full until all of these files are on disk and one more
    of their size fits. If a file was given up, it stays full until 1 MiB more is free than before.
    """

    def __init__(self, folder: Path | None, *, retry: RetryPolicy, rng: Random, events: EventEmitter) -> None:
        self._folder = folder
        self._retry = retry
        self._rng = rng
        self._events = events
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._needed = 0.0
        self.is_full = False

    async def has_space(self) -> bool:
        """Return whether there is space. The free space of a full disk is measured again."""
        if self.is_full and not self._waiting:
            self.is_full = await self._free() < self._needed
        return not self.is_full

    async def is_exhausted(self, subject: Subject, error: CometRunwayError) -> bool:
        """Whether another write, such as one to the journal, may have failed because this disk is full."""
        if await self._free() < LEAST_FREE:
            await self._found_full(subject, error)
        return self.is_full

    async def stored(self, store: Callable[[], Awaitable[Asset]], subject: Subject) -> Asset:
        """Store a file. If the disk is full, wait until the file fits.

        Raises:
            DownloadError: the file cannot be downloaded, or cannot be written for another reason.
        """
        try:
            return await store()
        except DownloadError as error:
            if self._folder is None or not _is_of_a_full_disk(error):
                raise
            await self._found_full(subject, error)
        self._waiting += 1
        try:
            async with self._turn:
                return await self._stored_later(store)
        finally:
            self._waiting -= 1

    async def _stored_later(self, store: Callable[[], Awaitable[Asset]]) -> Asset:
        for pause in self._retry.growing_pauses(self._rng):
            await asyncio.sleep(pause)
            if await self._free() < LEAST_FREE:
                continue
            try:
                asset = await store()
            except DownloadError as error:
                if not _is_of_a_full_disk(error):
                    raise
            else:
                self._needed = asset.size or LEAST_FREE
                return asset
        raise AssertionError("the pauses are endless")

    async def _found_full(self, subject: Subject, error: CometRunwayError) -> None:
        self._needed = await self._free() + LEAST_FREE
        if not self.is_full:
            self.is_full = True
            self._events.emit(EventKind.DISK_FULL, subject, error=error)

    async def _free(self) -> float:
        """Return the number of free bytes; infinity if it is unknown."""
        if self._folder is None:
            return math.inf
        try:
            return (await asyncio.to_thread(shutil.disk_usage, self._folder)).free
        except OSError:
            return math.inf


def _is_of_a_full_disk(error: DownloadError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _FULL
