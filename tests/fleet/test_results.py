"""The wait for the end of a shot: told by a notification, found without one, and ended with the fleet."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cometrunway import JournalError, State
from cometrunway.emulator import Emulator
from cometrunway.errors import JournalUnavailableError, OutcomeUnknownError
from cometrunway.fleet import Fleet
from cometrunway.fleet._database import AsyncRows, Database
from tests.fleet.test_fleet import shot, working
from tests.fleet.workers import new_fleet
from tests.postgres import VARIABLE, Server

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")


async def test_an_unknown_key_is_not_waited_for(fleet: Fleet) -> None:
    """It is an error, for nothing would ever come."""
    with pytest.raises(ValueError, match="nothing was queued or submitted under the key 'cat'"):
        await fleet.result("cat")


async def test_a_lost_notification_is_made_up_for(
    fleet: Fleet, dsn: str, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A regular query finds what has ended when no notification comes."""
    monkeypatch.setattr("cometrunway.fleet._results._BETWEEN_QUERIES", 0.1)
    async with Fleet(dsn) as deaf:
        await deaf._database.rows(f"DROP TRIGGER tell ON {deaf._url.schema}.submission")
        await fleet.submit(shot("a"), key="a")
        async with working(dsn, emulator, tmp_path):
            assert await deaf.result("a")


async def test_a_fleet_that_is_closed_ends_its_waits(dsn: str) -> None:
    """They say that it is closed."""
    async with Fleet(dsn) as fleet:
        await fleet.submit(shot("a"), key="a")
        waiting = asyncio.ensure_future(fleet.result("a"))
        await asyncio.wait({waiting}, timeout=0.1)
    async with asyncio.timeout(2):
        with pytest.raises(RuntimeError, match="is not open"):
            await waiting


async def test_what_has_ended_is_told_before_the_queue_knows_it(fleet: Fleet, dsn: str) -> None:
    """The worker died when the create was accepted, or in doubt: its shot is still in the queue."""
    await fleet.submit(shot("a"), key="a")
    schema = fleet._url.schema
    await fleet._database.rows(
        f"INSERT INTO {schema}.submission (number, key, route, fingerprint, request, state, owner) "  # noqa: S608 - ours
        "VALUES (1, 'a', 'image_to_video', 'f', '{}', 'submitting', 999)"
    )
    async with asyncio.timeout(5):
        with pytest.raises(OutcomeUnknownError):
            await fleet.result("a")


async def test_a_damaged_row_does_not_end_the_queries(
    dsn: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told to those who wait for it."""
    monkeypatch.setattr("cometrunway.fleet._results._BETWEEN_QUERIES", 0.05)
    async with Fleet(dsn) as fleet:
        schema = fleet._url.schema
        await fleet.submit(shot("a"), key="a")
        waiting = asyncio.ensure_future(fleet.result("a"))
        await asyncio.wait({waiting}, timeout=0.1)
        await fleet._database.rows(
            f"INSERT INTO {schema}.submission (number, key, route, fingerprint, request, state) "  # noqa: S608 - ours
            "VALUES (1, 'a', 'image_to_video', 'f', '{}', 'nonsense')"
        )
        await asyncio.wait({waiting}, timeout=0.3)
        assert "could not be read" in caplog.text
        await fleet._database.rows(f"UPDATE {schema}.submission SET state = 'broken'")  # noqa: S608 - ours
        async with asyncio.timeout(5):
            with pytest.raises(JournalError, match="is damaged"):
                await waiting


async def test_an_outage_is_told_once_and_so_is_its_end(
    dsn: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However long the database is away."""
    monkeypatch.setattr("cometrunway.fleet._results._BETWEEN_TRIES", 0.01)
    listening, tries, is_back = Database.listening, 0, asyncio.Event()

    @asynccontextmanager
    async def away_at_first(database: Database, channel: str) -> AsyncIterator[AsyncRows]:
        nonlocal tries
        tries += 1
        if tries <= 5:
            raise JournalUnavailableError("the database is away")
        async with listening(database, channel) as connection:
            is_back.set()
            yield connection

    monkeypatch.setattr(Database, "listening", away_at_first)
    async with Fleet(dsn), asyncio.timeout(20):
        await is_back.wait()
    told = [record.getMessage() for record in caplog.records if "notifications" in record.getMessage()]
    assert len(told) == 2
    assert "are waited for: the database is away" in told[0]
    assert "are heard again" in told[1]


async def test_waits_outlast_a_restart_of_the_database(postgres: Server, tmp_path: Path) -> None:
    """As many as there are, with a result and with events; each ends with its shot, and none is left behind."""
    dsn, keys = new_fleet(postgres, lease=3), [f"{number}" for number in range(10)]
    async with Emulator(speed=20) as emulator, Fleet(dsn) as fleet, asyncio.timeout(60):

        async def last(key: str) -> State:
            return [entry.state async for entry in fleet.events(key)][-1]

        for key in keys:
            await fleet.submit(shot(key), key=key)
        waits = [asyncio.ensure_future(fleet.result(keys[number % 10])) for number in range(100)]
        followed = [asyncio.ensure_future(last(key)) for key in keys]
        async with working(dsn, emulator, tmp_path):
            await asyncio.to_thread(postgres.stop, "immediate")
            await asyncio.to_thread(postgres.start)
            assert all(await asyncio.gather(*waits))
            assert set(await asyncio.gather(*followed)) == {State.DELIVERED}
        assert not fleet._changes._waiting
    assert emulator.creates.accepted == 10
