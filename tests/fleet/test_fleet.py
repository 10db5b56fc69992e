"""A fleet with workers: shots come back as files, in the order of their priority, and each end is told."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from procrastinate import App, PsycopgConnector

from cometrunway import EventKind, ImageToVideo, JournalError, PollPolicy, RetryPolicy, Session
from cometrunway.emulator import Emulator, Faults
from cometrunway.errors import CometRunwayError, JournalUnavailableError, TaskFailedError
from cometrunway.fleet import Fleet
from tests.fleet.workers import new_fleet
from tests.postgres import VARIABLE, Server

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")


def shot(text: str) -> ImageToVideo:
    """Return a request."""
    return ImageToVideo(prompt_image="https://example.com/cat.jpg", prompt_text=text)


@asynccontextmanager
async def working(dsn: str, emulator: Emulator, folder: Path, *, max_in_flight: int = 10) -> AsyncIterator[Session]:
    """Run a worker."""
    async with Fleet(dsn).working(
        api_key=emulator.api_key,
        base_url=emulator.base_url,
        output_dir=folder,
        max_in_flight=max_in_flight,
        poll=PollPolicy(first=0.1, floor=0.05),
    ) as session:
        yield session


async def test_shots_become_files(fleet: Fleet, dsn: str, emulator: Emulator, tmp_path: Path) -> None:
    """Two workers make thirty shots, each once; `result` returns the files, and `events` tells each state."""
    async with working(dsn, emulator, tmp_path), working(dsn, emulator, tmp_path):
        for number in range(30):
            await fleet.submit(shot(f"{number}"), key=f"{number}")
        files = [file for number in range(30) for file in await fleet.result(f"{number}")]
        last = [entry.state.value async for entry in fleet.events("7")][-1]
        again = await fleet.submit(shot("7"), key="7")
    assert all(file.path is not None and file.path.is_file() for file in files)
    assert (last, again, emulator.creates.accepted) == ("delivered", False, 30)
    status = await fleet.status()
    assert (status.queued, status.workers) == (0, ())


async def test_a_failed_task_is_raised_where_it_is_waited_for(
    fleet: Fleet, dsn: str, emulator: Emulator, tmp_path: Path
) -> None:
    """As awaiting a handle does."""
    await fleet.submit(shot("[fail INTERNAL]"), key="fails")
    async with working(dsn, emulator, tmp_path):
        with pytest.raises(TaskFailedError):
            await fleet.result("fails")


async def test_a_file_that_is_gone_is_not_asked_for_again_and_again(fleet: Fleet, dsn: str, tmp_path: Path) -> None:
    """The worker gives up, and tries again after a pause: the place is free for other shots meanwhile."""
    await fleet.submit(shot("a"), key="a")
    events: list[EventKind] = []
    async with Emulator(speed=100, faults=Faults.parse("asset:404=1")) as emulator:
        worker = Fleet(dsn).working(
            api_key=emulator.api_key,
            base_url=emulator.base_url,
            output_dir=tmp_path,
            poll=PollPolicy(first=0.1, floor=0.05),
            retry=RetryPolicy(asset_grace=0),
            on_event=lambda event: events.append(event.kind),
        )
        async with worker:
            waiting = asyncio.ensure_future(fleet.result("a"))
            done, _ = await asyncio.wait({waiting}, timeout=5)
            waiting.cancel()
    assert not done
    assert events.count(EventKind.FAILED) == 1


async def test_a_refused_shot_gives_its_budget_back(fleet: Fleet, dsn: str, tmp_path: Path) -> None:
    """Nothing was created: the tenant may queue another shot, also under the same key."""
    await fleet.set_tenant("acme", creates=1)
    await fleet.submit(shot("a"), key="a", tenant="acme")
    async with Emulator(speed=100, faults=Faults.parse("create:400=1")) as emulator:
        async with working(dsn, emulator, tmp_path):
            with pytest.raises(CometRunwayError, match="nothing was created"):
                await fleet.result("a")
    assert (await fleet.status()).tenants[0].used_creates == 0
    assert await fleet.submit(shot("a"), key="a", tenant="acme")


async def test_a_paused_tenant_waits(fleet: Fleet, dsn: str, emulator: Emulator, tmp_path: Path) -> None:
    """Its shots wait, queued before or after; those of others do not."""
    await fleet.set_tenant("acme")
    await fleet.submit(shot("a"), key="a", tenant="acme")
    await fleet.pause("acme")
    await fleet.submit(shot("b"), key="b", tenant="acme")
    await fleet.submit(shot("c"), key="c")
    async with working(dsn, emulator, tmp_path):
        await fleet.result("c")
        assert emulator.creates.accepted == 1
        await fleet.unpause("acme")
        await fleet.result("a")
        await fleet.result("b")
    assert emulator.creates.accepted == 3


async def test_a_higher_priority_goes_first(fleet: Fleet, dsn: str, emulator: Emulator, tmp_path: Path) -> None:
    """Of shots that wait, the worker submits them by priority, and then in their order."""
    for key, priority in (("low", -1), ("middle", 0), ("high", 5), ("next", 0)):
        await fleet.submit(shot(key), key=key, priority=priority)
    async with working(dsn, emulator, tmp_path, max_in_flight=1) as session:
        for key in ("high", "middle", "next", "low"):
            await fleet.result(key)
        order = [entry.key async for entry in session._lifetime.parts.journal.entries()]
    assert order == ["high", "middle", "next", "low"]


async def test_a_fleet_may_work_more_than_once(dsn: str, emulator: Emulator, tmp_path: Path) -> None:
    """One time after the other; at once it is an error."""
    options: dict[str, Any] = {
        "api_key": emulator.api_key,
        "base_url": emulator.base_url,
        "output_dir": tmp_path,
    }
    async with Fleet(dsn) as fleet:
        for key in ("a", "b"):
            await fleet.submit(shot(key), key=key)
            async with fleet.working(**options):
                async with asyncio.timeout(20):
                    assert await fleet.result(key)
                with pytest.raises(RuntimeError, match="works already"):
                    await fleet.working(**options).__aenter__()


async def test_fleets_of_one_database_have_their_own_shots(
    postgres: Server, emulator: Emulator, tmp_path: Path
) -> None:
    """Each in its schema, under the same key, with workers of another lease beside them."""
    dsns = [new_fleet(postgres, lease=lease) for lease in (1, 30)]
    async with AsyncExitStack() as stack, asyncio.timeout(30):
        fleets = [await stack.enter_async_context(Fleet(dsn)) for dsn in dsns]
        for number, dsn in enumerate(dsns):
            await fleets[number].submit(shot(f"{number}"), key="shot")
            await stack.enter_async_context(working(dsn, emulator, tmp_path / f"{number}"))
        files = [(await fleet.result("shot"))[0].path for fleet in fleets]
    assert files == [tmp_path / "0" / "shot.mp4", tmp_path / "1" / "shot.mp4"]
    assert emulator.creates.accepted == 2


@pytest.mark.parametrize("name", ["it's a cat", "%s %(key)s", "\\x00", "../cat", "\U0001f600" * 500, "\u0301" * 500])
async def test_a_key_may_be_any_text(fleet: Fleet, dsn: str, emulator: Emulator, tmp_path: Path, name: str) -> None:
    """Of at most 500 characters, and none that controls; it is told as it is."""
    await fleet.set_tenant(name)
    assert await fleet.submit(shot("a"), key=name, tenant=name)
    async with working(dsn, emulator, tmp_path), asyncio.timeout(20):
        [file] = await fleet.result(name)
    assert file.path is not None
    assert file.path.parent == tmp_path


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "k" * 10_000, ""])
async def test_what_can_be_no_key_is_refused_wherever_it_is_given(fleet: Fleet, name: str) -> None:
    """Before the database is asked, which cannot store it; also as the name of a tenant."""
    for attempt in (
        fleet.submit(shot("a"), key=name),
        fleet.submit(shot("a"), key="a", tenant=name),
        fleet.result(name),
        anext(fleet.events(name)),
        fleet.pause(name),
        fleet.unpause(name),
    ):
        with pytest.raises(ValueError, match="must be a text of 1 to 500 characters"):
            await attempt


def test_a_file_is_no_fleet() -> None:
    """A fleet shares a database; a journal in a file belongs to one process."""
    with pytest.raises(JournalError, match="needs a postgresql:// URL"):
        Fleet("shots.db")


async def test_a_database_without_the_tables_says_how_to_make_them(postgres: Server) -> None:
    """The error names the command."""
    with pytest.raises(JournalError, match="cometrunway fleet migrate"):
        async with Fleet(postgres.url(schema="nothing_here")):
            pass


@pytest.mark.parametrize("table", ["cometrunway_version", "worker"])
async def test_opening_does_not_wait_without_limit(
    dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, table: str
) -> None:
    """A transaction that has locked a table, or a database that does not answer, is told."""
    monkeypatch.setattr("cometrunway.fleet._database._LONGEST_OPENING", 0.5)
    fleet = Fleet(dsn)
    worker = Fleet(dsn).working(api_key="sk-none", output_dir=tmp_path)
    async with await psycopg.AsyncConnection.connect(fleet._url.conninfo) as other, asyncio.timeout(20):
        await other.execute(f"LOCK TABLE {fleet._url.schema}.{table}".encode())
        with pytest.raises(JournalUnavailableError, match=r"could not be opened within 0\.5 seconds"):
            await (fleet if table == "cometrunway_version" else worker).__aenter__()


async def test_an_application_that_is_not_open_is_told(dsn: str, tmp_path: Path) -> None:
    """Before the worker begins, with the form that opens both."""
    app = App(connector=PsycopgConnector(conninfo=dsn.partition("?")[0]))
    with pytest.raises(RuntimeError, match="application is not open: write"):
        await Fleet(dsn, app=app).working(api_key="sk-none", output_dir=tmp_path).__aenter__()


async def test_a_fleet_is_open_once(fleet: Fleet) -> None:
    """Else the connections of the first time would be left."""
    with pytest.raises(RuntimeError, match="is open already"):
        await fleet.__aenter__()
    assert not (await fleet.status()).workers


async def test_a_fleet_that_is_not_open_says_so() -> None:
    """The error shows the form."""
    with pytest.raises(RuntimeError, match="async with Fleet"):
        await Fleet("postgresql://me@localhost/shop").result("cat")


def test_a_wrong_limit_of_a_worker_is_told() -> None:
    """Before anything is opened."""
    with pytest.raises(ValueError, match="max_in_flight"):
        asyncio.run(Fleet("postgresql://me@localhost/shop").working(max_in_flight=0).__aenter__())
