"""Removes from a journal what it does not need of submissions that were delivered long ago."""

import json
import sqlite3
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import frozen

from cometrunway._journal._file import transaction

_AT_ONCE = 5000
"""The number of rows in one transaction."""
_DELIVERED = "coalesce(delivered_at, ended_at, created_at)"
"""When it was delivered; for an entry of an earlier version, its latest known time."""
_NOT_PRUNED = """request <> '{}' AND substr(request, 1, 11) <> '{"provider"'"""
_KEPT = ("path", "folder", "location", "media_type", "size", "sha256", "verified", "verified_digests")


@frozen(kw_only=True)
class Pruned:
    """What was removed from a journal."""

    pruned: int
    """Submissions whose request was removed. Only the key, digest, task and files are kept."""
    forgotten: int
    """Submissions that were removed completely. The same key would be submitted, and paid for, again."""
    bytes_before: int
    """Of the file and its write-ahead log."""
    bytes_after: int


def check_dates(delivered_before: datetime, forget_keys_before: datetime | None) -> None:
    """Check that both dates are past, and that only pruned keys would be forgotten; else `ValueError`."""
    for name, date in (("delivered_before", delivered_before), ("forget_keys_before", forget_keys_before)):
        if date is not None and _timestamp(name, date) > time.time():
            raise ValueError(f"{name}: {date.isoformat()} lies in the future; nothing was changed")
    if forget_keys_before is not None and _timestamp("", forget_keys_before) > _timestamp("", delivered_before):
        raise ValueError(
            f"forget_keys_before: {forget_keys_before.isoformat()} is later than delivered_before "
            f"({delivered_before.isoformat()}): a key outlives what is pruned of it; nothing was changed"
        )


def _timestamp(name: str, date: datetime) -> float:
    try:
        return date.timestamp()
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError(f"{name}: {date.isoformat()} is out of the range of this system's clock") from error


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
                [(_provider(request), _files(assets), number) for number, assets, request in rows],
            )
        count, last = count + len(rows), rows[-1][0]
    return count


def _provider(request: str) -> str:
    """Return the part of a request that is kept: the provider, if it is recorded."""
    try:
        return json.dumps({name: value for name, value in json.loads(request).items() if name == "provider"})
    except (ValueError, AttributeError) as error:
        raise sqlite3.DataError(f"a row's request cannot be read: {request:.100}") from error


def _files(assets: str) -> str:
    """Return the part of a files' record that is kept: enough to check that they are on disk and complete."""
    try:
        return json.dumps([_kept(asset) for asset in json.loads(assets) if asset.get("path") or asset.get("location")])
    except (ValueError, TypeError, AttributeError) as error:
        raise sqlite3.DataError(f"a row's files cannot be read: {assets:.100}") from error


def _kept(asset: dict[str, Any]) -> dict[str, Any]:
    return {name: asset[name] for name in _KEPT if asset.get(name) is not None}


def _size(path: Path) -> int:
    files = path, path.with_name(f"{path.name}-wal")
    return sum(file.stat().st_size for file in files if file.exists())
