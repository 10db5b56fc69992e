"""What a fleet lacks in its database, such as rights, is told when it is opened, before anything is queued or sent."""

import os

import psycopg
import pytest

from cometrunway import JournalError
from cometrunway._journal._postgres._schema import VERSION
from cometrunway.fleet import Fleet
from tests.postgres import VARIABLE, Server
from tests.samples import yawn

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")


async def test_missing_rights_are_named(postgres: Server, dsn: str) -> None:
    """First those of a role that only queues, then those of a worker; with them, both can be opened."""
    schema = dsn.partition("schema=")[2].partition("&")[0]
    role = f"limited_{schema}"
    limited = postgres.url(user=role, schema=schema)

    def grant(statement: str) -> None:
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    grant(f"CREATE ROLE {role} LOGIN PASSWORD 'canary-password'; GRANT USAGE ON SCHEMA {schema} TO {role}")
    with pytest.raises(JournalError, match=rf"lacks SELECT on {schema}.queued.*SELECT on procrastinate_jobs.*: GRANT"):
        async with Fleet(limited):
            pass
    grant(
        f"GRANT SELECT, INSERT, UPDATE ON {schema}.queued, {schema}.tenant, {schema}.submission TO {role}; "
        f"GRANT SELECT ON {schema}.cometrunway_version TO {role}; "
        f"GRANT SELECT ON {schema}.rate, {schema}.worker, {schema}.folder, {schema}.session TO {role}; "
        f"GRANT SELECT, INSERT ON procrastinate_jobs, procrastinate_events TO {role}"
    )
    async with Fleet(limited) as fleet:
        with pytest.raises(JournalError, match=r"denied for sequence procrastinate_jobs_id_seq.*grant it that"):
            await fleet.submit(yawn(), key="cat")
        grant(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}")
        assert await fleet.submit(yawn(), key="cat")
        assert (await fleet.status()).queued == 1
    with pytest.raises(JournalError, match=rf"lacks DELETE on {schema}.queued, UPDATE on {schema}.rate"):
        async with Fleet(limited).working(api_key="sk-none", output_dir=None):
            pass


@pytest.mark.parametrize(
    ("version", "message"),
    [(VERSION + 1, "newer cometrunway.*upgrade"), (VERSION - 1, "earlier version.*fleet migrate")],
)
async def test_tables_of_another_version_are_refused(dsn: str, version: int, message: str) -> None:
    """As by a journal."""
    async with Fleet(dsn) as fleet:
        await fleet._database.rows(f"UPDATE {fleet._url.schema}.cometrunway_version SET number = %s", (version,))  # noqa: S608 - ours
    with pytest.raises(JournalError, match=message):
        async with Fleet(dsn):
            pass
