"""The limits of creates and polls hold over all workers: turns are reserved in one place, by the server's clock."""

import asyncio
import os
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from procrastinate import App, PsycopgConnector

from cometrunway._journal._postgres._connection import Parameters
from cometrunway._submission._shared_limits import Turn
from cometrunway.emulator import Emulator, Fault, Faults
from cometrunway.errors import JournalUnavailableError
from cometrunway.fleet import Fleet
from cometrunway.fleet._database import Database, Row
from cometrunway.fleet._limits import FleetLimits
from tests.fleet.workers import new_fleet, until
from tests.postgres import VARIABLE, Server
from tests.samples import yawn

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")
WORKERS, PER_SECOND = 8, 200.0


async def reserved(database: Database, wanted: int) -> int:
    """Reserve turns of creates; return how many there are within half a second."""
    statement = f"SELECT granted FROM {database.url.schema}.reserve('creates', %s, 0, 0, 0.5)"  # noqa: S608 - ours
    [(granted,)] = await database.rows(statement, (wanted,))
    return int(granted)


async def next_turn(database: Database) -> float:
    """Return when the next turn is, in seconds by the server's clock."""
    statement = f"SELECT extract(epoch FROM next_at)::float FROM {database.url.schema}.rate WHERE kind = 'creates'"  # noqa: S608 - ours
    [(at,)] = await database.rows(statement)
    return float(at)


async def test_turns_of_all_workers_are_apart(fleet: Fleet) -> None:
    """Eight workers reserve at the same time: all turns together take the time that the rate asks for."""
    await fleet.set_limits(creates_per_second=PER_SECOND)
    async with AsyncExitStack() as stack:
        databases = [await stack.enter_async_context(Database(fleet._url)) for _ in range(WORKERS)]
        before = await next_turn(databases[0])
        granted = sum(await asyncio.gather(*(reserved(each, 9) for each in databases)))
        after = await next_turn(databases[0])
    assert granted == WORKERS * 9
    assert after - before >= granted / PER_SECOND - 1e-3


async def test_slow_answers_do_not_move_a_turn(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a turn is by the server's clock: creates of two workers are apart, also if one gets slow answers."""
    await fleet.set_limits(creates_per_second=10)
    turns: list[Turn] = []
    async with AsyncExitStack() as stack:

        async def send(limits: FleetLimits) -> None:
            for _ in range(6):
                turns.append(await limits.create())
                limits.created()

        limits = []
        for name in ("quick", "slow"):
            database = await stack.enter_async_context(Database(fleet._url))
            limits.append(await stack.enter_async_context(FleetLimits(database, name=name, max_in_flight=10)))
        await asyncio.gather(*map(send, limits))  # they learn the server's clock
        turns.clear()
        rows = database.rows

        async def slow_rows(statement: str, parameters: Parameters = ()) -> list[Row]:
            found = await rows(statement, parameters)
            await asyncio.sleep(0.05 * ("reserve" in statement))
            return found

        monkeypatch.setattr(database, "rows", slow_rows)
        await asyncio.gather(*map(send, limits))
    times = sorted(turn.at for turn in turns)
    assert len(times) == 12
    assert min(after - before for before, after in pairwise(times)) > 0.07


async def test_no_turn_is_reserved_far_ahead(fleet: Fleet) -> None:
    """A worker that dies takes at most half a second of turns with it."""
    await fleet.set_limits(creates_per_second=10)
    async with Database(fleet._url) as database:
        assert await reserved(database, 1000) == 6
        assert await reserved(database, 1000) == 0


async def test_creates_at_once_hold_over_all_workers(fleet: Fleet) -> None:
    """Of three workers that want ten places each, all have as many as there are; a freed one goes to any of them."""
    await fleet.set_limits(creates_at_once=4)
    async with AsyncExitStack() as stack:
        limits = []
        for number in range(3):
            database = await stack.enter_async_context(Database(fleet._url))
            one = FleetLimits(database, name=f"{number}", max_in_flight=10)
            limits.append(await stack.enter_async_context(one))
        under_way, most = 0, 0

        async def create(one: FleetLimits) -> None:
            nonlocal under_way, most
            await one.create()
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.02)
            under_way -= 1
            one.created()

        await asyncio.gather(*(create(one) for one in limits for _ in range(10)))
    assert most <= 4


async def test_a_paused_fleet_sends_nothing(fleet: Fleet) -> None:
    """While all is paused no create gets a turn; then each does."""
    await fleet.pause()
    async with Database(fleet._url) as database, FleetLimits(database, name="w", max_in_flight=1) as limits:
        waiting = asyncio.ensure_future(limits.create())
        done, _ = await asyncio.wait({waiting}, timeout=0.3)
        assert not done
        await fleet.unpause()
        await waiting


async def test_a_429_pauses_all_workers(fleet: Fleet) -> None:
    """No worker gets a turn within the time that the gateway asks for, also where limits are changed meanwhile."""
    async with AsyncExitStack() as stack:
        databases = [await stack.enter_async_context(Database(fleet._url)) for _ in range(2)]
        one, _other = [
            await stack.enter_async_context(FleetLimits(database, name="w", max_in_flight=1)) for database in databases
        ]
        one.refused("creates", 60)
        for _ in range(100):
            if not await reserved(databases[1], 1):
                break
            await asyncio.sleep(0.02)
        else:
            pytest.fail("the pause is not known to others")
        await fleet.set_limits(creates_per_second=1000)
        assert await reserved(databases[1], 1) == 0


async def test_a_new_limit_holds_at_once(fleet: Fleet) -> None:
    """The turns of a very low rate do not delay those of a higher one."""
    await fleet.set_limits(creates_per_second=0.001)
    async with Database(fleet._url) as database:
        assert [await reserved(database, 1), await reserved(database, 1)] == [1, 0]
        await fleet.set_limits(creates_per_second=1000)
        assert await reserved(database, 1) == 1


async def test_a_clock_that_was_set_back_does_not_stop_the_fleet(fleet: Fleet) -> None:
    """The next turn, an hour ahead by the new clock, is one of now."""
    await fleet.set_limits(creates_per_second=10)
    async with Database(fleet._url) as database:
        await database.rows(f"UPDATE {database.url.schema}.rate SET next_at = clock_timestamp() + interval '1 hour'")  # noqa: S608 - ours
        assert await reserved(database, 1000) == 6
        assert await reserved(database, 1000) == 0


@pytest.mark.parametrize("limits", [{"creates_per_second": 0}, {"creates_at_once": -1}, {"polls_per_second": -1.0}])
async def test_a_limit_is_above_zero(fleet: Fleet, limits: dict[str, float]) -> None:
    """A limit of 0 would stop all without a word; `pause` does that."""
    with pytest.raises(ValueError, match="must be greater than 0"):
        await fleet.set_limits(**limits)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("per_second", [1e-300, 1e300])
async def test_an_extreme_rate_is_no_error(fleet: Fleet, per_second: float) -> None:
    """The server's numbers and intervals have an end, which no rate reaches."""
    await fleet.set_limits(creates_per_second=per_second)
    async with Database(fleet._url) as database:
        assert await reserved(database, 1000) >= 1
        assert await reserved(database, 1000) >= 0


async def test_a_refused_statement_does_not_end_the_limits(
    fleet: Fleet, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A right that is missing and then granted: the create that waits gets its turn."""
    monkeypatch.setattr("cometrunway.fleet._limits._LONGEST_PAUSE", 0.05)
    schema = fleet._url.schema
    await fleet.set_limits(creates_per_second=100)
    async with Database(fleet._url) as database, FleetLimits(database, name="w", max_in_flight=1) as limits:
        await database.rows(f"ALTER TABLE {schema}.rate RENAME TO away")
        limits.refused("polls", 0.01)
        waiting = asyncio.ensure_future(limits.create())
        await asyncio.wait({waiting}, timeout=0.2)
        await database.rows(f"ALTER TABLE {schema}.away RENAME TO rate")
        async with asyncio.timeout(5):
            await waiting


async def test_places_are_kept_over_a_restart_of_the_database(fleet: Fleet) -> None:
    """A worker could not renew its lease while the database was away: its creates are under way nevertheless."""
    await fleet.set_limits(creates_at_once=1)
    schema = fleet._url.schema
    async with Database(fleet._url) as database:
        await database.rows(
            f"INSERT INTO {schema}.worker (name, lease, max_in_flight, places, seen_at) "  # noqa: S608 - ours
            "VALUES ('w', extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()) + 60, 1, 1, "
            "pg_postmaster_start_time() - interval '1 day')"
        )
        assert await reserved(database, 1) == 0


async def test_an_older_number_of_places_is_not_written_after_a_newer_one(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker renews its lease and reserves places at the same time: others know of all that it holds."""
    await fleet.set_limits(creates_at_once=2)
    async with Database(fleet._url) as database, FleetLimits(database, name="w", max_in_flight=1) as limits:
        rows, is_slow = database.rows, asyncio.Event()

        async def slow_rows(statement: str, parameters: Parameters = ()) -> list[Row]:
            if "AS mine" in statement and not is_slow.is_set():
                is_slow.set()
                await asyncio.sleep(0.2)
            return await rows(statement, parameters)

        monkeypatch.setattr(database, "rows", slow_rows)
        renewing = asyncio.ensure_future(limits._renew())
        await is_slow.wait()
        await limits.create()
        await renewing
        [(places,)] = await rows(f"SELECT places FROM {fleet._url.schema}.worker")  # noqa: S608 - ours
    assert places == 1


@pytest.mark.parametrize("has_own_app", [True, False])
async def test_the_end_of_a_worker_does_not_wait_for_the_database(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_own_app: bool
) -> None:
    """Its leases end by themselves, and what cannot be recorded of a create under way is told.

    Also in an application of the user, whose connections wait for the database for half a minute.
    """
    monkeypatch.setattr("cometrunway.fleet._database._GRACE", 0.1)
    monkeypatch.setattr("cometrunway._journal._postgres._store._LAST_TIMEOUT", 0.1)
    dsn = new_fleet(postgres, lease=3)
    async with Emulator(speed=1, faults=Faults(create={Fault.slow(1): 1.0})) as emulator, AsyncExitStack() as stack:
        fleet = await stack.enter_async_context(Fleet(dsn))
        await fleet.submit(yawn(), key="cat")
        app = None if has_own_app else App(connector=PsycopgConnector(conninfo=dsn.partition("?")[0], timeout=120))
        if app is not None:
            await app.open_async()
        worker = Fleet(dsn, app=app).working(api_key=emulator.api_key, base_url=emulator.base_url, output_dir=tmp_path)
        await worker.__aenter__()

        async def is_submitting() -> bool:
            return emulator.creates.received > 0

        await until(is_submitting)
        postgres.stop("immediate")
        try:
            async with asyncio.timeout(15):
                with pytest.raises(JournalUnavailableError, match="1 task is paid for and not recorded"):
                    await worker.__aexit__(None, None, None)
        finally:
            postgres.start()
            if app is not None:
                await app.close_async()


@pytest.mark.parametrize("at_once", [2.5, 2**31])
async def test_a_number_of_creates_at_once_is_whole(fleet: Fleet, at_once: float) -> None:
    """It is not rounded without a word, and the server can store it."""
    with pytest.raises(ValueError, match="creates_at_once must be a whole number"):
        await fleet.set_limits(creates_at_once=at_once)  # type: ignore[arg-type]  # wrong on purpose
