"""A journal in one SQLite file, opened to be written."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from cometrunway import _file_locks
from cometrunway._journal import _changes
from cometrunway._journal._commit import Values, each_alone, run
from cometrunway._journal._entry import Entry, storable
from cometrunway._journal._file import check_file, connected, transaction, translated_errors
from cometrunway._journal._folders import Folders
from cometrunway._journal._lock import locked
from cometrunway._journal._prune import prune
from cometrunway._journal._pruned import Pruned
from cometrunway._journal._records import Records
from cometrunway._journal._store import LONGEST_HISTORY
from cometrunway._journal._upgrade import upgrade
from cometrunway._journal._writer import Operation
from cometrunway.errors import JournalError


class SqliteStore:
    """The submissions of one or more runs, in one file.

    A commit waits for the disk: WAL mode with `synchronous=FULL`. One process writes at a time, which a lock that dies
    with its process ensures; any number may read.

    Args:
        path: the file; made if it is missing.
        lock_timeout: seconds to wait while another program has locked the file.
        output_dir: the folder of the files of all entries; None takes the folders that were recorded.
    """

    is_shared = False
    accept = _changes.ACCEPT
    stop = _changes.STOP
    end = _changes.END
    deliver = _changes.DELIVER
    reinstate = _changes.REINSTATE

    def __init__(self, path: Path, *, lock_timeout: float, output_dir: Path | None) -> None:
        self._path = path
        self._lock_timeout = lock_timeout
        self._output_dir = output_dir
        self.folders = Folders()
        self._lock: BinaryIO | None = None
        self._database: sqlite3.Connection | None = None
        self._records: Records | None = None

    @property
    def records(self) -> Records:
        """The queries on the journal; `JournalError` if it is not open."""
        if self._records is None:
            raise JournalError(f"the journal {self._path} is not open")
        return self._records

    def lock(self) -> None:
        """Become the one process that writes; `JournalInUseError` if another one does."""
        check_file(self._path)
        self._lock = locked(self._path)

    def open(self) -> None:
        """Open the file, and bring it to the present version."""
        with translated_errors(self._path):
            self._database = connected(self._path, lock_timeout=self._lock_timeout)
            upgrade(self._database)
            if self._output_dir is None:
                self.folders = Folders.of(self._database, self._path)
            else:
                self.folders = Folders.with_output(self._database, self._path, self._output_dir)
            self._records = Records(self._database, self.folders)

    def close(self) -> None:
        """Close the file, and release the lock."""
        if self._database is not None:
            self._database.close()
        if self._lock is not None:
            _file_locks.release(self._lock)

    def commit(self, operations: list[Operation]) -> list[Any]:
        """Run the operations as one transaction: all of them become durable, or none."""
        return each_alone(self._transaction, operations)

    def _transaction(self, operations: list[Operation]) -> list[Any]:
        database = self._opened()
        with translated_errors(self._path), transaction(database):
            return run(database, operations)

    def begin(self, database: sqlite3.Connection, rows: Sequence[Values]) -> list[Entry | None]:
        """Record that entries are about to be submitted; return for each None, or what stands under its key already."""
        return _changes.begin(database, self.records, rows)

    def again(self, database: sqlite3.Connection, entry: Entry, submitted_at: float | None) -> bool:
        """Record that an entry is submitted once more; False if it is no longer what it was."""
        return _changes.again(database, entry, submitted_at)

    def is_held_since(self, _moment: float) -> bool:
        """Return True: the lock dies with the process, and not before."""
        return True

    def moment(self) -> float:
        """Return no moment: none is needed."""
        return 0.0

    def renew(self) -> None:
        """Do nothing: the lock is enough."""

    def is_under_way(self, _database: sqlite3.Connection, _key: str, _submitted_at: float | None) -> bool:
        """Return True: no other process could change it."""
        return True

    def has_taken(self, _task_id: str) -> bool:
        """Whether this session waits for a task; no other one could."""
        return True

    def take(self, _database: sqlite3.Connection, _task_id: str) -> None:
        """Wait for a task, as no other process does."""

    def take_over(self, _database: sqlite3.Connection, _most: int) -> dict[str, str]:
        """Return nothing: all tasks are this session's."""
        return {}

    def shorten_waits(self) -> None:
        """There is no server."""

    def leave_all(self, _database: sqlite3.Connection) -> None:
        """Do nothing: no other process could take them up."""

    def leave(self, _database: sqlite3.Connection, _task_id: str, *, is_given_up: bool) -> None:
        """Do nothing: no other process could take it up."""

    def durations(self, database: sqlite3.Connection) -> dict[str, Any]:
        """Return what was saved of each kind of task; None of what is far too long to be decoded in the event loop."""
        statement = "SELECT kind, CASE WHEN length(learnt) < ? THEN learnt END FROM pace"
        return dict(database.execute(statement, (LONGEST_HISTORY,)))

    def save_durations(self, database: sqlite3.Connection, learnt: Mapping[str, str]) -> None:
        """Save what was learnt of each kind."""
        rows = [(storable(kind), text) for kind, text in learnt.items()]
        database.executemany("INSERT OR REPLACE INTO pace (kind, learnt) VALUES (?, ?)", rows)

    def callback_secret(self, database: sqlite3.Connection, fresh: bytes) -> bytes:
        """Return the secret of the journal, which is `fresh` if it had none."""
        database.execute("INSERT OR IGNORE INTO secret (purpose, value) VALUES ('callback paths', ?)", (fresh,))
        [(secret,)] = database.execute("SELECT CAST(value AS BLOB) FROM secret WHERE purpose = 'callback paths'")
        return bytes(secret)

    def prune(self, delivered_before: datetime, forget_keys_before: datetime | None) -> Pruned:
        """Keep little of what was delivered long ago."""
        database = self._opened()
        with translated_errors(self._path):
            return prune(database, self._path, delivered_before, forget_keys_before)

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            raise JournalError(f"the journal {self._path} is not open")
        return self._database
