"""The durable record of what was paid for: one SQLite file, one writing thread, group commits."""

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, BinaryIO, Self, TypeVar

from attrs import asdict, define

from cometrunway._journal._entry import Entry, State, assets_to_json, entries, find, storable
from cometrunway._journal._file import check_file, connected, reading, told
from cometrunway._journal._lock import holder, locked
from cometrunway._paths import expanded
from cometrunway._tasks import Asset, Task
from cometrunway.errors import JournalError

__all__ = ["Entry", "Journal", "State"]

_LONGEST_PACE = 100_000
"""More than ten times what a session leaves of a kind, in characters."""
_T = TypeVar("_T")
_Operation = Callable[[sqlite3.Connection], Any]


@define(kw_only=True, eq=False)
class _Job:
    operation: _Operation
    outcome: "asyncio.Future[Any]"


class Journal:
    """The submissions of one or more runs, on disk.

    A change is durable when its method returns: SQLite in WAL mode with `synchronous=FULL`, whose commit waits for the
    disk. Changes that come while a commit is under way share the next one. One process writes at a time, which a lock
    that dies with its process ensures; any number may `read`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = expanded(path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cometrunway journal")
        self._waiting: list[_Job] = []
        self._under_way: asyncio.Future[Any] | None = None
        """What the thread was last asked to do."""
        self._is_left = False
        self._lock: BinaryIO | None = None
        self._database: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._settled()
        finally:
            self._is_left = True
            self._under_way = asyncio.get_running_loop().run_in_executor(self._thread, self._close)
            self._thread.shutdown(wait=False)
            await self._settled()
            self._under_way.result()

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
            return tuple(entries(database))

    @staticmethod
    def holder(path: str | os.PathLike[str]) -> int | None:
        """Return the pid of the process that is writing the journal now; None if none is."""
        return holder(expanded(path))

    async def begin(self, entry: Entry) -> Entry | None:
        """Record that `entry` is about to be submitted, and return None; or return what stands under its key already.

        What was refused begins again, also with another request. Any other entry is returned and left as it is.
        """
        return await self._do(lambda database: _begin(database, entry))

    async def accept(self, key: str, *, task_id: str, created_at: float | None) -> None:
        """Record the id of a task that now exists."""
        await self._update(key, state=State.ACCEPTED.value, task_id=task_id, created_at=created_at, reason=None)

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
            failure=task.failure and json.dumps(asdict(task.failure)),
            assets=assets_to_json(tuple(Asset(url=url) for url in task.outputs)),
        )

    async def deliver(self, key: str, assets: tuple[Asset, ...]) -> None:
        """Record the files that are on disk."""
        await self._update(key, state=State.DELIVERED.value, assets=assets_to_json(assets))

    async def resolve(self, key: str, *, task_id: str | None) -> None:
        """Record what the user found out about a submission in doubt: its task's id, or None if there is no task.

        Raises:
            ValueError: nothing of this key is in doubt.
        """
        entry = await self.find(key)
        if entry is None or not (entry.is_in_doubt or entry.is_by_hearsay):
            raise ValueError(
                f"nothing is in doubt under the key {key!r}" + (f": it is {entry.state.value}" if entry else "")
            )
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
        return await self._do(lambda database: find(database, key))

    async def entries(self) -> tuple[Entry, ...]:
        """Return all entries in the order of submission."""
        return await self._do(lambda database: tuple(entries(database)))

    async def pace(self) -> dict[str, Any]:
        """Return what earlier sessions have learnt of each kind of task, in whatever form they left it."""
        # None for what is far too long: to decode it would hold up the event loop.
        statement = "SELECT kind, CASE WHEN length(learnt) < ? THEN learnt END FROM pace"
        return await self._do(lambda database: dict(database.execute(statement, (_LONGEST_PACE,))))

    async def keep_pace(self, learnt: Mapping[str, str]) -> None:
        """Record what was learnt, in a commit of its own: nothing of what was paid for fails with it."""
        statement = "INSERT OR REPLACE INTO pace (kind, learnt) VALUES (?, ?)"
        rows = [(storable(kind), text) for kind, text in learnt.items()]
        await asyncio.get_running_loop().run_in_executor(
            self._thread, self._commit, [lambda database: database.executemany(statement, rows)]
        )

    async def _update(self, key: str, **columns: object) -> None:
        assignments = ", ".join(f"{name} = ?" for name in columns)
        statement = f"UPDATE submission SET {assignments} WHERE key = ?"  # noqa: S608 - our own column names
        values = [storable(value) for value in columns.values()]
        await self._do(lambda database: database.execute(statement, (*values, key)))

    async def _do(self, operation: Callable[[sqlite3.Connection], _T]) -> _T:
        if self._is_left:
            raise JournalError(f"the journal {self.path} is no longer open")
        job = _Job(operation=operation, outcome=asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._flush()
        outcome: _T = await asyncio.shield(job.outcome)
        return outcome

    async def _settled(self) -> None:
        """Wait until nothing is under way; a cancellation is passed on only then: an id that was paid for may wait."""
        try:
            while self._under_way is not None and (self._waiting or not self._under_way.done()):
                await asyncio.wait([self._under_way])
        except asyncio.CancelledError:
            await self._settled()
            raise

    def _flush(self) -> None:
        if not self._waiting or (self._under_way is not None and not self._under_way.done()):
            return
        jobs, self._waiting = self._waiting, []
        commit = asyncio.get_running_loop().run_in_executor(self._thread, self._commit, [job.operation for job in jobs])
        commit.add_done_callback(lambda done: self._on_commit(jobs, done))
        self._under_way = commit

    def _on_commit(self, jobs: list[_Job], done: "asyncio.Future[list[Any]]") -> None:
        self._flush()
        error = None if done.cancelled() else done.exception()
        for number, job in enumerate(jobs):
            if job.outcome.cancelled():
                continue
            if error is not None:
                job.outcome.set_exception(error)
            else:
                job.outcome.set_result(done.result()[number])

    def _commit(self, operations: list[_Operation]) -> list[Any]:
        """Run the operations as one transaction: all of them become durable, or none."""
        database = self._database
        if database is None:
            raise JournalError(f"the journal {self.path} is not open")
        with told(self.path):
            database.execute("BEGIN IMMEDIATE")
            try:
                results = [operation(database) for operation in operations]
                database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                raise
        return results

    def _open(self) -> None:
        check_file(self.path)
        self._lock = locked(self.path)
        try:
            with told(self.path):
                self._database = connected(self.path)
        except BaseException:
            self._lock.close()
            raise

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
        if self._lock is not None:
            self._lock.close()


def _begin(database: sqlite3.Connection, entry: Entry) -> Entry | None:
    standing = find(database, entry.key)
    if standing is None:
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
