"""Chooses the writer of a journal by its place. `_snapshots.py` chooses the reader."""

import os
from pathlib import Path

from cometrunway._journal._file import checked_place
from cometrunway._journal._place import Place, PostgresUrl, place_of
from cometrunway._journal._postgres._extra import module
from cometrunway._journal._sqlite import SqliteStore
from cometrunway._journal._store import Store
from cometrunway.errors import JournalError


def writable_place(journal: str | os.PathLike[str] | Place) -> Place:
    """Return the place of a journal that is to be written: of a server, or of a file that is there or can be made.

    Raises:
        JournalError: the file is a folder, or its folder is missing; or the URL cannot be read.
        ValueError, TypeError: it is no place at all.
    """
    place = place_of(journal)
    return checked_place(place) if isinstance(place, Path) else place


def store_at(place: Place, *, timeout: float, output_dir: Path | None) -> Store:
    """Return what writes a journal.

    Args:
        place: where it is.
        timeout: seconds to wait while it cannot be written.
        output_dir: the folder of the files of all entries; None takes the folders that were recorded.
    """
    if isinstance(place, PostgresUrl):
        store: Store = module("_store", place).PostgresStore(place, timeout=timeout, output_dir=output_dir)
        return store
    return SqliteStore(place, lock_timeout=timeout, output_dir=output_dir)


def migrate(place: Place) -> tuple[int, int]:
    """Bring a journal of a server to the present version, or make it; return the version before and after.

    Raises:
        JournalError: it cannot be, or it is a file, which needs no command for that.
    """
    if isinstance(place, PostgresUrl):
        versions: tuple[int, int] = module("_server", place).migrate(place)
        return versions
    raise JournalError(f"{place} is a file: a run makes it, and brings it to its own version; name a postgresql:// URL")
