"""Reads a journal, also while another process writes it."""

import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

from cometrunway._journal._entry import Entry, State
from cometrunway._journal._file import opened_to_read, translated_errors
from cometrunway._journal._folders import Folders
from cometrunway._journal._lock import holder
from cometrunway._journal._records import Records
from cometrunway._paths import expanded

_T = TypeVar("_T")


class JournalReader:
    """The contents of a journal at one moment. Entries are read one by one, so the journal may be large.

    Use it as `with JournalReader("shots.db") as journal:`. It changes nothing, and does not see later changes.

    Raises:
        JournalError: on entering, there is no such journal; later, it is damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = expanded(path)
        self._database: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        self._database = database = opened_to_read(self.path)
        try:
            with translated_errors(self.path):
                database.execute("BEGIN")
                self._records = Records(database, Folders.of(database, self.path))
        except BaseException:
            database.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._database is not None:
            self._database.close()

    def find(self, key: str) -> Entry | None:
        """Return the entry with this key."""
        with translated_errors(self.path):
            return self._records.find(key)

    def entries(self, states: Collection[State] = tuple(State), *, limit: int = -1) -> Iterator[Entry]:
        """Yield the entries in these states, in the order of submission: at most `limit`, by default all."""
        return self._each(lambda: self._records.entries(states, limit=limit))

    def to_records(self, states: Collection[State] = tuple(State), *, limit: int = -1) -> Iterator[dict[str, Any]]:
        """Yield a plain dict for each of these entries, for a table, as in `Entries.to_records`."""
        is_written = holder(self.path) is not None
        return (entry.outcome(is_written=is_written).to_record() for entry in self.entries(states, limit=limit))

    def unverified(self, limit: int) -> tuple[int, tuple[Entry, ...]]:
        """Return how many entries have a file whose kind could not be verified, and the first of them."""
        with translated_errors(self.path):
            return self._records.unverified_count(), tuple(self._records.unverified(limit))

    def counts(self) -> dict[State, int]:
        """Return how many submissions are in each state."""
        with translated_errors(self.path):
            return self._records.counts()

    def creates(self) -> dict[str, int]:
        """Return how many creates of each route were accepted, or are in doubt."""
        with translated_errors(self.path):
            return self._records.creates()

    def fields(self) -> set[str]:
        """Return the names of all fields that any request has."""
        names: set[str] = set()
        with translated_errors(self.path):
            for fields in self._records.requests():
                names |= fields.keys()
        return names

    @property
    def folders(self) -> Collection[Path]:
        """The present paths of the output folders of all runs."""
        return self._records.folders

    def fingerprints(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the digest of each submission that is not refused, in the order of submission."""
        return self._each(self._records.fingerprints)

    def keys_of_task(self, task_id: str) -> list[str]:
        """Return the keys of the submissions whose task this is."""
        with translated_errors(self.path):
            return self._records.keys_of_task(task_id)

    def integrity(self, limit: int) -> list[str]:
        """Return the problems that SQLite finds in the file, at most so many."""
        with translated_errors(self.path):
            found = [text for (text,) in self._records.integrity(limit)]
        return [] if found == ["ok"] else found

    def numbered(self, numbers: Collection[int]) -> dict[int, Entry]:
        """Return the entries that have these numbers."""
        with translated_errors(self.path):
            return self._records.numbered(numbers)

    def marks(self, *, after: int = 0) -> Iterator[tuple[int, str, int]]:
        """Yield each row's number, its state, and a mark that changes when the row changes."""
        return self._each(lambda: self._records.marks(after=after))

    def rows(self) -> Iterator[Entry | str]:
        """Yield each entry; for a damaged row, a description of the damage."""
        return self._each(self._records.rows)

    def _each(self, rows: Callable[[], Iterable[_T]]) -> Iterator[_T]:
        with translated_errors(self.path):  # only for reading the rows, not for what the caller does between them
            yield from rows()
