"""The journal's file: how it is created, recognised and opened, and how its errors are translated."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from cometrunway._journal._entry import DamagedRowError
from cometrunway._journal._schema import ALIASES, DURATIONS, FOLDERS, INDEXES, SECRETS, SUBMISSIONS, VERSION
from cometrunway.errors import JournalError, JournalUnavailableError

_APPLICATION_ID = 0x43525759  # "CRWY"
_CURES = {
    "SQLITE_BUSY": "Another program has locked it, such as a backup or an editor: let that end.",
    "SQLITE_FULL": "Free some space on its disk.",
    "SQLITE_READONLY": "Make it and its folder writable.",
    "SQLITE_CANTOPEN": "Make it and its folder readable and writable.",
    "SQLITE_IOERR": "Its disk reports an error, or is gone.",
}
"""The cure of an error, by the beginning of its name in SQLite."""
_CHECKED_WHOLE = 32 * 1024**2
"""A file of at most so many bytes is checked completely when it is opened, which takes some hundredths of a second."""
_CHECKED_ROWS = 1000
"""How many of the last submissions of a larger file are checked."""


def connected(path: Path, *, lock_timeout: float) -> sqlite3.Connection:
    """Open a journal for writing; make it if it is missing; wait `lock_timeout` seconds for another program."""
    database = sqlite3.connect(path, isolation_level=None, timeout=lock_timeout)
    try:
        if path.stat().st_size == 0:
            _create(database)
        check_kind(database, path)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        _check_quickly(database, path)
    except BaseException:
        database.close()
        raise
    return database


def _check_quickly(database: sqlite3.Connection, path: Path) -> None:
    """Check for damage by a crash or a truncated copy: the whole of a small file, the end of a large one."""
    [(pages,)] = database.execute("PRAGMA page_count")
    [(page,)] = database.execute("PRAGMA page_size")
    if pages * page <= _CHECKED_WHOLE:
        [(verdict,)] = database.execute("PRAGMA quick_check(1)")
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        return
    if _is_alone(database) and path.stat().st_size < pages * page:
        raise sqlite3.DatabaseError(f"it has {path.stat().st_size} bytes of {pages * page}: it is cut off")
    last = "SELECT number, key, * FROM submission ORDER BY number DESC LIMIT ?"
    for number, key, *_ in database.execute(last, (_CHECKED_ROWS,)):
        if database.execute("SELECT number FROM submission WHERE key = ?", (key,)).fetchone() != (number,):
            raise sqlite3.DatabaseError(f"the index of keys does not lead to {key!r}")


def _is_alone(database: sqlite3.Connection) -> bool:
    """Copy the write-ahead log into the file; return whether all of it was copied."""
    try:
        [(_, written, brought)] = database.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except sqlite3.OperationalError:  # such as a full disk, which is not damage
        return False
    return bool(written == brought)


def _create(database: sqlite3.Connection) -> None:
    tables = "; ".join((SUBMISSIONS, DURATIONS, ALIASES, FOLDERS, SECRETS, *INDEXES))
    database.executescript(
        f"BEGIN; {tables}; PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT"
    )


def opened_to_read(path: Path) -> sqlite3.Connection:
    """Open an existing journal for reading.

    Raises:
        JournalError: there is none, or the file is no journal.
    """
    with suppress(OSError):  # which `check_file` tells
        if not path.parent.exists():
            raise JournalError(f"there is no journal {path}")
    check_file(path)
    if not path.exists():
        raise JournalError(f"there is no journal {path}")
    with translated_errors(path):
        database = _connected_to_read(path, as_it_lies=_is_at_rest(path.resolve()))
        try:
            check_kind(database, path)
        except BaseException:
            database.close()
            raise
    return database


def _is_at_rest(path: Path) -> bool:
    # SQLite makes its own files beside the one it reads. If it cannot, and there are none, no process writes.
    return not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()


def checked_place(path: Path) -> Path:
    """Return the path of a journal that is there or can be made; no folder is made for it.

    Raises:
        JournalError: it is a folder, or its folder is missing.
    """
    if str(path) == ":memory:":
        raise JournalError("a journal must be a file, and :memory: is not one; leave it out to keep no journal")
    try:
        is_folder, has_folder = path.is_dir(), path.resolve().parent.is_dir()
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        raise JournalError(f"the journal {path} cannot be used: {error}") from error
    if is_folder:
        raise JournalError(f"{path} is a folder, not a journal: name a file in it, such as {path / 'shots.db'}")
    if not has_folder:
        raise JournalError(f"the journal {path} cannot be made: there is no folder {path.parent}: make it first")
    return path


def check_file(path: Path) -> None:
    """Refuse a path that is no journal, before a lock file is made beside it.

    Raises:
        JournalError: it is a folder, a file of another kind, or in no folder.
    """
    with translated_errors(path):
        if checked_place(path).exists() and path.stat().st_size:
            # Without its write-ahead log the file alone may be between two of its states.
            is_alone = not path.resolve().with_name(f"{path.resolve().name}-wal").exists()
            with closing(_connected_to_read(path, as_it_lies=is_alone or _is_at_rest(path.resolve()))) as database:
                check_kind(database, path)


def _connected_to_read(path: Path, *, as_it_lies: bool) -> sqlite3.Connection:
    options = "mode=ro&immutable=1" if as_it_lies else "mode=ro"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True, isolation_level=None)


def check_kind(database: sqlite3.Connection, path: Path) -> None:
    [(application_id,)] = database.execute("PRAGMA application_id")
    [(version,)] = database.execute("PRAGMA user_version")
    if application_id != _APPLICATION_ID:
        raise JournalError(f"{path} is a database, but not a journal of cometrunway; it was not changed")
    if version > VERSION:
        raise JournalError(
            f"the journal {path} was written by a newer cometrunway (its version is {version}, this one knows "
            f"{VERSION}); it was left as it is: upgrade cometrunway"
        )


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Make all changes of the block durable at its end; after an error, none of them."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite may have rolled it back itself, as on a full disk
            database.execute("ROLLBACK")
        raise


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Translate the exceptions of SQLite and of the system into ours."""
    try:
        yield
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be read: {error.strerror}") from error
    except sqlite3.OperationalError as error:
        raise JournalUnavailableError(
            f"the journal {path} cannot be written or read: {error}. {_cure(error)} No create is sent meanwhile"
        ) from error
    except (sqlite3.DatabaseError, DamagedRowError) as error:
        raise JournalError(
            f"{path} is damaged, or not a journal: {error}. It was not changed: restore a backup, or use another file"
        ) from error


def _cure(error: sqlite3.OperationalError) -> str:
    name = getattr(error, "sqlite_errorname", "")
    return next((cure for prefix, cure in _CURES.items() if name.startswith(prefix)), "Is its disk in order?")
