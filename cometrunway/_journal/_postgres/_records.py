"""What the rows of a journal say: one, some, or how many."""

import os
from collections.abc import Collection, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from cometrunway._journal._entry import COLUMNS, DamagedRowError, Entry, State, entry_of, request_of
from cometrunway._journal._folders import Folders
from cometrunway._journal._postgres._connection import Connection, stored
from cometrunway._journal._postgres._schema import NOT_VERIFIED, is_alive

_AT_ONCE = 500
"""Rows that the server sends together."""
_OPEN = ("submitting", "accepted", "succeeded")
_numbers = count()
"""The numbers of the cursors of this process."""


@frozen
class Records:
    """The submissions of one schema.

    What a session that has died was submitting is in doubt, and is given as that.
    """

    _connection: Connection
    _schema: str
    _folders: Folders
    _owner: int | None = None
    """The session that asks; None if it only reads, and then nothing is left out."""

    @property
    def _rows(self) -> str:
        """The rows with what is known of their sessions, as a table."""
        return rows_of(self._schema, self._owner)

    def find(self, key: str) -> Entry | None:
        """Return what stands under a key."""
        found = list(self._selected("key = %s", (stored(key),)))
        return found[0] if found else None

    def of_task(self, task_id: str) -> Entry | None:
        """Return an entry of a task."""
        return next(self._selected("task_id = %s LIMIT 1", (stored(task_id),)), None)

    def entries(self, states: Collection[State] = tuple(State), *, after: int = 0, limit: int = -1) -> Iterator[Entry]:
        """Yield the entries in these states, in the order of submission; to a session, none that another one holds."""
        free = "" if self._owner is None else " AND NOT is_held"
        return self._matching(_in(states) + free, after, limit)

    def unverified(self, limit: int) -> Iterator[Entry]:
        """Yield the first entries that have a file whose kind could not be verified."""
        return self._matching(NOT_VERIFIED, 0, limit)

    def _matching(self, condition: str, after: int, limit: int) -> Iterator[Entry]:
        most = None if limit < 0 else limit
        return self._selected(f"number > %s AND {condition} ORDER BY number LIMIT %s", (after, most))

    def _selected(self, condition: str, parameters: tuple[object, ...]) -> Iterator[Entry]:
        columns = ", ".join(COLUMNS)
        return map(
            self._entry, self._asked(f"SELECT {columns}, is_held FROM {self._rows} WHERE {condition}", parameters)
        )

    def _asked(self, statement: str, parameters: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield rows: to a session all at once, for it asks for few; to a reader some at a time."""
        if self._owner is not None:
            yield from self._connection.execute(statement.encode(), parameters or None).fetchall()
            return
        with self._connection.cursor(name=f"rows_{next(_numbers)}") as cursor:
            cursor.itersize = _AT_ONCE
            yield from cursor.execute(statement.encode(), parameters or None)

    def is_empty(self) -> bool:
        """Whether there is no submission. No row is decoded."""
        return not list(self._asked(f"SELECT number FROM {self._schema}.submission LIMIT 1"))

    def counts(self) -> dict[State, int]:
        """Return how many submissions are in each state."""
        found: dict[str, int] = dict(self._asked(f"SELECT state, count(*) FROM {self._rows} GROUP BY state"))
        strange = found.keys() - {state.value for state in State}
        if strange:
            raise DamagedRowError(f"a row has the state {min(strange)!r}")
        return {state: found.get(state.value, 0) for state in State}

    def unverified_count(self) -> int:
        """Return how many submissions have a file whose kind could not be verified."""
        [(count,)] = self._asked(f"SELECT count(*) FROM {self._schema}.submission WHERE {NOT_VERIFIED}")
        return int(count)

    def creates(self) -> dict[str, int]:
        """Return how many creates of each route were accepted, or are in doubt."""
        not_refused = "sum(creates) - count(*) FILTER (WHERE state = 'refused')"
        by_route = f"SELECT route, ({not_refused})::bigint FROM {self._schema}.submission GROUP BY route ORDER BY route"
        return dict(self._asked(by_route))

    def fingerprints(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the digest of each submission that is not refused, in the order of submission."""
        known = f"SELECT key, fingerprint FROM {self._schema}.submission WHERE state <> 'refused' ORDER BY number"
        return ((key, fingerprint) for key, fingerprint in self._asked(known))

    @property
    def folders(self) -> Collection[Path]:
        """The output folders of all runs."""
        return self._folders.known.values()

    def requests(self) -> Iterator[Mapping[str, Any]]:
        """Yield what was asked for, row by row."""
        for key, text in self._asked(f"SELECT key, request FROM {self._schema}.submission"):
            yield request_of(key, text)

    def keys_of_task(self, task_id: str) -> list[str]:
        """Return the keys of the submissions of a task."""
        keys = self._asked(f"SELECT key FROM {self._schema}.submission WHERE task_id = %s", (stored(task_id),))
        return [key for (key,) in keys]

    def integrity(self, limit: int) -> list[str]:
        """Return which indexes the server calls invalid, at most so many: what its disk has, it checks itself."""
        found = self._asked(
            "SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indrelid "
            "WHERE relnamespace = to_regnamespace(%s) AND NOT (indisvalid AND indisready) LIMIT %s",
            (self._schema, limit),
        )
        return [f"the index {name} is not valid: REINDEX it" for (name,) in found]

    def numbered(self, numbers: Collection[int]) -> dict[int, Entry]:
        """Return the entries that have these numbers."""
        return {entry.number: entry for entry in self._selected("number = ANY(%s)", (list(numbers),))}

    def marks(self, *, after: int = 0) -> Iterator[tuple[int, str, int]]:
        """Yield each row's number, its state, and a mark that is another one once the row has changed."""
        rows = self._asked(
            f"SELECT number, state, mark, is_held FROM {self._rows} WHERE number > %s ORDER BY number",
            (after,),
        )
        return ((number, state, hash((state, mark, is_held))) for number, state, mark, is_held in rows)

    def rows(self) -> Iterator[Entry | str]:
        """Yield each entry; where a row is damaged, what is wrong with it."""
        columns = ", ".join(COLUMNS)
        for row in self._asked(f"SELECT {columns}, is_held FROM {self._rows} ORDER BY number"):
            try:
                yield self._entry(row)
            except DamagedRowError as error:
                yield str(error)

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        *columns, is_held = row
        entry = entry_of(tuple(columns), self._folders)
        return evolve(entry, is_held=True) if is_held else entry


def rows_of(schema: str, owner: int | None = None) -> str:
    """Return the rows of a schema with what is known of their sessions, as a table for a session that asks."""
    lives = f"coalesce({is_alive('s')}, FALSE)"
    mine = "FALSE" if owner is None else f"old.owner IS NOT DISTINCT FROM {owner}"
    state = f"CASE WHEN old.state = 'submitting' AND NOT ({mine} OR {lives}) THEN 'in_doubt' ELSE old.state END"
    names = ", ".join(f"{state} AS state" if name == "state" else f"old.{name}" for name in COLUMNS)
    held = f"{lives} AND NOT {mine} AND old.state IN {_OPEN}"
    return (
        f"(SELECT {names}, {held} AS is_held, old.state AS recorded, old.xmin::text::bigint AS mark "
        f"FROM {schema}.submission AS old "
        f"LEFT JOIN {schema}.session AS s ON s.number = old.owner) AS row"
    )


def folders_of(connection: Connection, schema: str) -> Folders:
    """Return the output folders that were recorded, as they were called."""
    rows = connection.execute(f"SELECT number, absolute FROM {schema}.folder".encode())
    return Folders(known={number: Path(os.fsdecode(bytes(name))) for number, name in rows})


def _in(states: Collection[State]) -> str:
    """Return the condition that a row is in one of these states, with the index's own where that helps."""
    if set(states) == set(State):
        return "TRUE"
    listed = ", ".join(f"'{state.value}'" for state in states)
    return f"state IN ({listed})" + ("" if State.DELIVERED in states else " AND recorded <> 'delivered'")
