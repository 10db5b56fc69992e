"""The queue of jobs: one job for each shot, with its priority, in the transaction of whoever queues it."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
import pytest

from cometrunway._journal._place import PostgresUrl, place_of
from cometrunway._journal._stores import migrate
from cometrunway.errors import JournalError
from cometrunway.fleet import Fleet
from cometrunway.fleet import _engine as engine
from tests.fleet.workers import until
from tests.postgres import VARIABLE, Server

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")


async def test_each_shot_gets_a_job_with_its_priority(fleet: Fleet) -> None:
    """Of many at once, too, in their order; what the transaction does not commit is not queued."""
    app, database = engine.new_app(), fleet._database
    shots = [("urgent", 5), ("first", 0), ("second", 0), ("late", -1)]
    async with database.connection() as connection:
        async with connection.transaction(force_rollback=True):
            await engine.add_jobs(app, "q", shots, connection)
        assert await database.rows("SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'q'") == [(0,)]
        async with connection.transaction():
            await engine.add_jobs(app, "q", shots, connection)
    jobs = "SELECT args->>'key', priority FROM procrastinate_jobs WHERE queue_name = 'q' ORDER BY priority DESC, id"
    assert await database.rows(jobs) == shots
    waiting = await database.rows(engine.KEYS, {"queue": "q", "task": engine.TASK})
    assert {key for (key,) in waiting} == {key for key, _ in shots}


async def test_the_error_of_a_connection_is_its_own(fleet: Fleet) -> None:
    """And not the engine's, so that it is told as that of a journal, and a conflict is tried again."""
    app = engine.new_app()
    async with await psycopg.AsyncConnection.connect(fleet._url.conninfo) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await connection.execute("SELECT 1 / 0")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            await engine.add_jobs(app, "q", [("cat", 0)], connection)


async def test_two_migrations_at_once_make_one_queue(postgres: Server) -> None:
    """Both end well, and one of them has made the tables."""
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE twice")
    place = place_of(postgres.url(database="twice"))
    assert isinstance(place, PostgresUrl)
    made = await asyncio.gather(*(asyncio.to_thread(engine.make_tables, place) for _ in range(2)))
    assert sorted(made) == [False, True]


@pytest.fixture
async def app(fleet: Fleet) -> AsyncIterator[engine.App]:
    """An application on the connections of the fleet."""
    app = engine.new_app()
    async with app.open_async(fleet._database.pool):
        yield app


@asynccontextmanager
async def running(fleet: Fleet, app: engine.App, *, lease: float = 30) -> AsyncIterator[None]:
    """Run jobs of the fleet's queue meanwhile."""
    work = asyncio.ensure_future(engine.work(app, queue=fleet._url.schema, lease=lease, at_once=5))
    try:
        yield
    finally:
        work.cancel()
        await asyncio.wait({work})


async def add(fleet: Fleet, app: engine.App, key: str) -> None:
    """Add a job."""
    async with fleet._database.connection() as connection:
        await engine.add_jobs(app, fleet._url.schema, [(key, 0)], connection)


async def test_a_job_whose_end_could_not_be_recorded_is_run_again(
    fleet: Fleet, app: engine.App, caplog: pytest.LogCaptureFixture
) -> None:
    """Else it would count as running for as long as its worker lives, and its shot would wait."""
    database, times, is_ended = fleet._database, 0, asyncio.Event()

    async def submit(_key: str) -> None:
        nonlocal times
        times += 1
        if times == 2:
            is_ended.set()
            return
        await database.rows("ALTER FUNCTION procrastinate_finish_job_v1 RENAME TO gone")

    unrecorded = engine.register(app, submit)
    await add(fleet, app, "cat")
    try:
        async with running(fleet, app), asyncio.timeout(20):
            while not unrecorded:  # noqa: ASYNC110 - the engine has no event for it
                await asyncio.sleep(0.05)
            await database.rows("ALTER FUNCTION gone RENAME TO procrastinate_finish_job_v1")
            await engine.requeue(app, unrecorded, queue=fleet._url.schema, lease=30)
            await is_ended.wait()
    finally:
        with suppress(JournalError):
            await database.rows("ALTER FUNCTION gone RENAME TO procrastinate_finish_job_v1")
    assert "the end of the job of 'cat' is recorded later" in caplog.text
    assert not unrecorded


async def test_a_job_that_another_worker_has_taken_over_is_told_without_a_traceback(
    fleet: Fleet, app: engine.App, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a stall of this worker: the other one has ended the job, and there is nothing to do."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    is_run = asyncio.Event()

    async def submit(_key: str) -> None:
        await fleet._database.rows("DELETE FROM procrastinate_jobs WHERE queue_name = %s", (fleet._url.schema,))
        is_run.set()

    unrecorded = engine.register(app, submit)
    await add(fleet, app, "cat")
    async with running(fleet, app), asyncio.timeout(20):
        await is_run.wait()
    gc.collect()
    assert told == []
    assert "the job of 'cat' was taken over by another worker" in caplog.text
    assert not unrecorded


async def test_one_stalled_job_that_is_gone_does_not_keep_the_others(
    fleet: Fleet, app: engine.App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker was faster with it."""
    for key in ("a", "b"):
        await add(fleet, app, key)
    queue = fleet._url.schema
    await fleet._database.rows("UPDATE procrastinate_jobs SET status = 'doing' WHERE queue_name = %s", (queue,))
    stalled = list(await app.job_manager.get_stalled_jobs(queue=queue, seconds_since_heartbeat=30))
    assert len(stalled) == 2
    await fleet._database.rows("DELETE FROM procrastinate_jobs WHERE id = %s", (stalled[0].id,))

    async def known(**_: object) -> list[engine.Job]:
        return stalled

    monkeypatch.setattr(app.job_manager, "get_stalled_jobs", known)
    await engine.requeue(app, [], queue=fleet._url.schema, lease=30)
    statement = "SELECT status::text FROM procrastinate_jobs WHERE queue_name = %s"
    assert await fleet._database.rows(statement, (queue,)) == [("todo",)]


async def test_a_worker_of_another_program_with_a_longer_lease_is_left_alone(fleet: Fleet, app: engine.App) -> None:
    """Its sign of life is older than this fleet's lease, and not than the engine's own: its jobs are not run twice."""
    database = fleet._database
    [(other,)] = await database.rows(
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '12 seconds') RETURNING id"
    )
    engine.register(app, no_work)
    async with running(fleet, app, lease=1), asyncio.timeout(20):

        async def is_registered() -> bool:
            return await database.rows("SELECT FROM procrastinate_workers WHERE id > %s", (other,)) != []

        await until(is_registered)
        assert await database.rows("SELECT id FROM procrastinate_workers WHERE id = %s", (other,)) == [(other,)]


async def no_work(_key: str) -> None:
    """Do nothing."""


def test_tables_of_another_version_of_the_engine_are_refused(postgres: Server) -> None:
    """By the command that makes them, and by whoever opens a fleet; the error names what is missing, and the cure."""
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE older")
    url = postgres.url(database="older")
    place = place_of(url)
    assert isinstance(place, PostgresUrl)
    migrate(place)
    assert engine.make_tables(place)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER FUNCTION procrastinate_fetch_job_v2 RENAME TO procrastinate_fetch_job_v0")

    async def opened() -> None:
        async with Fleet(url):
            pass

    for attempt in (lambda: engine.make_tables(place), lambda: asyncio.run(opened())):
        with pytest.raises(JournalError, match=r"has no procrastinate_fetch_job_v2\. Apply the migrations"):
            attempt()
