"""The journal in one SQLite file: the durable record of what was paid for."""

import asyncio
import json
import logging
import os
import secrets
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar

from attrs import asdict

from cometrunway import _file_locks
from cometrunway._journal._changes import ACCEPT, DELIVER, END, REINSTATE, STOP, Update, again, begin
from cometrunway._journal._commit import Change, Values, run
from cometrunway._journal._entries import Entries
from cometrunway._journal._entry import Entry, State, assets_to_json, storable
from cometrunway._journal._file import check_file, connected, transaction, translated_errors
from cometrunway._journal._folders import Folders
from cometrunway._journal._lock import holder, locked
from cometrunway._journal._prune import Pruned, check_dates, prune
from cometrunway._journal._reader import JournalReader
from cometrunway._journal._records import Records
from cometrunway._journal._upgrade import upgrade
from cometrunway._journal._writer import Operation, Writer
from cometrunway._paths import expanded
from cometrunway._plurals import counted
from cometrunway._tasks import Asset, Task, TaskStatus
from cometrunway.errors import JournalError, JournalInUseError, JournalUnavailableError

__all__ = ["Entry", "Journal", "State"]

_logger = logging.getLogger(__name__)
_LONGEST_HISTORY = 100_000
"""Characters: more than ten times what a session saves for a kind of task."""
_BETWEEN_LOCK_TRIES = 0.1
"""Seconds."""
_PAGE = 250
"""The number of rows that are read at once. Commits wait for that, some milliseconds."""
_ENDS = {
    TaskStatus.SUCCEEDED: State.SUCCEEDED,
    TaskStatus.FAILED: State.FAILED,
    TaskStatus.CANCELLED: State.CANCELLED,
}
_T = TypeVar("_T")


class Journal:
    """The submissions of one or more runs, on disk.

    A change is durable when its method returns: SQLite runs in WAL mode with `synchronous=FULL`, and a commit waits for
    the disk. Changes during a commit share the next one. One process writes at a time; a lock ensures this, and ends
    with its process. Any number of processes may `read`.

    A fact (an id, an outcome, a file) is never dropped. If it cannot be written, its method raises, and the fact is
    kept in memory and written as soon as possible, before anything newer. If ids are still unwritten when the journal
    is closed, their tokens go to standard error and into a `JournalError`.

    Args:
        path: the file; made if it is missing.
        lock_timeout: seconds to wait while another program has locked the file.
        wait: seconds to wait, on entering, while another process writes the journal.
        output_dir: the folder of the files of all entries; None uses the recorded folders.
    """

    keeps_entries = True
    """True for every journal except `NoJournal`."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        lock_timeout: float = 30.0,
        wait: float = 0.0,
        output_dir: Path | None = None,
    ) -> None:
        self.path: Path = expanded(path)
        self._wait = wait
        self._lock_timeout = lock_timeout
        self._output_dir = output_dir
        self._folders = Folders()
        self._writer = Writer(self._commit)
        self._lock: BinaryIO | None = None
        self._database: sqlite3.Connection | None = None
        self._records: Records | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._locked()
            await self._writer.run(self._open)
        except BaseException:
            await self._writer.close(self._close)
            raise
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None = None, error: BaseException | None = None, _traceback: object = None
    ) -> None:
        try:
            await self._writer.settle()
        finally:
            try:
                await self._writer.close(self._close)
            finally:
                self._report_unrecorded(error)

    def _report_unrecorded(self, error: BaseException | None) -> None:
        tokens = self._writer.unrecorded
        if not tokens:
            return
        text = (
            f"{counted(len(tokens), 'task is', 'tasks are')} paid for and not recorded in the journal {self.path}, "
            f"which could not be written; session.attach takes each by its token: {' '.join(tokens)}"
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
    def read(cls, path: str | os.PathLike[str]) -> Entries:
        """Return all entries in the order of submission, also while another process writes. It changes nothing.

        For a large journal use a `JournalReader`, which reads only what you ask for.

        Raises:
            JournalError: there is no such journal, or it cannot be read.
        """
        with JournalReader(path) as journal:
            return Entries(journal.entries(), is_written=cls.holder(path) is not None)

    @staticmethod
    def holder(path: str | os.PathLike[str]) -> int | None:
        """Return the pid of the process that is writing the journal; None if none is."""
        return holder(expanded(path))

    async def begin(self, entry: Entry) -> Entry | None:
        """Record that `entry` is about to be submitted, and return None; or return the entry that has its key already.

        A refused entry is replaced, also by another request. Any other entry is returned unchanged.
        """
        values = {
            "key": entry.key,
            "route": entry.route,
            "fingerprint": entry.fingerprint,
            "request": json.dumps(entry.request),
            "submitted_at": entry.submitted_at,
        }
        return await self._do(Change(entry.key, self._begin, values))

    async def accept(self, key: str, *, task_id: str, created_at: float | None, token: str | None = None) -> None:
        """Record the id of a task that now exists; `token` is the task's token for `Session.attach`."""
        await self._change(ACCEPT, token=token, key=key, task_id=task_id, created_at=created_at)

    async def refuse(self, key: str, reason: str) -> None:
        """Record that nothing was created."""
        await self._change(STOP, key=key, state=State.REFUSED.value, reason=reason)

    async def doubt(self, key: str, reason: str) -> None:
        """Record that it is not known whether a task was created."""
        await self._change(STOP, key=key, state=State.IN_DOUBT.value, reason=reason)

    async def end(self, key: str, task: Task, *, assets: tuple[Asset, ...] | None = None) -> None:
        """Record a final status, and the files; those in `assets` that have a path are on disk."""
        known = tuple(Asset(url=url) for url in task.outputs) if assets is None else assets
        await self._change(
            END,
            key=key,
            state=_ENDS[task.status].value,
            task_id=task.id,
            accepted_at=_seconds(task.accepted_at),
            ended_at=_seconds(task.ended_at),
            failure=task.failure and json.dumps(asdict(task.failure)),
            assets=assets_to_json(known, self._folders),
        )

    async def deliver(
        self, key: str, assets: tuple[Asset, ...], *, task: Task | None = None, delivered_at: float | None = None
    ) -> None:
        """Record the files that are on disk, and the end of their task if it is not recorded yet."""
        await self._change(
            DELIVER,
            key=key,
            task_id=task and task.id,
            accepted_at=task and _seconds(task.accepted_at),
            ended_at=task and _seconds(task.ended_at),
            delivered_at=delivered_at,
            assets=assets_to_json(assets, self._folders),
        )

    async def resolve(self, key: str, *, task_id: str | None) -> None:
        """Record what the user found out about a submission in doubt: its task's id, or None if there is no task.

        Raises:
            ValueError: no submission with this key is in doubt, or the id belongs to another key.
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
            other = await self.key_of(task_id)
            if other not in (None, key):
                raise ValueError(f"the id {task_id!r} is that of the submission {other!r}")
            await self.accept(key, task_id=task_id, created_at=None)

    async def again(self, entry: Entry, *, submitted_at: float | None = None) -> bool:
        """Record the user's decision to submit once more; return False and change nothing if `entry` has changed."""
        return await self._do(lambda database: again(database, entry, submitted_at))

    async def reinstate(self, entry: Entry) -> None:
        """Record that the repeated submission was not created, and restore the entry from before it."""
        await self._change(
            REINSTATE,
            key=entry.key,
            state=entry.state.value,
            task_id=entry.task_id,
            submitted_at=entry.submitted_at,
            created_at=entry.created_at,
            ended_at=entry.ended_at,
            reason=entry.reason,
            failure=entry.failure and json.dumps(asdict(entry.failure)),
        )

    async def find(self, key: str) -> Entry | None:
        """Return the entry with this key."""
        return await self._do(lambda _database: self._opened_records().find(key))

    async def key_of(self, task_id: str) -> str | None:
        """Return the key of a submission that has this task; None if none has. It reads all of the journal."""
        keys = await self._do(lambda _database: self._opened_records().keys_of_task(task_id))
        return keys[0] if keys else None

    async def entries(self, states: Collection[State] = tuple(State)) -> AsyncIterator[Entry]:
        """Yield the entries in these states, in the order of submission. Changes during the iteration may be seen."""
        last = 0
        while True:
            page = await self._do(partial(self._page, states, last))
            for entry in page:
                yield entry
            if len(page) < _PAGE:
                return
            last = page[-1].number

    def _page(self, states: Collection[State], after: int, _database: sqlite3.Connection) -> list[Entry]:
        return list(self._opened_records().entries(states, after=after, limit=_PAGE))

    def _opened_records(self) -> Records:
        if self._records is None:
            raise JournalError(f"the journal {self.path} is not open")
        return self._records

    async def prune(self, *, delivered_before: datetime, forget_keys_before: datetime | None = None) -> Pruned:
        """Make the journal smaller. It removes parts of submissions that were delivered long ago, and nothing else.

        Of a delivered submission it keeps the key, digest, task, times and files. So the same submission is not paid
        for again, and still returns its files. The request and the URLs are removed.

        Args:
            delivered_before: prune submissions that were delivered before this date; in a journal of an earlier
                version, those that were accepted before it.
            forget_keys_before: remove submissions that were delivered before this date completely. If they are
                submitted again, they are paid for again.

        Raises:
            ValueError: a date is in the future, or `forget_keys_before` is later than `delivered_before`.
            JournalError: the journal cannot be written. What was pruned so far stays pruned.
        """
        check_dates(delivered_before, forget_keys_before)
        await self._writer.settle()
        return await self._writer.run(self._prune, delivered_before, forget_keys_before)

    def _prune(self, delivered_before: datetime, forget_keys_before: datetime | None) -> Pruned:
        if self._database is None:
            raise JournalError(f"the journal {self.path} is not open")
        with translated_errors(self.path):
            return prune(self._database, self.path, delivered_before, forget_keys_before)

    async def duration_history(self) -> dict[str, Any]:
        """Return the learned durations of each kind of task, in the form in which earlier sessions saved them."""
        # None for text that is far too long: decoding it would block the event loop.
        statement = "SELECT kind, CASE WHEN length(learnt) < ? THEN learnt END FROM pace"
        return await self._do(lambda database: dict(database.execute(statement, (_LONGEST_HISTORY,))))

    async def save_duration_history(self, learnt: Mapping[str, str]) -> None:
        """Record learned durations in a separate commit, so that no submission can fail with them."""
        statement = "INSERT OR REPLACE INTO pace (kind, learnt) VALUES (?, ?)"
        rows = [(storable(kind), text) for kind, text in learnt.items()]
        await self._writer.run(self._commit, [lambda database: database.executemany(statement, rows)])

    async def callback_secret(self) -> bytes:
        """Return the random bytes from which callback paths are derived; the first call makes them."""
        fresh = secrets.token_bytes()

        def kept(database: sqlite3.Connection) -> bytes:
            database.execute("INSERT OR IGNORE INTO secret (purpose, value) VALUES ('callback paths', ?)", (fresh,))
            [(secret,)] = database.execute("SELECT CAST(value AS BLOB) FROM secret WHERE purpose = 'callback paths'")
            return bytes(secret)

        return await self._do(kept)

    async def _change(self, update: Update, *, key: str, token: str | None = None, **values: object) -> None:
        """Record a fact: a change of one submission."""
        stored = {name: storable(value) for name, value in values.items()}
        await self._do(Change(key, update, {"key": storable(key), **stored}), is_fact=True, token=token)

    def _begin(self, database: sqlite3.Connection, rows: Sequence[Values]) -> list[Entry | None]:
        return begin(database, self._opened_records(), rows)

    async def _do(
        self, operation: Callable[[sqlite3.Connection], _T], *, is_fact: bool = False, token: str | None = None
    ) -> _T:
        if self._writer.is_closed:
            raise JournalError(f"the journal {self.path} is no longer open")
        return await self._writer.write(operation, is_fact=is_fact, token=token)

    def _commit(self, operations: list[Operation]) -> list[Any]:
        """Run the operations as one transaction: either all of them become durable, or none."""
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

    def _alone(self, database: sqlite3.Connection, operation: Operation) -> Any:
        """Run one of several operations of which one finds a damaged row. The error is the result of that one only."""
        try:
            with translated_errors(self.path):
                return _transaction(database, [operation])[0]
        except JournalUnavailableError:
            raise
        except JournalError as error:
            return error

    async def _locked(self) -> None:
        """Take the lock for writing, as soon as the process that has it has ended."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._wait
        while True:
            try:
                await self._writer.run(self._take_lock)
            except JournalInUseError:
                if loop.time() >= until:
                    raise
                await asyncio.sleep(_BETWEEN_LOCK_TRIES)
            else:
                return

    def _take_lock(self) -> None:
        check_file(self.path)
        self._lock = locked(self.path)

    def _open(self) -> None:
        with translated_errors(self.path):
            self._database = connected(self.path, lock_timeout=self._lock_timeout)
            upgrade(self._database)
            if self._output_dir is None:
                self._folders = Folders.of(self._database, self.path)
            else:
                self._folders = Folders.with_output(self._database, self.path, self._output_dir)
            self._records = Records(self._database, self._folders)

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
        if self._lock is not None:
            _file_locks.release(self._lock)


def _transaction(database: sqlite3.Connection, operations: list[Operation]) -> list[Any]:
    with transaction(database):
        return run(database, operations)


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
