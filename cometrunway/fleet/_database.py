"""The connections of a fleet to its database, for the event loop: the only module that imports psycopg_pool."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Self

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from cometrunway._journal._place import PostgresUrl
from cometrunway._journal._postgres._connection import (
    Error,
    Parameters,
    options_of,
    passes,
    translated,
    translated_errors,
)
from cometrunway._task_group import BackgroundTasks
from cometrunway.errors import JournalUnavailableError

_logger = logging.getLogger(__name__)
_MOST_CONNECTIONS = 3
_BETWEEN_TRIES = 0.5
"""Seconds."""
_RECONNECTING = 5.0
"""Seconds in which the pool doubles its pauses between two tries to connect, before it begins anew."""
_GRACE = 3.0
"""Seconds."""
_LONGEST_OPENING = 60.0
"""Seconds."""
AsyncRows = AsyncConnection[tuple[Any, ...]]
Pool = AsyncConnectionPool[AsyncRows]
Row = tuple[Any, ...]


class Database:
    """A few connections, made when they are needed, and made again after the server was away.

    Args:
        url: where the tables are.
        timeout: seconds to wait for the server; `math.inf` waits without limit.
    """

    def __init__(self, url: PostgresUrl, *, timeout: float = 30.0) -> None:
        self.url = url
        self._timeout = timeout
        options = {name: str(value) for name, value in options_of(url, writes=True).items()}
        self.pool: Pool = AsyncConnectionPool(
            kwargs={**options, "prepare_threshold": None},
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            configure=_with_autocommit,
            name="cometrunway fleet",
            reconnect_timeout=_RECONNECTING,
            open=False,
        )

    async def __aenter__(self) -> Self:
        with translated_errors(self.url):  # a server that cannot be reached at first is an error at once
            await (await AsyncConnection.connect(**options_of(self.url, writes=True))).close()
        await self.pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pool.close()

    @asynccontextmanager
    async def ending(self, give_up: Callable[[], object]) -> AsyncIterator[None]:
        """Close the connections if the block takes longer than the grace: it would wait for a server that is away.

        Args:
            give_up: called then, to end also what waits for other connections than these.
        """
        loop = asyncio.get_running_loop()
        background = BackgroundTasks()
        await background.open()

        def end() -> None:
            background.start(self.pool.close(), name="cometrunway database")
            give_up()

        timer = loop.call_later(_GRACE, end)
        try:
            yield
        finally:
            timer.cancel()
            await background.close()

    async def rows(self, statement: str, parameters: Parameters = ()) -> list[Row]:
        """Run one statement that may be run again, and return its rows; wait for a server that is away.

        Raises:
            JournalUnavailableError: the server was away for longer than the timeout.
            JournalError: it refuses the statement.
        """
        loop = asyncio.get_running_loop()
        until, is_told = loop.time() + self._timeout, False
        while True:
            try:
                with _no_lost_cancellation():
                    async with self.pool.connection(timeout=_BETWEEN_TRIES * 10) as connection:
                        cursor = await connection.execute(statement.encode(), parameters or None)
                        return [] if cursor.description is None else await cursor.fetchall()
            except (Error, PoolTimeout) as error:
                if not passes(error) or loop.time() >= until:
                    raise translated(error, self.url) from error
                if not is_told:
                    _logger.warning("the database %s is waited for: %s", self.url, type(error).__name__)
                is_told = True
            await asyncio.sleep(_BETWEEN_TRIES)

    async def row(self, statement: str, parameters: Parameters = ()) -> Row | None:
        """Run one statement that may be run again, and return its first row."""
        return next(iter(await self.rows(statement, parameters)), None)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncRows]:
        """Return a connection for a transaction."""
        with translated_errors(self.url), _no_lost_cancellation():
            async with self.pool.connection() as connection:
                yield connection

    @asynccontextmanager
    async def listening(self, channel: str) -> AsyncIterator[AsyncRows]:
        """Return a connection of its own that gets the notifications of a channel."""
        options: dict[str, Any] = options_of(self.url, writes=True)
        async with AsyncExitStack() as stack:
            with translated_errors(self.url):
                with _no_lost_cancellation():
                    connection = await AsyncConnection.connect(**options, autocommit=True)
                    await stack.enter_async_context(connection)
                    await connection.execute(f'LISTEN "{channel}"'.encode())
                yield connection


@asynccontextmanager
async def opening(url: PostgresUrl) -> AsyncIterator[None]:
    """Limit the time of the block, in which a fleet is opened: `JournalUnavailableError` after it."""
    try:
        async with asyncio.timeout(_LONGEST_OPENING):
            yield
    except TimeoutError as error:
        raise JournalUnavailableError(
            f"the fleet {url} could not be opened within {_LONGEST_OPENING:g} seconds: its database does not answer. "
            "Has another transaction, such as a migration, locked a table?"
        ) from error


@contextmanager
def _no_lost_cancellation() -> Iterator[None]:
    """Raise a cancellation that came during the block, also where the block has lost it.

    The pool loses one that comes in the same moment as a connection, for `asyncio.wait_for` of Python 3.11 does:
    https://github.com/python/cpython/issues/86296. A service whose cancellation is lost would never end.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - only asyncio tasks have connections
    before = task.cancelling()
    try:
        yield
    finally:
        if task.cancelling() > before:
            raise asyncio.CancelledError


async def _with_autocommit(connection: AsyncRows) -> None:
    await connection.set_autocommit(True)


WAITS = math.inf
"""The timeout of a worker, which waits as long as the server is away."""
