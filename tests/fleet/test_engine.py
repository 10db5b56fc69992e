"""The queue of jobs: one job for each shot, with its priority, in the transaction of whoever queues it."""

import asyncio
import os

import psycopg
import pytest

from cometrunway._journal._place import PostgresUrl, place_of
from cometrunway.fleet import Fleet
from cometrunway.fleet import _engine as engine
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
