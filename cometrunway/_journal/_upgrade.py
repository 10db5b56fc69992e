"""Upgrades journals of earlier versions to the present one. Nothing in them is lost."""

import json
import logging
import sqlite3

from cometrunway._journal._file import transaction
from cometrunway._journal._schema import ALIASES, DURATIONS, FOLDERS, INDEXES, SECRETS, VERSION
from cometrunway._wire._identity import identity

_logger = logging.getLogger(__name__)
_AT_ONCE = 5000
"""The number of rows in one transaction, which has the lock for some tenths of a second."""
_PROGRESS = "CREATE TABLE upgrade (identified INTEGER NOT NULL)"
"""Exists while submissions of an earlier version are being identified: the number of the last identified one."""


def upgrade(database: sqlite3.Connection) -> None:
    """Upgrade a journal to the present version, in short transactions. If it is interrupted, the next call goes on."""
    [(version,)] = database.execute("PRAGMA user_version")
    if version < VERSION:
        _logger.info("upgrading a journal of version %s to version %s", version, VERSION)
        with transaction(database):
            _add_tables(database, version)
    there = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    if version < VERSION or "upgrade" in there:
        _identify(database)
    for index in INDEXES:
        if index.split()[2] not in there:
            database.execute(index)


def _add_tables(database: sqlite3.Connection, version: int) -> None:
    if version < 2:
        database.execute(DURATIONS)
    if version < 3:
        database.execute("ALTER TABLE submission ADD COLUMN ended_at REAL")
        database.execute(ALIASES)
        database.execute(FOLDERS)
        database.execute(_PROGRESS)
        database.execute("INSERT INTO upgrade VALUES (0)")
    if version < 4:
        database.execute("ALTER TABLE submission ADD COLUMN submitted_at REAL")
        database.execute("ALTER TABLE submission ADD COLUMN delivered_at REAL")
    if version < 5:
        database.execute(SECRETS)
    database.execute(f"PRAGMA user_version = {VERSION}")


def _identify(database: sqlite3.Connection) -> None:
    """Identify each submission by the user's request. Until version 2 it was identified by all that was sent."""
    progress = _progress(database)
    while progress is not None:
        with transaction(database):
            last = _identify_some(database, progress)
            if last is None:
                database.execute("DROP TABLE upgrade")
            else:
                database.execute("UPDATE upgrade SET identified = ?", (last,))
        progress = last


def _progress(database: sqlite3.Connection) -> int | None:
    [(is_there,)] = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'upgrade'")
    if not is_there:
        return None
    [(identified,)] = database.execute("SELECT identified FROM upgrade")
    return int(identified)


def _identify_some(database: sqlite3.Connection, after: int) -> int | None:
    """Identify the next rows; return the number of the last one, or None if there are no more."""
    rows = database.execute(
        "SELECT number, key, route, fingerprint, request FROM submission WHERE number > ? ORDER BY number LIMIT ?",
        (after, _AT_ONCE),
    ).fetchall()
    counts: dict[str, int] = {}
    for number, key, route, fingerprint, request in rows:
        identified = _identified(request)
        if identified is None:
            continue
        database.execute("UPDATE submission SET fingerprint = ? WHERE number = ?", (identified, number))
        prefix, _, count = key.rpartition("-")
        if prefix == f"{route}-{fingerprint[:16]}" and count.isdecimal():
            name = f"{route}-{identified[:16]}"
            counts[name] = counts.get(name) or _named_so_far(database, name)
            counts[name] += 1
            database.execute("INSERT OR IGNORE INTO alias (name, key) VALUES (?, ?)", (f"{name}-{counts[name]}", key))
    return rows[-1][0] if rows else None


def _named_so_far(database: sqlite3.Connection, name: str) -> int:
    """Return how many submissions with this content were named in earlier transactions."""
    [(count,)] = database.execute(
        "SELECT count(*) FROM alias WHERE name > ? AND name < ?", (f"{name}-", f"{name}.")
    )  # a full stop comes right after the hyphen
    return int(count)


def _identified(request: str) -> str | None:
    """Return the identity of a recorded request; None for a damaged one, which is an error when it is read."""
    try:
        description = json.loads(request)
        return identity(description) if "route" in description else None
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
