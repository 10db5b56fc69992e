"""The changes of rows in SQL: what is recorded of submissions.

A statement costs more than its work, because each one releases the interpreter's lock and waits to get it back. So a
statement for one row can be turned into one for several rows, with a table of their values.
"""

import re
import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from attrs import frozen

from cometrunway._journal._commit import Values
from cometrunway._journal._entry import Entry, State

_HAS_UPDATE_FROM = sqlite3.sqlite_version_info >= (3, 33)


class Known(Protocol):
    """What is there already."""

    has_aliases: bool
    """Whether an earlier version has named submissions by another rule."""

    def find(self, key: str) -> Entry | None:
        """Return what stands under a key."""


@frozen(eq=False, repr=False)
class Update:
    """A statement that changes the row of one key, with named parameters."""

    statement: str

    def __call__(self, database: sqlite3.Connection, rows: Sequence[Values]) -> Sequence[None]:
        """Run it for each of these rows, in one statement if SQLite can do that."""
        if len(rows) > 1 and _HAS_UPDATE_FROM:
            names = tuple(rows[0])
            database.execute(_update_of_several(self.statement, names, len(rows)), _flat(rows, names))
        else:
            database.executemany(self.statement, rows)
        return [None] * len(rows)


_COLUMNS = ("route", "fingerprint", "request", "submitted_at", "key")
_BEGIN_AGAIN = (
    "UPDATE submission SET state = 'submitting', route = :route, fingerprint = :fingerprint, request = :request, "
    "submitted_at = :submitted_at, reason = NULL WHERE key = :key"
)
_AGAIN = (
    "UPDATE submission SET state = 'submitting', submitted_at = ?, creates = creates + 1, task_id = NULL, "
    "created_at = NULL, ended_at = NULL, reason = NULL, failure = NULL WHERE key = ? AND state = ? AND creates = ?"
)
REINSTATE = Update(
    "UPDATE submission SET state = :state, task_id = :task_id, submitted_at = :submitted_at, "
    "created_at = :created_at, ended_at = :ended_at, reason = :reason, failure = :failure, creates = creates - 1 "
    "WHERE key = :key"
)
ACCEPT = Update(
    "UPDATE submission SET state = 'accepted', task_id = :task_id, created_at = :created_at, ended_at = NULL, "
    "reason = NULL, failure = NULL WHERE key = :key"
)
STOP = Update("UPDATE submission SET state = :state, reason = :reason WHERE key = :key")
_OF_TASK = (
    "WHERE key = :key AND (task_id = :task_id OR :task_id IS NULL "
    "OR (task_id IS NULL AND (submitted_at IS NULL OR :accepted_at >= submitted_at)))"
)
"""Nothing is recorded of a task that another one has replaced under its key, or that is older than the submission: what
is submitted once more stays in doubt until its own task is known."""
END = Update(
    "UPDATE submission SET state = :state, task_id = :task_id, ended_at = coalesce(ended_at, :ended_at), "  # noqa: S608 - all is ours
    f"failure = :failure, assets = :assets {_OF_TASK}"
)
DELIVER = Update(
    "UPDATE submission SET state = 'delivered', task_id = coalesce(:task_id, task_id), "  # noqa: S608 - all is ours
    "ended_at = coalesce(ended_at, :ended_at), "
    f"delivered_at = :delivered_at, failure = NULL, assets = :assets {_OF_TASK}"
)


def begin(database: sqlite3.Connection, records: Known, rows: Sequence[Values]) -> list[Entry | None]:
    """Record that entries are about to be submitted; return for each None, or the entry that has its key already."""
    keys = [row["key"] for row in rows]
    if len(rows) == 1 or records.has_aliases:  # an earlier version has named submissions, and a key may be such a name
        return [_begin_one(database, records, row) for row in rows]
    among = f"SELECT key FROM submission WHERE key IN ({_marks(len(keys))})"  # noqa: S608 - question marks
    standing = {key for (key,) in database.execute(among, keys)}
    new = [row for row in rows if row["key"] not in standing]
    if new:
        database.execute(_insert(len(new)), _flat(new, _COLUMNS))
    return [_begin_one(database, records, row) if row["key"] in standing else None for row in rows]


def _begin_one(database: sqlite3.Connection, records: Known, row: Values) -> Entry | None:
    # One statement for what is new; where an earlier version has named submissions, the key may be one of its names.
    values = _flat([row], _COLUMNS)
    if not records.has_aliases and database.execute(_insert(1), values).rowcount == 1:
        return None
    key = str(row["key"])
    standing = records.find(key)
    if standing is None or (standing.state is State.REFUSED and standing.key != key):
        database.execute(_insert(1), values)
        return None
    if standing.state is not State.REFUSED:
        return standing
    database.execute(_BEGIN_AGAIN, row)
    return None


def again(database: sqlite3.Connection, entry: Entry, submitted_at: float | None) -> bool:
    """Record that an entry is submitted once more; False if it has changed meanwhile."""
    changed = database.execute(_AGAIN, (submitted_at, entry.key, entry.state.value, entry.creates))
    return changed.rowcount == 1


@lru_cache
def _insert(rows: int) -> str:
    row = f"({_marks(len(_COLUMNS))}, 'submitting')"
    return (
        f"INSERT INTO submission ({', '.join(_COLUMNS)}, state) VALUES {', '.join([row] * rows)} "  # noqa: S608 - ours
        "ON CONFLICT (key) DO NOTHING"
    )


@lru_cache
def _update_of_several(statement: str, names: tuple[str, ...], rows: int) -> str:
    """Return the statement for several rows: its parameter `:name` is the column `new_name` of a table of values."""
    columns = ", ".join(f"new_{name}" for name in names)
    table = ", ".join([f"({_marks(len(names))})"] * rows)
    update, condition = re.sub(r":(\w+)", r"new_\1", statement).split(" WHERE ")
    return f"WITH new ({columns}) AS (VALUES {table}) {update} FROM new WHERE {condition}"


def _marks(values: int) -> str:
    return ", ".join("?" * values)


def _flat(rows: Sequence[Values], names: Sequence[str]) -> list[object]:
    return [row[name] for row in rows for name in names]
