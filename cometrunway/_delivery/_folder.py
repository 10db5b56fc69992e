"""Files in a folder of this disk. The folder is tested once before anything is paid for."""

import errno
import logging
import shutil
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self

from cometrunway import _file_locks
from cometrunway._delivery._free_space import LEAST_FREE
from cometrunway._delivery._intact_files import IntactFiles
from cometrunway._delivery._open_folder import OpenFolder
from cometrunway._delivery._output import Download
from cometrunway._paths import from_here
from cometrunway._tasks import Asset
from cometrunway._threads import in_thread

_logger = logging.getLogger(__name__)


class FolderOutput:
    """Keeps files in a folder of this disk."""

    keeps_files = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()  # the current folder may change
        self._intact = IntactFiles()

    async def __aenter__(self) -> Self:
        await try_folder(self.folder)
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def store(self, download: Download, name: str) -> Asset:
        """Download a file to its place in the folder."""
        return await download(folder=self.folder, stem=name)

    async def recall(self, assets: tuple[Asset, ...]) -> tuple[Asset, ...] | None:
        """Return the files if all of them are intact on this disk."""
        is_here = all(asset.location is None for asset in assets)
        return assets if is_here and await self._intact.are_intact(assets) else None


async def try_folder(folder: Path) -> None:
    """Make a folder if it is missing, and test that files can be written there.

    If the file system has no locks, the folder is used without them. This is logged once.

    Raises:
        ValueError: no file can be written there, or less than 1 MiB is free.
    """
    try:
        await in_thread(partial(_try, folder))
    except OSError as error:
        raise ValueError(f"output_dir {from_here(folder)} cannot be written: {error.strerror}") from error


def _try(folder: Path) -> None:
    with closing(OpenFolder.below(folder)) as opened:
        opened.sync()
    with TemporaryFile(dir=folder) as file:
        file.write(b"to find out whether space is free")
        file.flush()
        try:
            _file_locks.take(file)
        except _file_locks.LocksUnsupportedError:
            _logger.warning(
                "%s is on a file system without locks: a download that a crash cut short leaves a .part file there",
                folder,
            )
        finally:
            _file_locks.release(file)
    if shutil.disk_usage(folder).free < LEAST_FREE:
        raise OSError(errno.ENOSPC, "not enough space, less than 1 MiB is free")
