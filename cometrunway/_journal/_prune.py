"""Removes data of submissions that were delivered long ago and that a journal does not need."""

import sqlite3
from datetime import datetime
from pathlib import Path

from cometrunway._journal._file import transaction
from cometrunway._journal._pruned import Pruned, kept_files, kept_request

_AT_ONCE = 5000
"""Rows of one transaction."""
_DELIVERED = "coalesce(delivered_at, ended_at, created_at)"
"""When it was delivered; for one of an earlier version, the latest time that is known of it."""
_NOT_PRUNED = """request <> '{}' AND substr(request, 1, 11) <> '{"provider"'"""


def prune(
    database: sqlite3.Connection, path: Path, delivered_before: datetime, forget_keys_before: datetime | None
) -> Pruned:
    """Remove what is not needed of delivered submissions, in short transactions; then make the file smaller."""
    before = _size(path)
    forgotten = 0 if forget_keys_before is None else _forget(database, forget_keys_before.timestamp())
    pruned = _shrink(database, delivered_before.timestamp())
    database.execute("VACUUM")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return Pruned(pruned=pruned, forgotten=forgotten, bytes_before=before, bytes_after=_size(path))


def _forget(database: sqlite3.Connection, before: float) -> int:
    old = f"state = 'delivered' AND {_DELIVERED} < ?"
    rows = f"SELECT number FROM submission WHERE {old} LIMIT {_AT_ONCE}"  # noqa: S608 - the conditions are ours
    count = 0
    while done := database.execute(f"DELETE FROM submission WHERE number IN ({rows})", (before,)).rowcount:  # noqa: S608 - as above
        count += done
    database.execute("DELETE FROM alias WHERE key NOT IN (SELECT key FROM submission)")
    return count


def _shrink(database: sqlite3.Connection, before: float) -> int:
    select = (
        f"SELECT number, assets, request FROM submission WHERE number > ? AND state = 'delivered' AND {_DELIVERED} < ? "  # noqa: S608 - ours
        f"AND {_NOT_PRUNED} ORDER BY number LIMIT ?"
    )
    count, last = 0, 0
    while rows := database.execute(select, (last, before, _AT_ONCE)).fetchall():
        with transaction(database):
            database.executemany(
                "UPDATE submission SET request = ?, assets = ? WHERE number = ?",
                [(kept_request(request), kept_files(assets), number) for number, assets, request in rows],
            )
        count, last = count + len(rows), rows[-1][0]
    return count


def _size(path: Path) -> int:
    files = path, path.with_name(f"{path.name}-wal")
    return sum(file.stat().st_size for file in files if file.exists())
