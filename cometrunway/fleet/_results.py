"""Waits for the ends of shots, in any process. Notifications tell of them, and regular queries find the others."""

import asyncio
import logging
import os
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from attrs import evolve

from cometrunway._journal._entry import COLUMNS, Entry, State, entry_of
from cometrunway._journal._folders import Folders
from cometrunway._journal._postgres._connection import translated_errors
from cometrunway._journal._postgres._records import rows_of
from cometrunway._task_group import BackgroundTasks, Role, is_cancelled
from cometrunway.errors import JournalError
from cometrunway.fleet._database import Database

_logger = logging.getLogger(__name__)
_BETWEEN_QUERIES = 5.0
"""Seconds between two queries of all that is waited for, in case that a notification was lost."""
_BETWEEN_TRIES = 1.0
"""Seconds between two tries to listen."""
_ASSETS = COLUMNS.index("assets")
ENDED = frozenset({State.DELIVERED, State.FAILED, State.CANCELLED, State.REFUSED, State.IN_DOUBT})


class Changes:
    """Tells of the changes of shots, by key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._background = BackgroundTasks()

    async def __aenter__(self) -> Self:
        await self._background.open()
        self._background.start(self._listen(), name="cometrunway listen", role=Role.SERVICE)
        self._background.start(self._query(), name="cometrunway query", role=Role.SERVICE)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._background.close(wait=0)
        self._tell(tuple(self._waiting))  # each wait finds that the fleet is closed

    @contextmanager
    def of(self, key: str) -> Iterator[asyncio.Event]:
        """Return an event that is set when the shot may have changed; the caller clears it."""
        changed = asyncio.Event()
        self._waiting[key].add(changed)
        try:
            yield changed
        finally:
            events = self._waiting[key]
            events.discard(changed)
            if not events:
                del self._waiting[key]

    def _tell(self, keys: Collection[str]) -> None:
        for key in keys:
            for changed in self._waiting.get(key, ()):
                changed.set()

    async def _listen(self) -> None:
        """Listen as long as somebody may wait; after a lost connection, all that is waited for may have changed."""
        is_told = False
        while True:
            try:
                async with self._database.listening(self._database.url.schema) as connection:
                    if is_told:
                        _logger.warning("notifications are heard again")
                    is_told = False
                    self._tell(tuple(self._waiting))
                    async for notification in connection.notifies():
                        if is_cancelled():  # Python 3.11 may lose that together with a notification
                            return
                        self._tell((notification.payload,))
            except JournalError as error:
                if not is_told:
                    _logger.warning("notifications are waited for: %s", error)
                is_told = True
            await asyncio.sleep(_BETWEEN_TRIES)

    async def _query(self) -> None:
        """Query regularly what has ended without a notification."""
        while True:
            await asyncio.sleep(_BETWEEN_QUERIES)
            keys = tuple(self._waiting)
            try:
                found = await entries(self._database, keys) if keys else {}
            except JournalError as error:
                _logger.warning("the shots that are waited for could not be read: %s", error)
            else:
                self._tell([key for key, entry in found.items() if entry.state in ENDED])


async def entries(database: Database, keys: Collection[str]) -> dict[str, Entry]:
    """Return the entries of the journal that have these keys."""
    schema = database.url.schema
    rows = await database.rows(
        f"SELECT {', '.join(COLUMNS)}, is_held FROM {rows_of(schema)} WHERE key = ANY(%s)", (list(keys),)
    )
    if not rows:
        return {}
    has_files = any(row[_ASSETS] != "[]" for row in rows)
    folders = await database.rows(f"SELECT number, absolute FROM {schema}.folder") if has_files else []
    known = Folders(known={number: Path(os.fsdecode(bytes(name))) for number, name in folders})
    with translated_errors(database.url):
        return {row[1]: evolve(entry_of(row[:-1], known), is_held=bool(row[-1])) for row in rows}
