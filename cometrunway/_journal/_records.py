"""What the rows of a journal say: one, some, or how many."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from attrs import evolve

from cometrunway._journal._entry import COLUMNS, DamagedRowError, Entry, State, entry_of, request_of, storable
from cometrunway._journal._file import opened_to_read, translated_errors
from cometrunway._journal._folders import Folders
from cometrunway._journal._schema import NOT_DELIVERED, NOT_VERIFIED
from cometrunway._journal._store import Snapshot
from cometrunway._wire._identity import identity

_IDENTIFIED = 3
"""The first version whose digests are of what was asked for, not of all that was sent."""


class Records:
    """The submissions in a database. A database of an earlier version lacks some columns."""

    def __init__(self, database: sqlite3.Connection, folders: Folders) -> None:
        self._database = database
        self._folders = folders
        present = {name for (name,) in database.execute("SELECT name FROM pragma_table_info('submission')")}
        columns = ", ".join(name if name in present else "NULL" for name in COLUMNS)
        self._select = f"SELECT {columns} FROM submission"  # noqa: S608 - our own names of columns
        [(has_table,)] = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'alias'")
        self.has_aliases = bool(has_table and database.execute("SELECT 1 FROM alias LIMIT 1").fetchone())
        """Whether an earlier version has named submissions by another rule."""
        [(version,)] = database.execute("PRAGMA user_version")
        [(is_half_upgraded,)] = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'upgrade'")
        self._has_identities = version >= _IDENTIFIED and not is_half_upgraded

    def find(self, key: str) -> Entry | None:
        """Return the entry with this key, or with the key for which an earlier version's name is an alias."""
        row = self._database.execute(f"{self._select} WHERE key = ?", (key,)).fetchone()
        if row is None and self.has_aliases:
            alias = "WHERE key = (SELECT key FROM alias WHERE name = ?)"
            row = self._database.execute(f"{self._select} {alias}", (key,)).fetchone()
        return None if row is None else self._entry(row)

    def entries(self, states: Collection[State] = tuple(State), *, after: int = 0, limit: int = -1) -> Iterator[Entry]:
        """Yield the entries in these states, in the order of submission, one row at a time.

        Args:
            states: by default all.
            after: only entries with higher numbers.
            limit: the largest number of entries; a negative one is no limit.
        """
        return self._matching(_in(states), after, limit)

    def unverified(self, limit: int) -> Iterator[Entry]:
        """Yield the first entries that have a file whose kind could not be verified."""
        return self._matching(NOT_VERIFIED, 0, limit)

    def _matching(self, condition: str, after: int, limit: int) -> Iterator[Entry]:
        rows = self._database.execute(
            f"{self._select} WHERE number > ? AND {condition} ORDER BY number LIMIT ?", (after, limit)
        )
        return map(self._entry, rows)

    def is_empty(self) -> bool:
        """Whether there is no submission. No row is decoded."""
        return self._database.execute("SELECT 1 FROM submission LIMIT 1").fetchone() is None

    def counts(self) -> dict[State, int]:
        """Return how many submissions are in each state."""
        others = f"SELECT state, count(*) FROM submission WHERE {NOT_DELIVERED} GROUP BY state"  # noqa: S608 - ours
        found = dict(self._database.execute(others))
        [(total,)] = self._database.execute("SELECT count(*) FROM submission")
        strange = found.keys() - {state.value for state in State}
        if strange:
            raise DamagedRowError(f"a row has the state {min(map(str, strange))!r}")
        counts = {state: found.get(state.value, 0) for state in State}
        return {**counts, State.DELIVERED: total - sum(counts.values())}

    def unverified_count(self) -> int:
        """Return how many submissions have a file whose kind could not be verified."""
        return self._count(NOT_VERIFIED)

    def creates(self) -> dict[str, int]:
        """Return how many creates of each route were accepted, or are in doubt."""
        by_route = self._database.execute("SELECT route, sum(creates) FROM submission GROUP BY route ORDER BY route")
        condition = _in([State.REFUSED])
        # With the plus SQLite takes the index of the condition, not that of the routes, which reads every row.
        not_accepted = f"SELECT route, count(*) FROM submission WHERE {condition} GROUP BY +route"  # noqa: S608 - ours
        refused = dict(self._database.execute(not_accepted))
        return {route: creates - refused.get(route, 0) for route, creates in by_route}

    def fingerprints(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the digest of each submission that is not refused, in the order of submission."""
        states = [state for state in State if state is not State.REFUSED]
        if not self._has_identities:
            return ((entry.key, entry.fingerprint) for entry in self.entries(states))
        return self._database.execute(
            f"SELECT key, fingerprint FROM submission WHERE {_in(states)} ORDER BY number"  # noqa: S608 - ours
        )

    @property
    def folders(self) -> Collection[Path]:
        """The present paths of the output folders of all runs."""
        return self._folders.known.values()

    def requests(self) -> Iterator[Mapping[str, Any]]:
        """Yield the requests, row by row."""
        for key, text in self._database.execute("SELECT key, request FROM submission"):
            yield request_of(key, text)

    def keys_of_task(self, task_id: str) -> list[str]:
        """Return the keys of the submissions of a task; reads every row."""
        rows = self._database.execute("SELECT key FROM submission WHERE task_id = ?", (storable(task_id),))
        return [key for (key,) in rows]

    def integrity(self, limit: int) -> list[str]:
        """Return what SQLite finds wrong with the file: at most so many things."""
        found = [text for (text,) in self._database.execute(f"PRAGMA integrity_check({limit})")]
        return [] if found == ["ok"] else found

    def numbered(self, numbers: Collection[int]) -> dict[int, Entry]:
        """Return the entries that have these numbers."""
        wanted = set(numbers)
        return {row[0]: self._entry(row) for row in self._rows_of(wanted) if row[0] in wanted}

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        """Return a row's entry. A digest of an earlier version is converted to the present rule."""
        entry = entry_of(row, self._folders)
        if self._has_identities or "route" not in entry.request:
            return entry
        return evolve(entry, fingerprint=identity(entry.request))

    def _rows_of(self, numbers: set[int]) -> list[tuple[Any, ...]]:
        if numbers and max(numbers) - min(numbers) < 2 * len(numbers):
            between = f"{self._select} WHERE number BETWEEN ? AND ?"
            return self._database.execute(between, (min(numbers), max(numbers))).fetchall()
        each = (self._database.execute(f"{self._select} WHERE number = ?", (number,)) for number in sorted(numbers))
        return [row for found in each for row in found]

    def marks(self, *, after: int = 0) -> Iterator[tuple[int, str, int]]:
        """Yield each row's number, its state, and a mark that changes when the row changes."""
        rows = "SELECT number, state, * FROM submission WHERE number > ? ORDER BY number"
        return ((row[0], row[1], hash(row)) for row in self._database.execute(rows, (after,)))

    def rows(self) -> Iterator[Entry | str]:
        """Yield each entry; for a damaged row, a description of the damage."""
        for row in self._database.execute(f"{self._select} ORDER BY number"):
            try:
                yield self._entry(row)
            except DamagedRowError as error:
                yield str(error)

    def _count(self, condition: str) -> int:
        [(count,)] = self._database.execute(f"SELECT count(*) FROM submission WHERE {condition}")  # noqa: S608 - ours
        found: int = count
        return found


def _in(states: Collection[State]) -> str:
    """Return the SQL condition that a row is in one of these states, with the index's condition if that helps."""
    if set(states) == set(State):
        return "TRUE"
    listed = ", ".join(f"'{state.value}'" for state in states)
    return f"state IN ({listed})" + ("" if State.DELIVERED in states else f" AND {NOT_DELIVERED}")


@contextmanager
def snapshot(path: Path) -> Iterator[Snapshot]:
    """Open a file to read it as it is at this moment; `JournalError` if there is none."""
    with closing(opened_to_read(path)) as database:
        with translated_errors(path):
            database.execute("BEGIN")
            records = Records(database, Folders.of(database, path))
        yield Snapshot(records=records, translated_errors=partial(translated_errors, path))
