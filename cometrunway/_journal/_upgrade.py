"""Journals of earlier versions, brought to the present one. Nothing that they know is lost."""

import json
import re
import sqlite3

from cometrunway._journal._schema import ALIASES, DURATIONS, FOLDERS, VERSION
from cometrunway._wire._identity import identity


def upgrade(database: sqlite3.Connection) -> None:
    """Bring a journal to the present version, in one transaction."""
    [(version,)] = database.execute("PRAGMA user_version")
    if version == VERSION:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        if version < 2:
            database.execute(DURATIONS)
        database.execute("ALTER TABLE submission ADD COLUMN ended_at REAL")
        database.execute(ALIASES)
        database.execute(FOLDERS)
        _identify(database)
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise


def _identify(database: sqlite3.Connection) -> None:
    """Identify each submission by what was asked for; until version 2 it was by all that was sent."""
    rows = database.execute(
        "SELECT number, key, route, fingerprint, request FROM submission ORDER BY number"
    ).fetchall()
    counts: dict[str, int] = {}
    for number, key, route, fingerprint, request in rows:
        identified = _identified(request)
        if identified is None:
            continue
        database.execute("UPDATE submission SET fingerprint = ? WHERE number = ?", (identified, number))
        if re.fullmatch(rf"{re.escape(route)}-{re.escape(fingerprint[:16])}-\d+", key):
            counts[identified] = counts.get(identified, 0) + 1
            name = f"{route}-{identified[:16]}-{counts[identified]}"
            database.execute("INSERT OR IGNORE INTO alias (name, key) VALUES (?, ?)", (name, key))


def _identified(request: str) -> str | None:
    """Return the identity of a recorded request; None for a damaged one, which is an error when it is read."""
    try:
        description = json.loads(request)
        return identity(description) if "route" in description else None
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
