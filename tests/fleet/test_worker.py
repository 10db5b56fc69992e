"""A worker alone: what it does with a shot that cannot be submitted, and with a tenant that is locked or paused."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from random import Random

import psycopg
import pytest
from attrs import define, field

from cometrunway import Asset, JournalError
from cometrunway._handle import TaskHandle, TaskReference, handle_of
from cometrunway._requests._routes import Request
from cometrunway._submission._existing import failed
from cometrunway.errors import BudgetError, CometRunwayError, DownloadError, InvalidRequestError
from cometrunway.fleet import Fleet, _engine
from cometrunway.fleet._database import Database
from cometrunway.fleet._limits import FleetLimits
from cometrunway.fleet._worker import Worker
from tests.fleet.test_queue import libpq, shot
from tests.fleet.workers import until
from tests.postgres import VARIABLE

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")
REFUSAL = InvalidRequestError("no such model", status=400, body=b"")


@define
class Refusing:
    """A session that submits nothing."""

    error: Exception = REFUSAL
    submitted: list[str | None] = field(factory=list)

    async def submit(self, request: Request, *, key: str | None = None, priority: int = 0) -> TaskHandle:
        """Raise the error."""
        self.submitted.append(key)
        raise self.error

    async def take_over(self, most: int) -> list[TaskHandle]:
        """Take nothing over."""
        return []


@define
class Accepting(Refusing):
    """A session that submits, while another worker does something."""

    meanwhile: Callable[[], Awaitable[None]] = field(kw_only=True)

    async def submit(self, request: Request, *, key: str | None = None, priority: int = 0) -> TaskHandle:
        """Return the handle of a task that has ended."""
        await self.meanwhile()
        ended = failed(TaskReference(id="t1", route=request.route, key=key), REFUSAL, request)
        return handle_of(ended)


@pytest.fixture
async def database(fleet: Fleet) -> AsyncIterator[Database]:
    """The connections of a worker."""
    async with Database(fleet._url) as opened:
        yield opened


def worker_of(database: Database, session: Refusing) -> Worker:
    """Return a worker that takes jobs from the test only."""
    return Worker(
        app=_engine.new_app(),
        unrecorded=[],
        database=database,
        session=session,
        limits=FleetLimits(database, name="w", max_in_flight=10),
        max_in_flight=10,
        rng=Random(1),
    )


@pytest.mark.parametrize(
    "error",
    [
        JournalError("this role may not do what is needed"),
        BudgetError("submitting was stopped"),
        DownloadError("the storage does not say", asset=Asset(url="https://example.com/a"), retryable=False),
    ],
)
async def test_what_is_not_the_shots_fault_refuses_none(fleet: Fleet, database: Database, error: Exception) -> None:
    """The create may have been accepted, or could be later: the shot stays queued, and counted."""
    await fleet.set_tenant("acme", creates=1)
    await fleet.submit(shot(), key="a", tenant="acme")
    with pytest.raises(_engine.PutBackError):
        await worker_of(database, Refusing(error)).submit("a")
    status = await fleet.status()
    assert (status.queued, status.tenants[0].used_creates) == (1, 1)


async def test_a_create_that_is_accepted_after_a_refusal_counts(fleet: Fleet, database: Database) -> None:
    """Two workers had the shot, as after a stall of one: its create was refused, and that of the other was not."""
    await fleet.set_tenant("acme", creates=1, money=2)
    await fleet.submit(shot(), key="a", tenant="acme")
    await worker_of(database, Accepting(meanwhile=lambda: worker_of(database, Refusing()).submit("a"))).submit("a")
    [acme] = (await fleet.status()).tenants
    assert (acme.used_creates, acme.used_money) == (1, Decimal(2))
    with pytest.raises(BudgetError):
        await fleet.submit(shot(), key="b", tenant="acme")


async def test_a_refusal_of_any_text_is_told(fleet: Fleet, database: Database) -> None:
    """Also one with characters that the server cannot store."""
    await fleet.submit(shot(), key="a")
    await worker_of(database, Refusing(InvalidRequestError("no\x00\ud800", status=400, body=b""))).submit("a")
    with pytest.raises(CometRunwayError, match="nothing was created"):
        await fleet.result("a")


async def test_a_shot_that_is_parked_while_its_tenant_goes_on_is_made(fleet: Fleet, dsn: str) -> None:
    """Whichever comes first, the shot has a job afterwards."""
    await fleet.set_tenant("acme")
    await fleet.submit(shot(), key="a", tenant="acme")
    await fleet.pause("acme")
    async with await psycopg.AsyncConnection.connect(libpq(dsn)) as connection:
        park = fleet._queue.park("a")
        await connection.execute(park.sql.encode(), park.parameters)
        unpausing = asyncio.ensure_future(fleet.unpause("acme"))
        await asyncio.wait({unpausing}, timeout=0.2)
    await unpausing
    status = await fleet.status()
    assert (status.queued, status.paused) == (1, 0)


@pytest.mark.parametrize("is_paused", [False, True])
async def test_a_long_transaction_of_a_user_does_not_stop_a_worker(
    fleet: Fleet, dsn: str, database: Database, *, is_paused: bool
) -> None:
    """It locks its tenant; refusing or parking shots of this tenant waits for it, and all else goes on."""
    await fleet.set_tenant("acme", creates=10)
    keys = [f"{number}" for number in range(5)]
    for key in keys:
        await fleet.submit(shot(), key=key, tenant="acme")
    if is_paused:
        await fleet.pause("acme")
    worker = worker_of(database, Refusing())
    async with await psycopg.AsyncConnection.connect(libpq(dsn)) as connection:
        await fleet.submit(shot(), key="mine", tenant="acme", connection=connection)
        refusing = asyncio.gather(*(worker.submit(key) for key in keys))
        await asyncio.wait({refusing}, timeout=0.3)
        async with asyncio.timeout(2):
            assert await database.row("SELECT 1")
        assert not refusing.done()
    await refusing
    status = await fleet.status()
    assert status.tenants[0].used_creates == (6 if is_paused else 1)
    assert status.paused == (6 if is_paused else 0)


async def test_a_transaction_that_queues_a_queued_shot_again_does_not_stop_a_worker(
    fleet: Fleet, dsn: str, database: Database
) -> None:
    """It locks nothing that a worker changes."""
    await fleet.submit(shot(), key="a")
    async with await psycopg.AsyncConnection.connect(libpq(dsn)) as connection:
        assert not await fleet.submit(shot(), key="a", connection=connection)
        async with asyncio.timeout(2):
            await database.rows(*fleet._queue.submitted("a"))


@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM procrastinate_jobs WHERE args->>'key' IN ('a', 'b')",
        "UPDATE procrastinate_jobs SET status = 'failed' WHERE args->>'key' IN ('a', 'b')",
        "UPDATE procrastinate_jobs SET task_name = 'of another program' WHERE args->>'key' IN ('a', 'b')",
    ],
)
async def test_a_shot_whose_job_is_lost_gets_another_one(
    fleet: Fleet, database: Database, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    """An operator has deleted it, or a worker of another program has failed it; no other shot gets a second job."""
    monkeypatch.setattr("cometrunway.fleet._worker._BETWEEN_CHECKS", 0.05)
    monkeypatch.setattr("cometrunway.fleet._worker._JOBS_AT_ONCE", 1)
    await fleet.set_tenant("acme")
    await fleet.pause("acme")
    for key, tenant in (("a", None), ("b", None), ("c", None), ("parked", "acme"), ("refused", None)):
        await fleet.submit(shot(), key=key, tenant=tenant)
    worker = worker_of(database, Refusing())
    await worker.submit("refused")
    await database.rows(f"{loss} AND queue_name = %s", (fleet._url.schema,))
    checking = asyncio.ensure_future(worker.add_lost_jobs())

    async def keys_with_a_job() -> list[str]:
        keys = {"queue": fleet._url.schema, "task": _engine.TASK}
        return sorted(key for (key,) in await database.rows(_engine.KEYS, keys))

    async def has_jobs() -> bool:
        return len(await keys_with_a_job()) == 4

    await until(has_jobs)
    await asyncio.wait({checking}, timeout=0.1)
    checking.cancel()
    assert await keys_with_a_job() == ["a", "b", "c", "refused"]


async def test_a_full_disk_of_the_database_is_waited_for(fleet: Fleet, database: Database) -> None:
    """As a database that is away: the worker records what it has done once there is space."""
    await fleet.submit(shot(), key="a")
    schema = fleet._url.schema
    await database.rows(
        f"CREATE FUNCTION {schema}.full() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END$$"
    )
    await database.rows(f"CREATE TRIGGER is_full BEFORE DELETE ON {schema}.queued EXECUTE FUNCTION {schema}.full()")
    recording = asyncio.ensure_future(database.rows(*fleet._queue.submitted("a")))
    await asyncio.wait({recording}, timeout=0.1)
    await database.rows(f"DROP TRIGGER is_full ON {schema}.queued")
    await recording
    assert await database.rows(f"SELECT key FROM {schema}.queued") == []  # noqa: S608 - ours
