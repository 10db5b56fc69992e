"""What a fleet does at the moment, as it is told."""

import os
from decimal import Decimal

import pytest

from cometrunway import State
from cometrunway.fleet import Fleet
from tests.fleet.test_fleet import shot
from tests.postgres import VARIABLE

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")


async def test_each_shot_is_counted_where_it_is(fleet: Fleet) -> None:
    """Queued, parked with its tenant, or submitted; what a dead worker was submitting is in doubt, and told as that."""
    await fleet.set_tenant("acme", creates=5, money=100)
    await fleet.submit(shot("a"), key="a")
    await fleet.pause("acme")
    await fleet.submit(shot("b"), key="b", tenant="acme")
    schema = fleet._url.schema
    await fleet._database.rows(
        f"INSERT INTO {schema}.submission (number, key, route, fingerprint, request, state, owner) VALUES "  # noqa: S608 - ours
        "(1, 'c', 'r', 'f', '{}', 'accepted', 9), (2, 'd', 'r', 'f', '{}', 'submitting', 9), "
        "(3, 'e', 'r', 'f', '{}', 'delivered', 9)"
    )
    status = await fleet.status()
    assert (status.queued, status.paused) == (1, 1)
    assert status.counts == {State.ACCEPTED: 1, State.IN_DOUBT: 1}
    [acme] = status.tenants
    assert (acme.name, acme.is_paused, acme.creates, acme.used_creates) == ("acme", True, 5, 1)
    assert (acme.money, acme.used_money) == (Decimal(100), Decimal(2))


async def test_only_workers_that_live_are_told(fleet: Fleet) -> None:
    """One whose lease has ended is gone, whatever it had in flight."""
    await fleet._database.rows(
        f"INSERT INTO {fleet._url.schema}.worker (name, lease, in_flight, max_in_flight) VALUES "  # noqa: S608 - ours
        "('one', 60, 3, 10), ('dead', -60, 7, 10)"
    )
    [worker] = (await fleet.status()).workers
    assert (worker.name, worker.in_flight, worker.max_in_flight) == ("one", 3, 10)


async def test_the_limits_are_those_that_were_set(fleet: Fleet) -> None:
    """Without any, there are none."""
    before = await fleet.status()
    assert (before.creates.per_second, before.creates.at_once, before.polls.is_paused) == (None, None, False)
    await fleet.set_limits(creates_per_second=2, creates_at_once=3)
    after = (await fleet.status()).creates
    assert (after.per_second, after.at_once) == (2, 3)
