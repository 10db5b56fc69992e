"""The durable record of what was paid for: one SQLite file, one writing thread, group commits."""

import asyncio
import json
import logging
import os
import sqlite3
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar

from attrs import asdict, define

from cometrunway import _file_locks
from cometrunway._journal._entry import Entry, State, assets_to_json, entries, find, storable
from cometrunway._journal._file import check_file, connected, reading, translated_errors
from cometrunway._journal._folders import Folders
from cometrunway._journal._lock import holder, locked
from cometrunway._journal._upgrade import upgrade
from cometrunway._paths import expanded
from cometrunway._tasks import Asset, Task
from cometrunway.errors import JournalError, JournalUnavailableError

__all__ = ["Entry", "Journal", "State"]

_logger = logging.getLogger(__name__)
_BETWEEN_RETRIES = 1.0
"""Seconds between two tries to write what could not be written."""
_LONGEST_HISTORY = 100_000
"""More than ten times what a session leaves of a kind, in characters."""
_T = TypeVar("_T")
_Operation = Callable[[sqlite3.Connection], Any]


@define(kw_only=True, eq=False)
class _Job:
    operation: _Operation
    outcome: "asyncio.Future[Any]"
    is_fact: bool
    """Whether it records what has happened already, and so is kept until it is written."""
    token: str | None
    """Of the task whose id it records, where no record has that yet."""


class Journal:
    """The submissions of one or more runs, on disk.

    A change is durable when its method returns: SQLite in WAL mode with `synchronous=FULL`, whose commit waits for the
    disk. Changes that come while a commit is under way share the next one. One process writes at a time, which a lock
    that dies with its process ensures; any number may `read`.

    What has happened (an id, an outcome, a file) is never dropped: where it cannot be written its method raises, and it
    is kept in memory and written as soon as that is possible, before anything newer. Ids that are still unwritten when
    the journal is closed go to standard error and into a `JournalError`, as tokens.

    Args:
        path: the file; made if it is missing.
        lock_timeout: seconds to wait while another program has locked the file.
        output_dir: where the files of all entries are looked for; None looks where they were recorded.
    """

    keeps_entries = True
    """As of every journal but `NoJournal`."""

    def __init__(
        self, path: str | os.PathLike[str], *, lock_timeout: float = 30.0, output_dir: Path | None = None
    ) -> None:
        self.path = expanded(path)
        self._lock_timeout = lock_timeout
        self._output_dir = output_dir
        self._folders = Folders()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cometrunway journal")
        self._waiting: list[_Job] = []
        self._unwritten: list[_Job] = []
        """Facts that could not be written so far, the oldest first."""
        self._retry: asyncio.TimerHandle | None = None
        self._is_unavailable = False
        self._under_way: asyncio.Future[Any] | None = None
        """The work of the thread whose outcome is not yet taken in."""
        self._is_left = False
        self._lock: BinaryIO | None = None
        self._database: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open)
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None = None, error: BaseException | None = None, _traceback: object = None
    ) -> None:
        try:
            await self._settled()
            self._flush()  # what could not be written gets a last try
            await self._settled()
        finally:
            self._is_left = True
            if self._retry is not None:
                self._retry.cancel()
            closing = self._in_thread(self._close)
            self._thread.shutdown(wait=False)
            await self._settled()
            self._report_unrecorded(error)
            closing.result()

    def _report_unrecorded(self, error: BaseException | None) -> None:
        tokens = tuple(job.token for job in self._unwritten if job.token)
        if not tokens:
            return
        text = (
            f"{len(tokens)} tasks are paid for and could not be recorded in the journal {self.path}; session.attach "
            f"takes each by its token: {' '.join(tokens)}"
        )
        _logger.critical("%s", text)
        with suppress(Exception):  # standard error may be closed, or on the same full disk
            sys.stderr.write(f"cometrunway: {text}\n")
            sys.stderr.flush()
        if error is not None:  # which leaves the block as it is
            error.add_note(text)
            return
        unrecorded = JournalUnavailableError(text)
        unrecorded.tokens = tokens
        raise unrecorded

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> tuple[Entry, ...]:
        """Return all entries in the order of submission, also while another process writes; changes nothing.

        Raises:
            JournalError: there is no such journal, or it cannot be read.
        """
        path = expanded(path)
        check_file(path)
        if not path.exists():
            raise JournalError(f"there is no journal {path}")
        with reading(path) as database:
            return tuple(entries(database, Folders.of(database, path)))

    @staticmethod
    def holder(path: str | os.PathLike[str]) -> int | None:
        """Return the pid of the process that is writing the journal now; None if none is."""
        return holder(expanded(path))

    async def begin(self, entry: Entry) -> Entry | None:
        """Record that `entry` is about to be submitted, and return None; or return what stands under its key already.

        What was refused begins again, also with another request. Any other entry is returned and left as it is.
        """
        return await self._do(lambda database: _begin(database, entry, self._folders))

    async def accept(self, key: str, *, task_id: str, created_at: float | None, token: str | None = None) -> None:
        """Record the id of a task that now exists; `token` is what `Session.attach` takes."""
        await self._update(
            key, token=token, state=State.ACCEPTED.value, task_id=task_id, created_at=created_at, reason=None
        )

    async def refuse(self, key: str, reason: str) -> None:
        """Record that nothing was created."""
        await self._update(key, state=State.REFUSED.value, reason=reason)

    async def doubt(self, key: str, reason: str) -> None:
        """Record that nobody knows whether a task was created."""
        await self._update(key, state=State.IN_DOUBT.value, reason=reason)

    async def end(self, key: str, task: Task) -> None:
        """Record a final status, and where the files are."""
        await self._update(
            key,
            state=(State.FAILED if task.failure else State.SUCCEEDED).value,
            of_task=task.id,
            failure=task.failure and json.dumps(asdict(task.failure)),
            assets=assets_to_json(tuple(Asset(url=url) for url in task.outputs), self._folders),
        )

    async def deliver(self, key: str, assets: tuple[Asset, ...], *, task_id: str | None = None) -> None:
        """Record the files that are on disk."""
        await self._update(
            key, state=State.DELIVERED.value, assets=assets_to_json(assets, self._folders), of_task=task_id
        )

    async def resolve(self, key: str, *, task_id: str | None) -> None:
        """Record what the user found out about a submission in doubt: its task's id, or None if there is no task.

        Raises:
            ValueError: nothing of this key is in doubt.
        """
        entry = await self.find(key)
        if entry is None or not (entry.is_in_doubt or entry.has_reported_id):
            raise ValueError(
                f"nothing is in doubt under the key {key!r}" + (f": it is {entry.state.value}" if entry else "")
            )
        key = entry.key  # which may have been an alias
        if task_id is None:
            await self.refuse(key, "not created, as the user found out")
        else:
            await self.accept(key, task_id=task_id, created_at=None)

    async def again(self, entry: Entry) -> bool:
        """Record the user's decision to submit once more; False, and nothing changes, if `entry` no longer stands."""
        return await self._do(lambda database: _again(database, entry))

    async def reinstate(self, entry: Entry) -> None:
        """Record that what was submitted once more was not created: the entry stands as it did before."""
        await self._update(
            entry.key,
            state=entry.state.value,
            task_id=entry.task_id,
            reason=entry.reason,
            failure=entry.failure and json.dumps(asdict(entry.failure)),
        )

    async def find(self, key: str) -> Entry | None:
        """Return what stands under a key."""
        return await self._do(lambda database: find(database, key, self._folders))

    async def entries(self) -> tuple[Entry, ...]:
        """Return all entries in the order of submission."""
        return await self._do(lambda database: tuple(entries(database, self._folders)))

    async def duration_history(self) -> dict[str, Any]:
        """Return what earlier sessions have learnt of each kind of task, in the form in which they saved it."""
        # None for what is far too long: to decode it would hold up the event loop.
        statement = "SELECT kind, CASE WHEN length(learnt) < ? THEN learnt END FROM pace"
        return await self._do(lambda database: dict(database.execute(statement, (_LONGEST_HISTORY,))))

    async def save_duration_history(self, learnt: Mapping[str, str]) -> None:
        """Record what was learnt, in a commit of its own: nothing of what was paid for fails with it."""
        statement = "INSERT OR REPLACE INTO pace (kind, learnt) VALUES (?, ?)"
        rows = [(storable(kind), text) for kind, text in learnt.items()]
        await asyncio.get_running_loop().run_in_executor(
            self._thread, self._commit, [lambda database: database.executemany(statement, rows)]
        )

    async def _update(
        self, key: str, *, token: str | None = None, of_task: str | None = None, **columns: object
    ) -> None:
        """Record columns of a submission; with `of_task`, only while no other task stands under its key."""
        if of_task is not None:
            columns["task_id"] = of_task
        assignments = ", ".join(f"{name} = ?" for name in columns)
        statement = f"UPDATE submission SET {assignments} WHERE key = ?"  # noqa: S608 - our own column names
        values = [storable(value) for value in columns.values()]
        of = () if of_task is None else (of_task,)
        if of:
            statement += " AND (task_id IS NULL OR task_id = ?)"
        await self._do(lambda database: database.execute(statement, (*values, key, *of)), is_fact=True, token=token)

    async def _do(
        self, operation: Callable[[sqlite3.Connection], _T], *, is_fact: bool = False, token: str | None = None
    ) -> _T:
        if self._is_left:
            raise JournalError(f"the journal {self.path} is no longer open")
        future = asyncio.get_running_loop().create_future()
        job = _Job(operation=operation, outcome=future, is_fact=is_fact, token=token)
        self._waiting.append(job)
        self._flush()
        try:
            outcome: _T = await asyncio.shield(future)
        except asyncio.CancelledError:
            if not is_fact and job in self._waiting:  # what was not begun is not begun any more
                self._waiting.remove(job)
            raise
        return outcome

    async def _settled(self) -> None:
        """Wait until nothing is under way; a cancellation is passed on only then: an id that was paid for may wait."""
        try:
            while self._under_way is not None:
                await asyncio.wait([self._under_way])
                await asyncio.sleep(0)  # until its outcome is taken in
        except asyncio.CancelledError:
            await self._settled()
            raise

    def _flush(self) -> None:
        jobs = [*self._unwritten, *self._waiting]
        if not jobs or self._under_way is not None:
            return
        self._unwritten, self._waiting = [], []
        commit = self._in_thread(self._commit, [job.operation for job in jobs])
        commit.add_done_callback(lambda done: self._on_commit(jobs, done))

    def _in_thread(self, work: Callable[..., _T], *arguments: Any) -> "asyncio.Future[_T]":
        """Start work in the journal's thread; until its outcome is taken in, no other is started, so order is kept."""
        self._under_way = future = asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        future.add_done_callback(self._on_done)
        return future

    def _on_done(self, _future: object) -> None:
        self._under_way = None

    def _on_commit(self, jobs: list[_Job], done: "asyncio.Future[list[Any]]") -> None:
        error = None if done.cancelled() else done.exception()
        if error is None:
            self._is_unavailable = False
            self._flush()
        else:
            self._keep([job for job in jobs if job.is_fact], error)
            if self._waiting:
                self._flush()
        for number, job in enumerate(jobs):
            if job.outcome.done():
                continue
            outcome = error or done.result()[number]
            if isinstance(outcome, BaseException):
                job.outcome.set_exception(_own(outcome))
            else:
                job.outcome.set_result(outcome)

    def _keep(self, facts: list[_Job], error: BaseException) -> None:
        """Keep what could not be written, and try again soon."""
        self._unwritten = facts
        if not self._is_unavailable:
            _logger.warning("%s", error)
        self._is_unavailable = True
        if self._retry is not None:
            self._retry.cancel()
        if facts and not self._is_left:
            self._retry = asyncio.get_running_loop().call_later(_BETWEEN_RETRIES, self._flush)

    def _commit(self, operations: list[_Operation]) -> list[Any]:
        """Run the operations as one transaction: all of them become durable, or none."""
        database = self._database
        if database is None:
            raise JournalError(f"the journal {self.path} is not open")
        try:
            with translated_errors(self.path):
                return _transaction(database, operations)
        except JournalUnavailableError:
            raise
        except JournalError:
            if len(operations) == 1:
                raise
        return [self._alone(database, operation) for operation in operations]

    def _alone(self, database: sqlite3.Connection, operation: _Operation) -> Any:
        """Run one of several operations, of which one meets a damaged row; its error is its result, and no other's."""
        try:
            with translated_errors(self.path):
                return _transaction(database, [operation])[0]
        except JournalUnavailableError:
            raise
        except JournalError as error:
            return error

    def _open(self) -> None:
        check_file(self.path)
        self._lock = locked(self.path)
        try:
            with translated_errors(self.path):
                self._database = connected(self.path, lock_timeout=self._lock_timeout)
                upgrade(self._database)
                if self._output_dir is None:
                    self._folders = Folders.of(self._database, self.path)
                else:
                    self._folders = Folders.with_output(self._database, self.path, self._output_dir)
        except BaseException:
            _file_locks.release(self._lock)
            raise

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
        if self._lock is not None:
            _file_locks.release(self._lock)


def _transaction(database: sqlite3.Connection, operations: list[_Operation]) -> list[Any]:
    database.execute("BEGIN IMMEDIATE")
    try:
        results = [operation(database) for operation in operations]
        database.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise
    return results


def _own(error: BaseException) -> BaseException:
    """Return a copy of an error, for one of several submissions that it ends: each is about its own task."""
    if not isinstance(error, JournalError):
        return error
    own = copy(error)
    own.__cause__ = error.__cause__
    return own


def _begin(database: sqlite3.Connection, entry: Entry, folders: Folders) -> Entry | None:
    standing = find(database, entry.key, folders)
    if standing is None or (standing.state is State.REFUSED and standing.key != entry.key):
        database.execute(
            "INSERT INTO submission (key, route, fingerprint, request, state) VALUES (?, ?, ?, ?, ?)",
            (entry.key, entry.route, entry.fingerprint, json.dumps(entry.request), State.SUBMITTING.value),
        )
        return None
    if standing.state is not State.REFUSED:
        return standing
    database.execute(
        "UPDATE submission SET state = ?, route = ?, fingerprint = ?, request = ?, creates = creates + 1, "
        "reason = NULL WHERE key = ?",
        (State.SUBMITTING.value, entry.route, entry.fingerprint, json.dumps(entry.request), entry.key),
    )
    return None


def _again(database: sqlite3.Connection, entry: Entry) -> bool:
    changed = database.execute(
        "UPDATE submission SET state = ?, creates = creates + 1, task_id = NULL, reason = NULL, failure = NULL "
        "WHERE key = ? AND state = ? AND creates = ?",
        (State.SUBMITTING.value, entry.key, entry.state.value, entry.creates),
    )
    return changed.rowcount == 1
