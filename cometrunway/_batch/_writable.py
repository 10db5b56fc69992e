"""Whether a run can write where it will: found out by a dry run, which leaves nothing there."""

import asyncio
import os
from pathlib import Path
from tempfile import TemporaryFile

from cometrunway._journal._journal import Journal
from cometrunway._journal._place import Place, PostgresUrl
from cometrunway.errors import JournalError, JournalInUseError


def check_output_dir(folder: Path) -> None:
    """Make sure that files can be made in a folder, or where it is to be made; else `ValueError`."""
    try:
        _try_in(folder)
    except OSError as error:
        raise ValueError(f"output_dir {folder} cannot be written: {error.strerror}") from error


def check_journal(place: Place) -> None:
    """Make sure that a journal can be written, or made; else `JournalError`."""
    if isinstance(place, Path):
        _check_file(place)
    else:
        asyncio.run(_open(place))


async def _open(place: PostgresUrl) -> None:
    async with Journal(place):
        pass


def _check_file(path: Path) -> None:
    pid = Journal.holder(path)
    if pid is not None:
        raise JournalInUseError(
            f"the journal {path} is in use by another process (pid {pid}); one writes at a time: wait for it to end, "
            "or give this run a journal of its own"
        )
    try:
        _try_in(path.parent)
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be written: {error.strerror}: {path.parent}") from error
    for file in (path, path.with_name(f"{path.name}.lock")):
        if file.exists() and not os.access(file, os.W_OK):
            raise JournalError(f"the journal {path} cannot be written: Permission denied: {file}")


def _try_in(folder: Path) -> None:
    folder = folder.absolute()
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    with TemporaryFile(dir=there):
        pass
