"""The changes of rows in SQL. Each statement changes any number of rows; their values are arrays."""

from collections.abc import Collection, Sequence

from attrs import field, frozen

from cometrunway._journal._commit import Values
from cometrunway._journal._postgres._connection import Connection, stored
from cometrunway._journal._postgres._schema import NUMBERS, is_alive

_TEXT, _TIME = "text", "double precision"
_TYPES = {
    **dict.fromkeys(
        ("key", "route", "fingerprint", "request", "state", "task_id", "reason", "failure", "assets"), _TEXT
    ),
    **dict.fromkeys(("submitted_at", "accepted_at", "created_at", "ended_at", "delivered_at"), _TIME),
}
_NEW = ("key", "route", "fingerprint", "request", "submitted_at")


@frozen
class Statements:
    """The changes of the rows of one schema, as one session makes them."""

    schema: str
    owner: int = 0
    """The number of the session."""
    _is_open: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        lives = f"EXISTS (SELECT FROM {self.schema}.session AS s WHERE s.number = old.owner AND {is_alive('s')})"
        held = f"(old.owner IS DISTINCT FROM {self.owner} AND {lives})"
        object.__setattr__(self, "_is_open", f"NOT {held}")

    def insert(self, connection: Connection, rows: Sequence[Values]) -> set[object]:
        """Add rows under keys that are new; return the keys of those that were added.

        They are numbered in the order of submission, and written in that of the keys: of two sessions that add the same
        ones, neither waits for the other in a circle.
        """
        columns = ", ".join(_NEW)
        found = connection.execute(
            f"WITH new AS MATERIALIZED (SELECT nextval('{self.schema}.{NUMBERS}') AS number, {columns} "
            f"FROM {_table(_NEW)}) "
            f"INSERT INTO {self.schema}.submission (number, {columns}, state, owner) "
            f"SELECT number, {columns}, 'submitting', {self.owner} FROM new ORDER BY key "
            "ON CONFLICT (key) DO NOTHING RETURNING key".encode(),
            _arrays(_NEW, rows),
        )
        return {key for (key,) in found}

    def begin_again(self, connection: Connection, row: Values) -> bool:
        """Begin anew what was refused; True also for what this session has begun in a commit whose answer was lost."""
        mine = f"old.state = 'submitting' AND old.owner = {self.owner} AND old.submitted_at = %(submitted_at)s"
        found = connection.execute(
            f"UPDATE {self.schema}.submission AS old SET state = 'submitting', route = %(route)s, "
            "fingerprint = %(fingerprint)s, request = %(request)s, submitted_at = %(submitted_at)s, reason = NULL, "
            f"owner = {self.owner} WHERE key = %(key)s AND (old.state = 'refused' OR ({mine}))".encode(),
            {name: stored(row[name]) for name in _NEW},
        )
        return found.rowcount == 1

    def withdraw(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Record of what this session has begun that it was never sent."""
        names = ("key", "submitted_at")
        connection.execute(
            f"UPDATE {self.schema}.submission AS old SET state = 'refused', reason = %(reason)s "
            f"FROM {_table(names)} WHERE old.key = new.key AND old.submitted_at = new.submitted_at "
            f"AND old.owner = {self.owner} AND old.state = 'submitting'".encode(),
            {**_arrays(names, rows), "reason": "never sent: the database could not be reached"},
        )

    def again(self, connection: Connection, values: Values) -> bool:
        """Begin once more what is still as it was; True also where this session has done so already."""
        doubtful = f"%(state)s = 'in_doubt' AND old.state = 'submitting' AND {self._is_open}"
        mine = f"old.owner = {self.owner} AND old.state = 'submitting' AND old.submitted_at = %(submitted_at)s"
        found = connection.execute(
            f"UPDATE {self.schema}.submission AS old SET state = 'submitting', submitted_at = %(submitted_at)s, "
            "creates = %(creates)s + 1, task_id = NULL, created_at = NULL, ended_at = NULL, reason = NULL, "
            f"failure = NULL, owner = {self.owner} WHERE key = %(key)s AND ("
            f"(creates = %(creates)s AND (old.state = %(state)s OR ({doubtful}))) "
            f"OR (creates = %(creates)s + 1 AND {mine}))".encode(),
            {name: stored(value) for name, value in values.items()},
        )
        return found.rowcount == 1

    def accept(self, connection: Connection, rows: Sequence[Values]) -> set[object]:
        """Record ids; return the keys under which another submission stands by now.

        Where `submitted_at` is given, of the submission that this session has begun then; else of what stands there.
        """
        return self._update(
            connection,
            rows,
            "state = 'accepted', task_id = new.task_id, created_at = new.created_at, ended_at = NULL, reason = NULL, "
            f"failure = NULL, owner = {self.owner}",
            "coalesce(new.submitted_at = old.submitted_at, new.submitted_at IS NULL) AND "
            f"(old.owner = {self.owner} OR (old.state IN ('submitting', 'in_doubt') AND {self._is_open}) "
            "OR (old.state = 'accepted' AND old.created_at IS NULL))",
        )

    def is_under_way(self, connection: Connection, key: str, submitted_at: float | None) -> bool:
        """Whether the submission that this session has begun then stands under the key as it was begun."""
        found = connection.execute(
            f"SELECT FROM {self.schema}.submission WHERE key = %s AND owner = {self.owner} AND state = 'submitting' "
            "AND submitted_at IS NOT DISTINCT FROM %s".encode(),
            (stored(key), submitted_at),
        )
        return found.rowcount == 1

    def stop(self, connection: Connection, rows: Sequence[Values]) -> set[object]:
        """Record that nothing was created, or that it is not known; return the keys under which that is known by now.

        Where `submitted_at` is given, of the submission that this session has begun then; else of what stands there.
        """
        mine = f"(old.owner = {self.owner} AND old.submitted_at = new.submitted_at)"
        return self._update(
            connection,
            rows,
            "state = new.state, reason = new.reason",
            f"{_DOUBTFUL} AND CASE WHEN new.submitted_at IS NULL THEN {self._is_open} ELSE {mine} END",
        )

    def end(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Record the ends of tasks."""
        self._update(
            connection,
            rows,
            "state = new.state, task_id = new.task_id, ended_at = coalesce(old.ended_at, new.ended_at), "
            f"failure = new.failure, assets = new.assets, owner = {self.owner}",
            f"{_OF_TASK} AND NOT (old.state = 'delivered' AND new.state = 'succeeded')",
        )

    def deliver(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Record the files of tasks."""
        self._update(
            connection,
            rows,
            "state = 'delivered', task_id = coalesce(new.task_id, old.task_id), "
            "ended_at = coalesce(old.ended_at, new.ended_at), delivered_at = new.delivered_at, failure = NULL, "
            "assets = new.assets",
            _OF_TASK,
        )

    def reinstate(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Record that entries stand as they did before they were submitted once more."""
        names = ("state", "task_id", "submitted_at", "created_at", "ended_at", "reason", "failure")
        mine = f"old.owner = {self.owner} AND old.state = 'submitting'"
        restored = ", ".join(f"{name} = new.{name}" for name in names)
        self._update(connection, rows, f"{restored}, creates = creates - 1", mine)

    def take(self, connection: Connection, task_id: str) -> bool:
        """Wait for a task that is owed; False if another session waits for it, or nobody need."""
        taken = connection.execute(
            f"UPDATE {self.schema}.submission AS old SET owner = {self.owner} "
            f"WHERE task_id = %s AND state IN ('accepted', 'succeeded') AND {self._is_open}".encode(),
            (stored(task_id),),
        )
        return taken.rowcount > 0

    def take_over(
        self, connection: Connection, most: int, again: Collection[str], without: Collection[str]
    ) -> list[tuple[str, str]]:
        """Wait for at most so many tasks for which no session that lives waits; return their keys and ids.

        Also for those of `again` for which this session waits; for none of `without`.
        """
        lives = f"EXISTS (SELECT FROM {self.schema}.session AS s WHERE s.number = free.owner AND {is_alive('s')})"
        return connection.execute(
            f"UPDATE {self.schema}.submission AS old SET owner = {self.owner} WHERE number IN ("
            f"SELECT number FROM {self.schema}.submission AS free WHERE state IN ('accepted', 'succeeded') "
            f"AND (NOT {lives} OR (free.owner = {self.owner} AND task_id = ANY(%s))) AND NOT task_id = ANY(%s) "
            "ORDER BY number LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING key, task_id".encode(),
            (list(again), list(without), most),
        ).fetchall()

    def leave_all(self, connection: Connection) -> None:
        """Wait for no task any more."""
        connection.execute(
            f"UPDATE {self.schema}.submission SET owner = NULL WHERE owner = {self.owner} "
            "AND state IN ('accepted', 'succeeded')".encode()
        )

    def leave(self, connection: Connection, task_id: str) -> None:
        """Wait for a task no more: it is another session's to take up."""
        connection.execute(
            f"UPDATE {self.schema}.submission SET owner = NULL WHERE task_id = %s AND owner = {self.owner}".encode(),
            (task_id,),
        )

    def _update(self, connection: Connection, rows: Sequence[Values], changes: str, condition: str) -> set[object]:
        """Change the rows of some keys; return the keys whose rows are not what the condition wants."""
        names = tuple(rows[0])
        found = connection.execute(
            f"UPDATE {self.schema}.submission AS old SET {changes} FROM {_table(names)} "
            f"WHERE old.key = new.key AND {condition} RETURNING old.key".encode(),
            _arrays(names, rows),
        )
        return {stored(row["key"]) for row in rows} - {key for (key,) in found}


_DOUBTFUL = "(old.state IN ('submitting', 'in_doubt') OR (old.state = 'accepted' AND old.created_at IS NULL))"
"""It is not known whether there is a task, or the id is one that the user gave."""
_OF_TASK = (
    "(old.task_id = new.task_id OR new.task_id IS NULL "
    "OR (old.task_id IS NULL AND (old.submitted_at IS NULL OR new.accepted_at >= old.submitted_at)))"
)
"""Nothing is recorded of a task that another one has replaced under its key, or that is older than the submission."""


def _table(names: Sequence[str]) -> str:
    arrays = ", ".join(f"%({name})s::{_TYPES[name]}[]" for name in names)
    return f"unnest({arrays}) AS new ({', '.join(names)})"


def _arrays(names: Sequence[str], rows: Sequence[Values]) -> dict[str, list[object]]:
    return {name: [stored(row[name]) for row in rows] for name in names}
