"""A disk that is full, as files find it; what is free is what the test says."""

import asyncio
import errno
import shutil
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from cometrunway import Asset, DownloadError, Event, EventKind, JournalError, RetryPolicy
from cometrunway._delivery._free_space import LEAST_FREE, FreeSpace
from cometrunway._events import EventEmitter
from cometrunway._handle import TaskReference

SIZE = 10 * LEAST_FREE
ASSET = Asset(url="https://example.com/a", size=SIZE)
TASK = TaskReference(id="t", route="image_to_video")


class Disk:
    """A disk of which so much is free, and the files that are stored there."""

    def __init__(self, folder: Path | None, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free = 0
        self.tried = self.stored = 0
        self.events: list[Event] = []
        self.space = FreeSpace(folder, retry=RetryPolicy(), rng=Random(7), events=EventEmitter(self.events.append))
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=self.free))

    async def store(self) -> Asset:
        self.tried += 1
        if self.free < SIZE:
            raise DownloadError("no space", asset=ASSET) from OSError(errno.ENOSPC, "no space")
        self.free -= SIZE
        self.stored += 1
        return ASSET


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Return a full disk."""
    return Disk(tmp_path, monkeypatch)


async def test_files_wait_for_space_and_nothing_is_submitted_meanwhile(disk: Disk) -> None:
    """The disk stays full until all that wait are on disk and one more fits; one event says that it is full."""
    files = [asyncio.ensure_future(disk.space.stored(disk.store, TASK)) for _ in range(3)]
    await asyncio.sleep(600)
    assert not await disk.space.has_space()
    disk.free = 2 * SIZE
    await asyncio.sleep(600)
    assert (disk.stored, await disk.space.has_space()) == (2, False)
    disk.free = SIZE + LEAST_FREE
    assert await asyncio.gather(*files) == [ASSET] * 3
    assert not await disk.space.has_space()
    disk.free = SIZE
    assert await disk.space.has_space()
    assert [event.kind for event in disk.events] == [EventKind.DISK_FULL]


async def test_nothing_is_downloaded_while_less_than_a_megabyte_is_free(disk: Disk) -> None:
    """A file that found the disk full is tried again when there is space."""
    file = asyncio.ensure_future(disk.space.stored(disk.store, TASK))
    await asyncio.sleep(600)
    assert disk.tried == 1
    disk.free = SIZE
    assert await file == ASSET
    assert disk.tried == 2


async def test_a_journal_that_cannot_be_written_may_be_on_a_full_disk(disk: Disk) -> None:
    """It is, if less than 1 MiB is free; the disk is full until 1 MiB more is free than then."""
    assert await disk.space.is_exhausted(TASK, JournalError("disk I/O error"))
    disk.free = LEAST_FREE - 1
    assert not await disk.space.has_space()
    disk.free = LEAST_FREE
    assert await disk.space.has_space()
    assert not await disk.space.is_exhausted(TASK, JournalError("disk I/O error"))
    assert [event.kind for event in disk.events] == [EventKind.DISK_FULL]


async def test_another_error_of_a_file_is_raised_at_once(disk: Disk) -> None:
    """Only a file that does not fit waits."""

    async def broken() -> Asset:
        raise DownloadError("broken", asset=ASSET) from OSError(errno.EIO, "broken")

    with pytest.raises(DownloadError, match="broken"):
        await disk.space.stored(broken, TASK)
    assert await disk.space.has_space()


async def test_without_a_folder_there_is_always_space(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured, and nothing waits."""
    disk = Disk(None, monkeypatch)
    assert not await disk.space.is_exhausted(TASK, JournalError("disk I/O error"))
    with pytest.raises(DownloadError, match="no space"):
        await disk.space.stored(disk.store, TASK)
    assert await disk.space.has_space()
    assert disk.events == []
