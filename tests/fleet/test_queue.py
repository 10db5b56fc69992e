"""What is queued: once for each key, within budgets that are exact, in the user's own transaction."""

import asyncio
import math
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from cometrunway import ImageToVideo, Journal
from cometrunway.errors import BudgetError, KeyConflictError
from cometrunway.fleet import Fleet
from cometrunway.fleet._queue import from_json, to_json
from tests.postgres import VARIABLE
from tests.samples import PNG

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")


def shot(text: str = "it yawns") -> ImageToVideo:
    """Return a request."""
    return ImageToVideo(prompt_image="https://example.com/cat.jpg?signature=canary", prompt_text=text)


def libpq(dsn: str) -> str:
    """Return a URL without what only the SDK reads."""
    return dsn.partition("?")[0]


async def test_a_key_is_queued_once(fleet: Fleet) -> None:
    """The same request again changes nothing; another one is an error, and is not queued."""
    assert await fleet.submit(shot(), key="cat")
    assert not await fleet.submit(shot(), key="cat")
    with pytest.raises(KeyConflictError, match="'cat' belongs to another request"):
        await fleet.submit(shot("it runs"), key="cat")
    assert (await fleet.status()).queued == 1


async def test_nothing_is_queued_if_the_transaction_is_rolled_back(fleet: Fleet, dsn: str) -> None:
    """The shot, its job and its budget belong to the user's transaction, which an error of ours leaves usable."""
    await fleet.set_tenant("acme", creates=1)
    async with await psycopg.AsyncConnection.connect(libpq(dsn)) as connection:
        assert await fleet.submit(shot(), key="cat", tenant="acme", connection=connection)
        with pytest.raises(BudgetError):
            await fleet.submit(shot("it runs"), key="dog", tenant="acme", connection=connection)
        assert (await fleet.status()).queued == 0
        await connection.rollback()
    status = await fleet.status()
    assert (status.queued, status.tenants[0].used_creates) == (0, 0)
    async with await psycopg.AsyncConnection.connect(libpq(dsn)) as connection:
        assert await fleet.submit(shot(), key="cat", tenant="acme", connection=connection)
    status = await fleet.status()
    assert (status.queued, status.tenants[0].used_creates) == (1, 1)


def test_code_without_asyncio_queues_too(dsn: str) -> None:
    """With a connection of its own, or in the user's transaction."""
    fleet = Fleet(dsn)
    assert fleet.submit_blocking(shot(), key="cat")
    with psycopg.connect(libpq(dsn)) as connection:
        assert fleet.submit_blocking(shot(), key="dog", connection=connection)
        connection.rollback()
    assert not fleet.submit_blocking(shot(), key="cat")
    assert fleet.submit_blocking(shot(), key="dog")


async def test_a_limit_of_a_budget_is_removed_only_if_that_is_said(fleet: Fleet) -> None:
    """What is not given stays as it is, for more may be paid for without it."""
    limits: list[tuple[int | None, Decimal | None]] = []
    for change in ({"creates": 7, "money": 10}, {"creates": 8}, {"money": 11}, {}, {"money": math.inf}, {"creates": 9}):
        await fleet.set_tenant("acme", **change)
        [acme] = (await fleet.status()).tenants
        limits.append((acme.creates, acme.money))
    assert limits == [(7, 10), (8, 10), (8, 11), (8, 11), (8, None), (9, None)]


async def test_budgets_are_exact(fleet: Fleet, dsn: str) -> None:
    """Of many submissions at the same time, from several processes' connections, as many pass as the budget allows."""
    await fleet.set_tenant("acme", creates=7, money=10)
    async with Fleet(dsn, price=lambda _: 2) as other:
        results = await asyncio.gather(
            *(
                each.submit(shot(f"{name} {number}"), key=f"{name}-{number}", tenant="acme")
                for number in range(20)
                for name, each in (("a", fleet), ("b", other))
            ),
            return_exceptions=True,
        )
    assert results.count(True) == 5
    assert sum(isinstance(result, BudgetError) for result in results) == 35
    status = await fleet.status()
    assert (status.queued, status.tenants[0].used_creates, status.tenants[0].used_money) == (5, 5, Decimal(10))


@pytest.mark.parametrize("priority", [2**31, -(2**31) - 1, 1.5])
def test_a_priority_is_one_that_the_server_can_store(priority: int) -> None:
    """Else it is an error before anything is sent."""
    with pytest.raises(ValueError, match="priority must be a whole number from -2147483648 to 2147483647"):
        Fleet("postgresql://me@127.0.0.1:9/shop").submit_blocking(shot(), key="cat", priority=priority)


async def test_transactions_that_queue_the_same_shot_of_a_tenant_do_not_wait_in_a_circle(
    fleet: Fleet, dsn: str
) -> None:
    """One has queued another shot of the tenant before: each locks the tenant first, and the shot after it."""
    await fleet.set_tenant("acme", creates=2)
    async with await psycopg.AsyncConnection.connect(libpq(dsn)) as connection:
        assert await fleet.submit(shot(), key="cat", tenant="acme", connection=connection)
        other = asyncio.ensure_future(fleet.submit(shot(), key="dog", tenant="acme"))
        await asyncio.wait({other}, timeout=0.1)
        assert await fleet.submit(shot(), key="dog", tenant="acme", connection=connection)
    assert not await other
    assert (await fleet.status()).tenants[0].used_creates == 2


async def test_a_tenant_must_be_there(fleet: Fleet) -> None:
    """A misspelt name has no budget: it is an error, and nothing is queued."""
    with pytest.raises(ValueError, match="there is no tenant 'acmee'"):
        await fleet.submit(shot(), key="cat", tenant="acmee")
    with pytest.raises(ValueError, match="there is no tenant 'acmee'"):
        await fleet.pause("acmee")
    assert (await fleet.status()).queued == 0


async def test_a_budget_of_money_needs_prices(dsn: str) -> None:
    """Without a function that returns prices, such a budget would never be used up."""
    async with Fleet(dsn) as fleet:
        with pytest.raises(ValueError, match="price="):
            await fleet.set_tenant("acme", money=10)


async def test_a_budget_of_money_is_not_bypassed_without_prices(fleet: Fleet, dsn: str) -> None:
    """A program that knows no prices cannot queue a shot that would count as free."""
    await fleet.set_tenant("acme", money=10)
    async with Fleet(dsn) as other:
        with pytest.raises(ValueError, match="'acme' has a budget of money"):
            await other.submit(shot(), key="cat", tenant="acme")
    assert (await fleet.status()).queued == 0


async def test_a_connection_may_have_rows_of_any_form(fleet: Fleet, dsn: str) -> None:
    """Such as dictionaries."""
    await fleet.set_tenant("acme")
    async with await psycopg.AsyncConnection.connect(libpq(dsn), row_factory=dict_row) as connection:
        assert await fleet.submit(shot(), key="cat", tenant="acme", connection=connection)
        assert not await fleet.submit(shot(), key="cat", tenant="acme", connection=connection)
    with psycopg.connect(libpq(dsn), row_factory=dict_row) as connection:
        assert fleet.submit_blocking(shot(), key="dog", tenant="acme", connection=connection)


async def test_another_request_in_the_place_of_a_refused_one_is_queued_once(fleet: Fleet) -> None:
    """The refused request has no claim on the key any more."""
    database, schema = fleet._database, fleet._url.schema
    await fleet.submit(shot(), key="cat")
    [(fingerprint,)] = await database.rows(f"SELECT fingerprint FROM {schema}.queued")  # noqa: S608 - ours
    await database.rows(
        f"INSERT INTO {schema}.submission (number, key, route, fingerprint, request, state) "  # noqa: S608 - ours
        "VALUES (1, 'cat', 'image_to_video', %s, '{}', 'refused')",
        (fingerprint,),
    )
    await database.rows(*fleet._queue.refused("cat", "no such model"))
    assert await fleet.submit(shot("it runs"), key="cat")
    assert not await fleet.submit(shot("it runs"), key="cat")
    with pytest.raises(KeyConflictError):
        await fleet.submit(shot(), key="cat")


async def test_a_refused_shot_keeps_no_request_and_can_be_pruned(fleet: Fleet, dsn: str) -> None:
    """What waits, and what was queued after the date, stays."""
    database, schema = fleet._database, fleet._url.schema
    for key in ("old", "new", "waits"):
        await fleet.submit(shot(), key=key)
    for key in ("old", "new"):
        await database.rows(*fleet._queue.refused(key, "no such model"))
    await database.rows(f"UPDATE {schema}.queued SET queued_at = '2026-01-01' WHERE key <> 'new'")  # noqa: S608 - ours
    assert "canary" not in str(await database.rows(f"SELECT * FROM {schema}.queued WHERE refusal IS NOT NULL"))  # noqa: S608 - ours
    async with Journal(dsn) as journal:
        done = await journal.prune(delivered_before=datetime(2026, 2, 1, tzinfo=UTC))
    assert (done.pruned, done.refused) == (0, 1)
    assert await database.rows(f"SELECT key FROM {schema}.queued ORDER BY key") == [("new",), ("waits",)]  # noqa: S608 - ours
    assert await fleet.submit(shot(), key="old")


def test_a_request_is_queued_whole(tmp_path: Path) -> None:
    """Signatures of URLs and data URIs stay, a file is named by its path, and bytes are refused."""
    image = tmp_path / "cat.png"
    image.write_bytes(PNG)
    for source in ("https://example.com/cat.jpg?signature=canary", "data:image/png;base64,iVBORw0KGgo=", image):
        request = ImageToVideo(prompt_image=source, prompt_text="it yawns", seed=7)
        assert from_json(to_json(request)) == request
    with pytest.raises(ValueError, match="bytes cannot be queued"):
        to_json(ImageToVideo(prompt_image=PNG, prompt_text="it yawns"))
