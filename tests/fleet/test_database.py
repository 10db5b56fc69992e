"""The connections of a fleet: a statement is run again after its connection was lost, and not where it is wrong."""

import asyncio
import os
from contextlib import AsyncExitStack, suppress
from typing import Any

import psycopg
import pytest

from cometrunway._journal._place import PostgresUrl, place_of
from cometrunway.errors import JournalError, JournalUnavailableError
from cometrunway.fleet._database import Database
from tests.postgres import VARIABLE, Server

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")


@pytest.fixture
def place(dsn: str) -> PostgresUrl:
    """Return where the tables are."""
    found = place_of(dsn)
    assert isinstance(found, PostgresUrl)
    return found


async def test_a_statement_is_run_again_after_a_lost_connection(place: PostgresUrl) -> None:
    """As after a restart of the server; nobody sees an error."""
    async with Database(place) as database:
        [(pid,)] = await database.rows("SELECT pg_backend_pid()")
        async with await psycopg.AsyncConnection.connect(place.conninfo, autocommit=True) as other:
            await other.execute("SELECT pg_terminate_backend(%s)", (pid,))
        assert await database.rows("SELECT pg_backend_pid()") != [(pid,)]
        assert await database.row("SELECT 1 + %s", (1,)) == (2,)
        assert await database.row("SELECT 1 WHERE FALSE") is None


async def test_a_wrong_statement_is_not_run_again(place: PostgresUrl) -> None:
    """It is an error at once, with its cure."""
    async with Database(place, timeout=3600) as database:
        async with asyncio.timeout(20):
            with pytest.raises(JournalError, match="cometrunway fleet migrate"):
                await database.rows("SELECT * FROM nothing_here")


async def test_a_server_that_is_not_there_is_an_error_at_once(postgres: Server) -> None:
    """When the fleet is opened, it is not waited for, and no password is shown."""
    place: Any = place_of(postgres.url(database="nowhere"))
    with pytest.raises(JournalUnavailableError) as caught:
        async with Database(place, timeout=3600):
            pass
    assert "canary" not in str(caught.value)


async def test_each_notification_is_heard(place: PostgresUrl) -> None:
    """Of the channel that is listened to; a change is heard when it is committed."""
    async with Database(place) as database, database.listening(place.schema) as listener:
        await database.rows("SELECT pg_notify(%s, 'other'), pg_notify(%s, 'cat')", ("elsewhere", place.schema))
        async with asyncio.timeout(20):
            async for notification in listener.notifies(stop_after=1):
                assert (notification.channel, notification.payload) == (place.schema, "cat")


async def test_a_cancellation_that_is_lost_by_a_connection_being_made_ends_a_listener(
    place: PostgresUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As psycopg 3.2 loses it on Python 3.11: a fleet that is closed at once would wait for its listener for ever."""
    is_connecting = asyncio.Event()

    class Losing:
        """Loses the cancellation of whoever connects."""

        @staticmethod
        async def connect(**options: Any) -> Any:
            is_connecting.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            return await psycopg.AsyncConnection.connect(**options)

    async def listen() -> None:
        async with database.listening(place.schema):
            await asyncio.Event().wait()

    async with Database(place) as database:
        monkeypatch.setattr("cometrunway.fleet._database.AsyncConnection", Losing)
        listening = asyncio.ensure_future(listen())
        await is_connecting.wait()
        listening.cancel()
        done, _ = await asyncio.wait({listening}, timeout=5)
        listening.cancel()
        await asyncio.wait({listening})
        assert done


@pytest.mark.parametrize("turns", range(12))
async def test_a_cancellation_that_comes_together_with_a_connection_is_not_lost(place: PostgresUrl, turns: int) -> None:
    """A service that asks again and again ends when it is told to, in whichever turn of the event loop that happens."""

    async def service() -> None:
        while True:
            await database.rows("SELECT 1")

    async with Database(place) as database, AsyncExitStack() as stack:
        for _ in range(3):
            held = await stack.enter_async_context(database.connection())
        waiting = asyncio.ensure_future(service())
        await asyncio.wait({waiting}, timeout=0.05)
        returning = asyncio.ensure_future(stack.aclose())
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        done, _ = await asyncio.wait({waiting}, timeout=5)
        waiting.cancel()
        await asyncio.wait({waiting, returning})
        assert done
        assert held.closed is False
