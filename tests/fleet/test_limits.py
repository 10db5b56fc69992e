"""The limits of creates and polls hold over all workers: turns are reserved in one place, by the server's clock."""

import asyncio
import os
from contextlib import AsyncExitStack

import pytest

from cometrunway.fleet import Fleet
from cometrunway.fleet._database import Database
from cometrunway.fleet._limits import FleetLimits
from tests.postgres import VARIABLE

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
    """No worker gets a turn within the time that the gateway asks for."""
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


@pytest.mark.parametrize("limits", [{"creates_per_second": 0}, {"creates_at_once": -1}, {"polls_per_second": -1.0}])
async def test_a_limit_is_above_zero(fleet: Fleet, limits: dict[str, float]) -> None:
    """A limit of 0 would stop all without a word; `pause` does that."""
    with pytest.raises(ValueError, match="must be greater than 0"):
        await fleet.set_limits(**limits)  # type: ignore[arg-type]  # wrong on purpose
