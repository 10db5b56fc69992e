"""A journal in the tables of a server, opened to be written by one of several processes."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from attrs import field, frozen

from cometrunway._journal._commit import Change, Values, each_alone, run
from cometrunway._journal._entry import Entry, State
from cometrunway._journal._folders import Folders
from cometrunway._journal._place import PostgresUrl
from cometrunway._journal._postgres import _sessions
from cometrunway._journal._postgres._changes import Statements
from cometrunway._journal._postgres._connection import Connection, Error, connected, passes, stored, translated_errors
from cometrunway._journal._postgres._given_up import GivenUp
from cometrunway._journal._postgres._migration import check_rights, check_version
from cometrunway._journal._postgres._prune import prune
from cometrunway._journal._postgres._records import Records, folders_of
from cometrunway._journal._pruned import Pruned
from cometrunway._journal._store import LONGEST_HISTORY
from cometrunway._journal._writer import Operation
from cometrunway.errors import JournalError

_logger = logging.getLogger(__name__)
_BETWEEN_TRIES = 0.25
"""Seconds between two tries to reach the server."""
_LAST_TIMEOUT = 1.0
"""Seconds to wait for the server when the process ends: without it, the lease ends, and others take the tasks over."""
_WEAK = ("off", "local")
"""Settings of `synchronous_commit` by which a commit is not as durable as the server can make it."""
_T = TypeVar("_T")


@frozen(kw_only=True)
class _Opened:
    """The state of an open journal."""

    number: int
    """The number of this session among those that share the journal."""
    statements: Statements
    lease: _sessions.Lease
    renewal: _sessions.Renewal
    own_tasks: set[str] = field(factory=set)
    """The tasks for which this session waits, as far as it knows without a query."""
    taken_tasks: set[str] = field(factory=set)
    """The tasks that the present commit takes over."""
    given_up: GivenUp = field(factory=GivenUp)
    """The tasks for which this session has given up its wait."""
    lost_tasks: set[str] = field(factory=set)
    """The tasks that were taken over in a commit whose answer was lost, so that nobody polls them."""

    def end_commit(self, *, is_known: bool) -> None:
        """Keep in mind what was taken over in a commit of which it is not known whether it was made."""
        if is_known:
            self.lost_tasks.difference_update(self.taken_tasks)
        else:
            self.lost_tasks.update(self.taken_tasks)
        self.taken_tasks.clear()


class PostgresStore:
    """The submissions of any number of processes, in the tables of one schema.

    A server that restarts, or that another one takes over from, is waited for; what was to be written then is written
    once it is back. A commit whose answer was lost is made again: no statement changes anything the second time.

    Args:
        url: where they are.
        timeout: seconds to wait for the server in the middle of a session.
        output_dir: the folder of the files of all entries; None takes the folders that were recorded.
    """

    is_shared = True

    def __init__(self, url: PostgresUrl, *, timeout: float, output_dir: Path | None) -> None:
        self._url = url
        self._timeout = timeout
        self._output_dir = output_dir
        self.folders = Folders()
        self._turn = threading.Lock()
        """The lock between the thread that commits and the thread that renews the lease."""
        self._connection: Connection | None = None
        self._durably = False
        self._not_sent: list[Values] = []
        """Submissions that were begun in a commit whose answer was lost, and then given up. A row may contain them."""
        self._opened: _Opened | None = None

    @property
    def records(self) -> Records:
        """The queries on the journal; `JournalError` if it is not open."""
        opened, connection = self._here(), self._connection
        if connection is None:
            raise JournalError(f"the journal {self._url} is not open")
        return Records(connection, self._url.schema, self.folders, opened.number)

    def lock(self) -> None:
        """Connect to the server; `JournalUnavailableError` if it cannot be reached."""
        with translated_errors(self._url):
            self._connect()

    def open(self) -> None:
        """Check the tables, and say that this session lives."""
        with self._turn, translated_errors(self._url):
            number, self.folders, at = self._waited_for(self._registered)
        self._opened = _Opened(
            number=number,
            statements=Statements(self._url.schema, number),
            lease=_sessions.Lease(self._url.lease, at),
            renewal=_sessions.Renewal(self.renew, self._url.lease),
        )
        self._opened.renewal.start()

    def _registered(self, connection: Connection) -> tuple[int, Folders, float]:
        check_version(connection, self._url)
        check_rights(connection, self._url)
        at = _sessions.moment()
        return _sessions.registered(connection, self._url), self._folders(connection), at

    def _folders(self, connection: Connection) -> Folders:
        if self._output_dir is None:
            return folders_of(connection, self._url.schema)
        output_dir = self._output_dir.absolute()
        table, name = f"{self._url.schema}.folder", os.fsencode(output_dir)
        connection.execute(f"INSERT INTO {table} (absolute) VALUES (%s) ON CONFLICT DO NOTHING".encode(), (name,))
        found = connection.execute(f"SELECT number FROM {table} WHERE absolute = %s".encode(), (name,)).fetchone()
        return Folders(output_dir=output_dir, number=None if found is None else found[0])

    def close(self) -> None:
        """Say that this session has ended, so that others may take up what it has not finished."""
        if self._opened is not None:
            self._opened.renewal.end()
        with self._turn:
            opened, self._opened = self._opened, None
            if self._connection is None:
                return
            with suppress(Error):  # without that, its lease ends
                if opened is not None:
                    if self._not_sent:
                        opened.statements.withdraw(self._connection, self._not_sent)
                    _sessions.remove(self._connection, self._url, opened.number)
            self._disconnect()

    def commit(self, operations: list[Operation]) -> list[Any]:
        """Run the operations as one transaction: all of them become durable, or none."""
        return each_alone(self._committed, operations)

    def _committed(self, operations: list[Operation]) -> list[Any]:
        statements = self._here().statements

        def work(connection: Connection) -> list[Any]:
            with connection.transaction():
                if self._durably:
                    connection.execute("SET LOCAL synchronous_commit = on")
                if self._not_sent:
                    statements.withdraw(connection, self._not_sent)
                return run(connection, operations)

        with self._turn, translated_errors(self._url):
            try:
                results = self._waited_for(work)
            except Error as error:
                if passes(error):
                    self._not_sent += [each.values for each in operations if _begins(each)]
                raise
            self._not_sent = []
            return results

    def _waited_for(self, work: Callable[[Connection], _T]) -> _T:
        """Do some work; again, after a pause, where the server goes away or refuses it for the moment."""
        begun = time.monotonic()
        is_told = False
        while True:
            try:
                done = work(self._connected())
            except Error as error:
                self._end_commit(is_known=False)
                if not passes(error) or time.monotonic() >= begun + self._timeout:
                    raise
                if not is_told:
                    _logger.warning(
                        "the journal %s is waited for: %s", self._url, self._url.without_secrets(str(error)).strip()
                    )
                is_told = True
            else:
                self._end_commit(is_known=True)
                return done
            self._disconnect()
            time.sleep(_BETWEEN_TRIES)

    def _end_commit(self, *, is_known: bool) -> None:
        if self._opened is not None:
            self._opened.end_commit(is_known=is_known)

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            return self._connect()
        return self._connection

    def _connect(self) -> Connection:
        self._connection = connection = connected(self._url, writes=True)
        row = connection.execute("SHOW synchronous_commit").fetchone()
        self._durably = row is not None and row[0] in _WEAK
        if self._opened is not None:
            self._renew(connection, self._opened)
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def renew(self) -> None:
        """Say that this session lives."""
        with self._turn:
            if self._opened is None:
                return
            try:
                self._renew(self._connected(), self._opened)
            except (Error, JournalError) as error:
                _logger.debug("the lease of this session was not renewed: %s", type(error).__name__)
                self._disconnect()

    def _renew(self, connection: Connection, opened: _Opened) -> None:
        at = _sessions.moment()
        _sessions.renew(connection, self._url, opened.number)
        opened.lease.renewed(at)

    def moment(self) -> float:
        """Return the present moment, of a clock that never stops."""
        return _sessions.moment()

    def is_held_since(self, moment: float) -> bool:
        """Whether no other session could regard this one as gone since a moment."""
        return self._here().lease.is_held_since(moment)

    def is_under_way(self, connection: Connection, key: str, submitted_at: float | None) -> bool:
        """Whether the submission that this session has begun then stands under the key as it was begun."""
        return self._here().statements.is_under_way(connection, key, submitted_at)

    def begin(self, connection: Connection, rows: Sequence[Values]) -> list[Entry | None]:
        """Record that entries are about to be submitted; return for each None, or what stands under its key already."""
        inserted = self._here().statements.insert(connection, rows)
        return [None if stored(row["key"]) in inserted else self._begin_one(connection, row) for row in rows]

    def _begin_one(self, connection: Connection, row: Values) -> Entry | None:
        statements, records = self._here().statements, self.records
        while True:
            if statements.begin_again(connection, row):
                return None
            standing = records.find(str(row["key"]))
            if standing is not None and standing.state is not State.REFUSED:
                return standing
            if statements.insert(connection, [row]):  # it was pruned meanwhile
                return None

    def again(self, connection: Connection, entry: Entry, submitted_at: float | None) -> bool:
        """Record that an entry is submitted once more; False if it is no longer what it was."""
        values = {
            "key": entry.key,
            "state": entry.state.value,
            "creates": entry.creates,
            "submitted_at": submitted_at,
        }
        return self._here().statements.again(connection, values)

    def accept(self, connection: Connection, rows: Sequence[Values]) -> list[None]:
        """Record the ids of tasks."""
        opened = self._here()
        replaced = opened.statements.accept(connection, rows)
        opened.own_tasks.update(str(row["task_id"]) for row in rows if stored(row["key"]) not in replaced)
        for row in rows:
            if stored(row["key"]) in replaced and not self._is_recorded(row):
                _logger.critical(
                    "the task %s of %r is paid for and not in the journal %s: the submission was made once more by "
                    "another process meanwhile",
                    row["task_id"],
                    row["key"],
                    self._url,
                )
        return [None] * len(rows)

    def _is_recorded(self, row: Values) -> bool:
        """Whether another process has recorded the same id, as of a callback."""
        standing = self.records.find(str(row["key"]))
        return standing is not None and standing.task_id == stored(row["task_id"])

    def stop(self, connection: Connection, rows: Sequence[Values]) -> list[None]:
        """Record that nothing was created, or that it is not known."""
        known = self._here().statements.stop(connection, rows)
        for row in rows:
            if stored(row["key"]) not in known or row["state"] != State.IN_DOUBT.value:
                continue
            standing = self.records.find(str(row["key"]))
            if standing is None or standing.submitted_at != row["submitted_at"]:
                _logger.critical(
                    "a create of %r may have been accepted, and the journal %s does not tell of it: the submission was "
                    "made once more by another process meanwhile",
                    row["key"],
                    self._url,
                )
        return [None] * len(rows)

    def end(self, connection: Connection, rows: Sequence[Values]) -> list[None]:
        """Record the ends of tasks."""
        self._here().statements.end(connection, rows)
        return [None] * len(rows)

    def deliver(self, connection: Connection, rows: Sequence[Values]) -> list[None]:
        """Record the files of tasks."""
        opened = self._here()
        opened.statements.deliver(connection, rows)
        ended = {str(row["task_id"]) for row in rows}
        opened.own_tasks.difference_update(ended)
        opened.given_up.forget(ended)
        return [None] * len(rows)

    def reinstate(self, connection: Connection, rows: Sequence[Values]) -> list[None]:
        """Record that entries stand as they did before they were submitted once more."""
        self._here().statements.reinstate(connection, rows)
        return [None] * len(rows)

    def has_taken(self, task_id: str) -> bool:
        """Whether this session waits for a task, as far as it knows."""
        return task_id in self._here().own_tasks

    def take(self, connection: Connection, task_id: str) -> Entry | None:
        """Wait for a task, and return None; or return its entry, if another session waits for it or it has ended."""
        opened = self._here()
        if opened.statements.take(connection, task_id):
            opened.own_tasks.add(task_id)
            return None
        return self.records.of_task(task_id)

    def take_over(self, connection: Connection, most: int) -> dict[str, str]:
        """Wait for at most so many tasks for which no session that lives waits; return their ids by key."""
        opened = self._here()
        again, paused = opened.lost_tasks - opened.taken_tasks, opened.given_up.paused(self.moment())
        taken = opened.statements.take_over(connection, most, again, paused)
        opened.taken_tasks.update(task_id for _, task_id in taken)
        opened.own_tasks.update(opened.taken_tasks)
        return dict(taken)

    def shorten_waits(self) -> None:
        """Wait little for a server that is away, also in the wait under way."""
        self._timeout = min(self._timeout, _LAST_TIMEOUT)

    def leave_all(self, connection: Connection) -> None:
        """Wait for no task any more."""
        opened = self._here()
        opened.statements.leave_all(connection)
        opened.own_tasks.clear()

    def leave(self, connection: Connection, task_id: str, *, is_given_up: bool) -> None:
        """Wait for a task no more."""
        opened = self._here()
        opened.statements.leave(connection, task_id)
        opened.own_tasks.discard(task_id)
        if is_given_up:
            opened.given_up.add(task_id, self.moment())

    def durations(self, connection: Connection) -> dict[str, Any]:
        """Return what was saved of each kind of task; None of what is far too long to be decoded in the event loop."""
        statement = f"SELECT kind, CASE WHEN length(learnt) < %s THEN learnt END FROM {self._url.schema}.duration"
        return dict(connection.execute(statement.encode(), (LONGEST_HISTORY,)).fetchall())

    def save_durations(self, connection: Connection, learnt: Mapping[str, str]) -> None:
        """Save what was learnt of each kind; of two sessions the later one's stays."""
        statement = (
            f"INSERT INTO {self._url.schema}.duration (kind, learnt) VALUES (%s, %s) "
            "ON CONFLICT (kind) DO UPDATE SET learnt = excluded.learnt"
        )
        with connection.cursor() as cursor:  # in one order, lest two sessions wait for each other
            cursor.executemany(statement.encode(), [(stored(kind), text) for kind, text in sorted(learnt.items())])

    def callback_secret(self, connection: Connection, fresh: bytes) -> bytes:
        """Return the secret of the journal, which is `fresh` if it had none."""
        table = f"{self._url.schema}.secret"
        add = f"INSERT INTO {table} (purpose, value) VALUES ('callback paths', %s) ON CONFLICT DO NOTHING"
        connection.execute(add.encode(), (fresh,))
        kept = connection.execute(f"SELECT value FROM {table} WHERE purpose = 'callback paths'".encode()).fetchone()
        return fresh if kept is None else bytes(kept[0])

    def prune(self, delivered_before: datetime, forget_keys_before: datetime | None) -> Pruned:
        """Keep little of what was delivered long ago."""
        with self._turn, translated_errors(self._url):
            return prune(self._connected(), self._url.schema, delivered_before, forget_keys_before)

    def _here(self) -> _Opened:
        if self._opened is None:
            raise JournalError(f"the journal {self._url} is not open")
        return self._opened


def _begins(operation: Operation) -> TypeGuard[Change]:
    return isinstance(operation, Change) and getattr(operation.write, "__func__", None) is PostgresStore.begin
