"""The version of a schema: it is made and upgraded by the command alone, and another one is a clear error."""

import asyncio
from typing import Any

import pytest

from cometrunway import errors
from cometrunway._journal._place import place_of
from cometrunway._journal._postgres._schema import MIGRATIONS, VERSION
from cometrunway._journal._stores import migrate
from cometrunway.emulator import Emulator
from tests.journal.postgres.test_store import SECRET, change
from tests.postgres import Server
from tests.samples import yawn


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("DROP SCHEMA {schema} CASCADE", "no journal in its schema.*fleet migrate"),
        ("UPDATE {schema}.cometrunway_version SET number = 99", "newer cometrunway.*upgrade"),
        ("UPDATE {schema}.cometrunway_version SET number = -1", "earlier version.*fleet migrate"),
        ("DROP TABLE {schema}.secret", "lacks a table.*fleet migrate"),
    ],
)
async def test_another_schema_is_a_clear_error(session: Any, url: str, damage: str, message: str) -> None:
    """It is left as it is, and nothing is sent."""
    change(url, damage)
    async with Emulator() as emulator:
        with pytest.raises(errors.JournalError, match=message) as caught:
            async with session(emulator) as runway:
                await runway.submit(yawn())
        assert SECRET not in repr(caught.value) + str(caught.value)
    assert emulator.creates.received == 0


async def test_a_role_without_rights_is_told_which(session: Any, url: str, postgres: Server) -> None:
    """On opening, before anything is sent; with those it may do all that a run does."""
    schema = place_of(url).schema  # type: ignore[union-attr]  # it is no file
    change(
        url, f"CREATE ROLE worker_{schema} LOGIN PASSWORD '{SECRET}'; GRANT USAGE ON SCHEMA {schema} TO worker_{schema}"
    )
    limited = postgres.url(user=f"worker_{schema}", schema=schema)
    async with Emulator() as emulator:
        with pytest.raises(errors.JournalError, match=r"cometrunway_version|lacks SELECT on submission"):
            async with session(emulator, journal=limited) as runway:
                await runway.submit(yawn())
        assert emulator.creates.received == 0
        change(url, f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO worker_{schema}; "
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO worker_{schema}")  # fmt: skip
        async with session(emulator, journal=limited) as runway:
            assert await (await runway.submit(yawn()))


async def test_two_migrations_at_once_make_one_journal(postgres: Server) -> None:
    """Both end well; a second one changes nothing."""
    place = place_of(postgres.url(schema="twice"))
    versions = await asyncio.gather(*(asyncio.to_thread(migrate, place) for _ in range(2)))
    assert sorted(versions) == [(0, VERSION), (VERSION, VERSION)]


async def test_a_schema_of_version_1_is_upgraded_and_buys_nothing_again(
    session: Any, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the command it is refused as it is; with it, what was bought is found."""
    url = postgres.url(schema="first_version")
    async with Emulator() as emulator:
        with monkeypatch.context() as earlier:
            earlier.setattr("cometrunway._journal._postgres._migration.MIGRATIONS", MIGRATIONS[:1])
            earlier.setattr("cometrunway._journal._postgres._migration.VERSION", 1)
            assert migrate(place_of(url)) == (0, 1)
            async with session(emulator, journal=url) as runway:
                await (await runway.submit(yawn(), key="shot"))
        with pytest.raises(errors.JournalError, match=rf"earlier version \(1, this one is {VERSION}\).*fleet migrate"):
            async with session(emulator, journal=url):
                pass
        assert migrate(place_of(url)) == (1, VERSION)
        async with session(emulator, journal=url) as runway:
            assert await (await runway.submit(yawn(), key="shot"))
        assert emulator.creates.received == 1
