"""The output folder, tried once before anything is paid for."""

import asyncio
import errno
import logging
import os
import shutil
from pathlib import Path
from tempfile import TemporaryFile

from cometrunway import _file_locks
from cometrunway._delivery._part_file import sync_folder

_logger = logging.getLogger(__name__)
_LEAST_FREE = 1024 * 1024
"""Bytes that must be free on its disk."""


async def try_folder(folder: Path) -> None:
    """Make a folder if it is missing, and find out whether files can be written there.

    A file system without locks is used without them; that is logged once.

    Raises:
        ValueError: no file can be written there, or less than 1 MiB is free.
    """
    try:
        await asyncio.to_thread(_try, folder)
    except OSError as error:
        raise ValueError(f"output_dir {folder} cannot be written: {error.strerror}") from error


def _try(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sync_folder(folder)
    with TemporaryFile(dir=folder) as file:
        file.write(b"to find out whether there is room")
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
    if shutil.disk_usage(folder).free < _LEAST_FREE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
