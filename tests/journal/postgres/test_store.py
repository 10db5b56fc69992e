"""A journal that several sessions share, on a real server: who submits, who waits, and what a server can do to them."""

import asyncio
import os
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cometrunway import Entry, Journal, JournalReader, OutcomeUnknownError, Session, State, TaskStatus, errors
from cometrunway._journal._place import place_of
from cometrunway._submission._submitter import Submitter
from cometrunway._tasks import Task
from cometrunway.emulator import Emulator, Fault
from tests.postgres import VARIABLE, Server
from tests.samples import yawn

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")
SECRET = "canary-password"


def entry(key: str = "shot") -> Entry:
    """Return what is recorded of a new submission."""
    return Entry(
        key=key, route="image_to_video", fingerprint="f", request={"prompt_text": "f"}, submitted_at=time.time()
    )


def change(url: str, statement: str) -> None:
    """Change something behind the back of all sessions, with `{schema}` in its place."""
    place: Any = place_of(url)
    with closing(psycopg.connect(place.conninfo, autocommit=True)) as connection:
        connection.execute(statement.format(schema=place.schema).encode())


async def test_what_another_session_submits_is_waited_for(url: str) -> None:
    """It is not in doubt while that one lives: who meets the key gets what comes of it."""
    async with Journal(url) as one, Journal(url) as other:
        await one.begin(entry())
        waiting = asyncio.create_task(other.begin(entry()))
        found = asyncio.create_task(other.find("shot"))
        await asyncio.sleep(1.5)  # longer than a lease, which is renewed meanwhile
        assert not waiting.done()
        assert not [each async for each in other.entries()]
        await one.accept("shot", task_id="t1", created_at=1.0)
        for standing in (await waiting, await found):
            assert standing is not None
            assert (standing.state, standing.task_id, standing.is_held) == (State.ACCEPTED, "t1", True)


async def test_one_session_waits_for_a_task(url: str) -> None:
    """Another one takes it up once the first has ended, or has left it."""
    async with Journal(url) as other:
        async with Journal(url) as one:
            for key in ("a", "b"):
                await one.begin(entry(key))
                await one.accept(key, task_id=key, created_at=1.0)
            held = await other.take("a")
            assert held is not None
            assert held.is_held
            assert not [each async for each in other.entries([State.ACCEPTED])]
            await one.leave("a")
            assert await other.take("a") is None
            assert await one.take("a") is not None
            assert await other.take("b") is not None
        assert await other.take("b") is None


async def test_two_sessions_buy_once_and_both_have_the_file(session: Any) -> None:
    """One polls the task and downloads it; the other one follows it in the journal, and never asks the API."""
    async with Emulator(duration=1) as emulator:
        async with session(emulator) as one, session(emulator) as other:
            first = await one.submit(yawn(), key="shot")
            second = await other.submit(yawn(), key="shot")
            [a] = await first
            polls = len(emulator.requests_of("poll"))
            [b] = await second
    assert a.path == b.path
    assert emulator.creates.received == 1
    assert len(emulator.requests_of("asset")) == 1
    assert len(emulator.requests_of("poll")) == polls


async def test_who_keeps_no_files_has_urls_that_can_be_read(session: Any) -> None:
    """The journal has none of their signatures: each session asks the API for its own."""
    async with Emulator(duration=0.5) as emulator:
        async with session(emulator, output_dir=None) as one, session(emulator, output_dir=None) as other:
            handles = [await each.submit(yawn(), key="shot") for each in (one, other)]
            for [asset] in await asyncio.gather(*handles):
                assert "?" in asset.url
    assert emulator.creates.received == 1


async def test_resume_leaves_alone_what_another_session_waits_for(session: Any) -> None:
    """It takes up what none that lives has."""
    async with Emulator(duration=60) as emulator:
        async with session(emulator, close_wait=0) as one:
            await one.submit(yawn(), key="shot")
            async with session(emulator, close_wait=0) as other:
                assert await other.resume() == ()
        async with session(emulator, close_wait=0) as other:
            assert [handle.key for handle in await other.resume()] == ["shot"]


async def test_a_server_that_restarts_is_waited_for(url: str, postgres: Server) -> None:
    """What is begun and what is known meanwhile is recorded once it is back, in one try."""
    async with Journal(url) as journal:
        await journal.begin(entry("a"))
        await asyncio.to_thread(postgres.stop, "immediate")
        changes = asyncio.gather(journal.accept("a", task_id="t1", created_at=1.0), journal.begin(entry("b")))
        await asyncio.sleep(0.5)
        assert not changes.done()
        await asyncio.to_thread(postgres.start)
        accepted, begun = await changes
        assert (accepted, begun) == (None, None)
    with JournalReader(url) as reader:
        assert [each.task_id for each in reader.entries()] == ["t1", None]


async def test_a_server_that_stays_away_stops_creates_and_keeps_ids(session: Any, url: str, postgres: Server) -> None:
    """No create is sent while nothing can be recorded; an id that is known is recorded once the server is back."""
    async with Emulator() as emulator, session(emulator, journal_timeout=0.5) as runway:
        emulator.script("create", Fault.slow(1))
        submission = asyncio.create_task(runway.submit(yawn(0), key="a"))
        while not emulator.creates.received:  # noqa: ASYNC110 - the emulator has no event for it
            await asyncio.sleep(0.01)
        await asyncio.to_thread(postgres.stop)
        with pytest.raises(errors.JournalUnavailableError, match="No create is sent"):
            await runway.submit(yawn(1), key="b")
        with pytest.raises(errors.JournalUnavailableError) as caught:
            await submission
        assert caught.value.token
        await asyncio.to_thread(postgres.start)
        assert await (await runway.submit(yawn(1), key="b"))
    assert emulator.creates.received == 2
    with JournalReader(url) as reader:
        assert {each.key: bool(each.task_id) for each in reader.entries()} == {"a": True, "b": True}


async def test_a_full_disk_of_the_server_stops_the_create(session: Any, url: str) -> None:
    """It is waited for as long as a server that is away; then the error says so, and nothing is sent."""
    change(url, "CREATE FUNCTION {schema}.full() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END$$")  # fmt: skip
    change(url, "CREATE TRIGGER is_full BEFORE INSERT ON {schema}.submission EXECUTE FUNCTION {schema}.full()")
    async with Emulator() as emulator, session(emulator, journal_timeout=0.3) as runway:
        with pytest.raises(errors.JournalUnavailableError, match="No space left"):
            await runway.submit(yawn(), key="shot")
        change(url, "DROP TRIGGER is_full ON {schema}.submission")
        assert await (await runway.submit(yawn(), key="shot"))
    assert emulator.creates.received == 1


async def test_a_doubt_of_one_session_is_told_by_another(session: Any) -> None:
    """And ended there with the id of its task."""
    async with Emulator(not_exist_seconds=0) as emulator:
        emulator.script("create", Fault.drop_after())
        async with session(emulator) as one:
            with pytest.raises(OutcomeUnknownError):
                await one.submit(yawn(), key="shot")
            async with session(emulator) as other:
                assert [each.key for each in await other.in_doubt()] == ["shot"]
                assert await (await other.resolve("shot", task_id=next(iter(emulator.tasks))))
    assert emulator.creates.received == 1


async def test_the_files_of_one_machine_are_not_those_of_another(session: Any, tmp_path: Path) -> None:
    """A session with another folder downloads what is delivered into its own, without a create."""
    async with Emulator() as emulator:
        for folder in ("one", "other"):
            async with session(emulator, output_dir=tmp_path / folder) as runway:
                [asset] = await (await runway.submit(yawn(), key="shot"))
                assert asset.path.parent == tmp_path / folder
    assert emulator.creates.received == 1


async def test_what_ended_under_a_key_is_the_same_for_all(url: str) -> None:
    """The end that one session records is what every other one finds."""
    async with Journal(url) as one, Journal(url) as other:
        await one.begin(entry())
        await one.accept("shot", task_id="t1", created_at=1.0)
        await one.end("shot", Task(id="t1", status=TaskStatus.CANCELLED))
        found = await other.find("shot")
    assert found is not None
    assert (found.state, found.is_held) == (State.CANCELLED, False)


async def left_three(runway: Session) -> None:
    """Submit the shots 0, 1 and 2, and leave their tasks."""
    async with runway:
        for number in range(3):
            await runway.submit(yawn(number), key=f"{number}")
        await runway.close(wait=0)


async def test_a_task_that_cannot_be_continued_is_left_to_others(
    session: Any, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One task whose files cannot be looked for does not keep the others, nor itself, from being continued."""
    url = postgres.journal()
    async with Emulator() as emulator:
        await left_three(session(emulator, journal=url))
        find = Submitter.find

        async def failing(submitter: Submitter, key: str) -> Any:
            if key == "1":
                raise errors.TransportError("the bucket does not answer")
            return await find(submitter, key)

        async with session(emulator, journal=url) as runway:
            monkeypatch.setattr(Submitter, "find", failing)
            assert {handle.key for handle in await runway.take_over()} == {"0", "2"}
            monkeypatch.setattr(Submitter, "find", find)
            assert {handle.key for handle in await runway.take_over()} == {"1"}
        assert emulator.creates.received == 3


@pytest.mark.parametrize("damage", ["task_id = E'a\\nb'", "assets = 'broken'"])
async def test_a_row_that_cannot_be_continued_does_not_keep_the_others(
    session: Any, postgres: Server, damage: str
) -> None:
    """Each other task is taken over, by this session and at this call."""
    url = postgres.journal()
    async with Emulator() as emulator:
        await left_three(session(emulator, journal=url))
        change(url, f"UPDATE {{schema}}.submission SET {damage} WHERE key = '1'")  # noqa: S608 - ours
        async with session(emulator, journal=url) as runway:
            assert {handle.key for handle in await runway.take_over()} == {"0", "2"}


async def test_a_task_is_left_as_soon_as_that_can_be_recorded(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is away when a session ends its wait: else no process would poll the task while the session lives."""
    async with Journal(url, lock_timeout=0) as one, Journal(url) as other:
        await one.begin(entry())
        await one.accept("shot", task_id="t1", created_at=1.0)
        with monkeypatch.context() as patch:
            patch.setattr(one._store, "_connected", _away)
            with pytest.raises(errors.JournalUnavailableError):
                await one.leave("t1")
        async with asyncio.timeout(10):
            while await other.take("t1") is not None:  # noqa: ASYNC110 - the journal has no event for it
                await asyncio.sleep(0.05)


def _away() -> None:
    raise psycopg.OperationalError("the server is away")


async def test_what_was_taken_over_while_the_server_goes_away_is_polled(session: Any, postgres: Server) -> None:
    """By this session or, where it cannot read a task, by the next one that looks."""
    url = postgres.journal()
    async with Emulator(speed=100) as emulator:
        await left_three(session(emulator, journal=url))
        async with session(emulator, journal=url, journal_timeout=0) as runway:
            store, handles = runway._lifetime.parts.journal._store, []
            take_over, connected = store.take_over, store._connected

            def taken_and_gone(connection: Any, most: int) -> Any:
                store._connected = _away
                return take_over(connection, most)

            store.take_over = taken_and_gone
            with suppress(errors.JournalUnavailableError):
                handles += await runway.take_over()
            store.take_over, store._connected = take_over, connected
            async with asyncio.timeout(20):
                while len(handles) < 3:
                    handles += await runway.take_over()
                assert all(await asyncio.gather(*handles))


async def test_what_a_cancelled_call_has_taken_over_is_polled(session: Any, postgres: Server) -> None:
    """Such as a call with a time limit: no other process would poll these tasks while the session lives."""
    url = postgres.journal()
    async with Emulator(speed=100) as emulator:
        await left_three(session(emulator, journal=url))
        async with session(emulator, journal=url) as runway:
            store, loop = runway._lifetime.parts.journal._store, asyncio.get_running_loop()
            take_over, calls = store.take_over, list[asyncio.Task[Any]]()

            def taken_and_cancelled(connection: Any, most: int) -> Any:
                loop.call_soon_threadsafe(calls[0].cancel)
                return take_over(connection, most)

            store.take_over = taken_and_cancelled
            calls.append(asyncio.create_task(runway.take_over()))
            await asyncio.wait(calls)
            assert calls[0].cancelled()
    with JournalReader(url) as journal:
        assert {entry.state for entry in journal.entries()} == {State.DELIVERED}


@pytest.mark.parametrize("is_renewed", [False, True])
async def test_a_create_that_another_session_has_repeated_is_not_sent(
    session: Any, postgres: Server, *, is_renewed: bool
) -> None:
    """A process was stopped for longer than its lease, before its create left: its doubt was told, and repeated.

    Whether the lease was renewed before the create goes on, or not yet.
    """
    url = postgres.journal(lease=1)
    async with Emulator() as emulator:
        emulator.script("create", Fault.rate_limited(3))
        async with session(emulator, journal=url) as one, session(emulator, journal=url) as other:
            submission = asyncio.create_task(one.submit(yawn(), key="shot"))
            while not emulator.creates.received:  # noqa: ASYNC110 - the emulator has no event for it
                await asyncio.sleep(0.01)
            store = one._lifetime.parts.journal._store
            store._opened.renewal.end()
            while not await other.in_doubt():  # noqa: ASYNC110 - until the lease has ended
                await asyncio.sleep(0.1)
            await other.resubmit("shot")
            if is_renewed:
                store.renew()
            with pytest.raises(errors.JournalError, match="has ended or repeated the submission 'shot'"):
                await submission
            assert await (await one.submit(yawn(), key="shot"))
        assert emulator.creates.accepted == 1


async def test_a_create_whose_session_was_only_told_to_be_gone_is_sent(session: Any, postgres: Server) -> None:
    """A process was stopped for longer than its lease, and nobody has done anything about its doubt: it goes on."""
    url = postgres.journal(lease=1)
    async with Emulator() as emulator:
        emulator.script("create", Fault.rate_limited(2))
        async with session(emulator, journal=url) as one, Journal(url) as other:
            submission = asyncio.create_task(one.submit(yawn(), key="shot"))
            while not emulator.creates.received:  # noqa: ASYNC110 - the emulator has no event for it
                await asyncio.sleep(0.01)
            one._lifetime.parts.journal._store._opened.renewal.end()
            while not [each async for each in other.entries()]:  # noqa: ASYNC110 - until the lease has ended
                await asyncio.sleep(0.1)
            assert await (await submission)
        assert emulator.creates.accepted == 1


async def test_what_a_callback_ends_while_the_lease_is_renewed_is_not_sent(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The create waited longer than its lease, and its task is known by then."""
    async with Journal(url) as journal:
        await journal.begin(entry())
        monkeypatch.setattr(journal._store, "is_held_since", lambda _moment: False)

        async def renewed(_renew: object) -> None:
            await journal.accept("shot", task_id="t1", created_at=1.0)

        with monkeypatch.context() as patch:
            patch.setattr(journal._writer, "run", renewed)
            assert not await journal.hold("shot")
        assert (await journal.find("shot") or entry()).task_id == "t1"


async def test_a_lost_connection_does_not_end_a_lease(postgres: Server) -> None:
    """A session that only polls has nothing to commit: its lease is renewed on a new connection."""
    url = postgres.journal(lease=3600)
    async with Journal(url) as journal:
        store: Any = journal._store
        change(url, f"SELECT pg_terminate_backend({store._connection.info.backend_pid}), '{{schema}}'")
        change(url, "UPDATE {schema}.session SET seen_at = '-infinity'")
        for _ in range(2):
            await journal._writer.run(store.renew)
        seen = f"SELECT seen_at > '-infinity' FROM {store._url.schema}.session"  # noqa: S608 - ours
        assert store._connection.execute(seen).fetchall() == [(True,)]
    assert Journal.holder(url) is None
