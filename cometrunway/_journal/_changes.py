"""How a row changes, in SQL: what is recorded of a submission on its way."""

import json
import sqlite3

from cometrunway._journal._entry import Entry, State
from cometrunway._journal._records import Records

_BEGIN = (
    "INSERT INTO submission (route, fingerprint, request, submitted_at, key, state) "
    "VALUES (?, ?, ?, ?, ?, 'submitting') ON CONFLICT (key) DO NOTHING"
)
_BEGIN_AGAIN = (
    "UPDATE submission SET state = 'submitting', route = ?, fingerprint = ?, request = ?, submitted_at = ?, "
    "creates = creates + 1, reason = NULL WHERE key = ?"
)
_AGAIN = (
    "UPDATE submission SET state = 'submitting', submitted_at = ?, creates = creates + 1, task_id = NULL, "
    "created_at = NULL, ended_at = NULL, reason = NULL, failure = NULL WHERE key = ? AND state = ? AND creates = ?"
)
REINSTATE = (
    "UPDATE submission SET state = :state, task_id = :task_id, submitted_at = :submitted_at, "
    "created_at = :created_at, ended_at = :ended_at, reason = :reason, failure = :failure WHERE key = :key"
)
ACCEPT = (
    "UPDATE submission SET state = 'accepted', task_id = :task_id, created_at = :created_at, ended_at = NULL, "
    "reason = NULL WHERE key = :key"
)
STOP = "UPDATE submission SET state = :state, reason = :reason WHERE key = :key"
_OF_TASK = "WHERE key = :key AND (task_id IS NULL OR :task_id IS NULL OR task_id = :task_id)"
"""Nothing is recorded of a task that another one has replaced under its key."""
END = (
    "UPDATE submission SET state = :state, task_id = :task_id, ended_at = coalesce(ended_at, :ended_at), "  # noqa: S608 - all is ours
    f"failure = :failure, assets = :assets {_OF_TASK}"
)
DELIVER = (
    "UPDATE submission SET state = 'delivered', task_id = coalesce(:task_id, task_id), "  # noqa: S608 - all is ours
    "ended_at = coalesce(ended_at, :ended_at), "
    f"delivered_at = :delivered_at, failure = NULL, assets = :assets {_OF_TASK}"
)


def begin(database: sqlite3.Connection, records: Records, entry: Entry) -> Entry | None:
    """Record that an entry is about to be submitted, and return None; or return what stands under its key already."""
    values = (entry.route, entry.fingerprint, json.dumps(entry.request), entry.submitted_at, entry.key)
    # One statement for what is new; where an earlier version has named submissions, the key may be one of its names.
    if not records.has_aliases and database.execute(_BEGIN, values).rowcount == 1:
        return None
    standing = records.find(entry.key)
    if standing is None or (standing.state is State.REFUSED and standing.key != entry.key):
        database.execute(_BEGIN, values)
        return None
    if standing.state is not State.REFUSED:
        return standing
    database.execute(_BEGIN_AGAIN, values)
    return None


def again(database: sqlite3.Connection, entry: Entry, submitted_at: float | None) -> bool:
    """Record that an entry is submitted once more; False if it is no longer what it was."""
    changed = database.execute(_AGAIN, (submitted_at, entry.key, entry.state.value, entry.creates))
    return changed.rowcount == 1
