"""A journal that is only read, also while another process writes it."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

from cometrunway._journal._entry import Entry, State
from cometrunway._journal._place import Place, place_of
from cometrunway._journal._snapshots import holders_at, snapshot_at

_T = TypeVar("_T")


class JournalReader:
    """The contents of a journal at one moment. Entries are read one by one, so the journal may be large.

    Use it as `with JournalReader("shots.db") as journal:`. It changes nothing, and does not see later changes.

    Raises:
        JournalError: on entering, there is no such journal; later, it is damaged.
    """

    def __init__(self, place: str | os.PathLike[str] | Place) -> None:
        self.place: Place = place_of(place)
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        snapshot = self._opened.enter_context(snapshot_at(self.place))
        self._records, self._translated_errors = snapshot.records, snapshot.translated_errors
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def find(self, key: str) -> Entry | None:
        """Return the entry with this key."""
        with self._translated_errors():
            return self._records.find(key)

    def entries(self, states: Collection[State] = tuple(State), *, limit: int = -1) -> Iterator[Entry]:
        """Yield the entries in these states, in the order of submission: at most `limit`, by default all."""
        return self._each(lambda: self._records.entries(states, limit=limit))

    def to_records(self, states: Collection[State] = tuple(State), *, limit: int = -1) -> Iterator[dict[str, Any]]:
        """Yield a plain dict for each of these entries, for a table, as in `Entries.to_records`."""
        is_written = bool(holders_at(self.place))
        return (entry.outcome(is_written=is_written).to_record() for entry in self.entries(states, limit=limit))

    def unverified(self, limit: int) -> tuple[int, tuple[Entry, ...]]:
        """Return how many entries have a file whose kind could not be verified, and the first of them."""
        with self._translated_errors():
            return self._records.unverified_count(), tuple(self._records.unverified(limit))

    def counts(self) -> dict[State, int]:
        """Return how many submissions are in each state."""
        with self._translated_errors():
            return self._records.counts()

    def creates(self) -> dict[str, int]:
        """Return how many creates of each route were accepted, or are in doubt."""
        with self._translated_errors():
            return self._records.creates()

    def fields(self) -> set[str]:
        """Return the names of all fields that any request has."""
        names: set[str] = set()
        with self._translated_errors():
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
        with self._translated_errors():
            return self._records.keys_of_task(task_id)

    def integrity(self, limit: int) -> list[str]:
        """Return what is found wrong with all of it but its rows, at most so many things."""
        with self._translated_errors():
            return self._records.integrity(limit)

    def numbered(self, numbers: Collection[int]) -> dict[int, Entry]:
        """Return the entries that have these numbers."""
        with self._translated_errors():
            return self._records.numbered(numbers)

    def marks(self, *, after: int = 0) -> Iterator[tuple[int, str, int]]:
        """Yield each row's number, its state, and a mark that changes when the row changes."""
        return self._each(lambda: self._records.marks(after=after))

    def rows(self) -> Iterator[Entry | str]:
        """Yield each entry; for a damaged row, a description of the damage."""
        return self._each(self._records.rows)

    def _each(self, rows: Callable[[], Iterable[_T]]) -> Iterator[_T]:
        with self._translated_errors():  # only of the rows: what the caller does between them is not in it
            yield from rows()
