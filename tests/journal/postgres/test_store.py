"""A journal that several sessions share, on a real server: who submits, who waits, and what a server can do to them."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cometrunway import Entry, Journal, JournalReader, OutcomeUnknownError, Session, State, TaskStatus, errors
from cometrunway._journal._place import place_of
from cometrunway._journal._postgres._schema import MIGRATIONS, VERSION
from cometrunway._journal._stores import migrate
from cometrunway._tasks import Task
from cometrunway.emulator import Emulator, Fault
from tests.postgres import VARIABLE, Server
from tests.samples import yawn

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")
SECRET = "canary-password"


@pytest.fixture
def anyio_backend() -> str:
    """The server keeps real time."""
    return "asyncio"


@pytest.fixture
def url(postgres: Server) -> str:
    """Return a new journal."""
    return postgres.journal(lease=1)


@pytest.fixture
def session(session: Any, url: str) -> Callable[..., Session]:
    """Return a maker of sessions on an emulator, which share one journal and one folder."""
    return partial(session, journal=url)


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


def die(journal: Journal) -> None:
    """Let a session end as if its process were killed: it says nothing, and renews no lease."""
    store: Any = journal._store
    store._opened.renewal.end()
    store._connection.close()
    journal._store.commit = None  # type: ignore[method-assign,assignment]  # nothing is written any more


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


async def test_what_another_session_was_refused_is_free(url: str) -> None:
    """Who waited for it submits it."""
    async with Journal(url) as one, Journal(url) as other:
        await one.begin(entry())
        waiting = asyncio.create_task(other.begin(entry()))
        await one.refuse("shot", "no")
        assert await waiting is None
        found = await other.find("shot")
    assert found is not None
    assert (found.creates, found.state) == (2, State.SUBMITTING)


async def test_what_a_dead_session_was_submitting_is_in_doubt(url: str) -> None:
    """This is so once its lease has ended. No session sends it again by itself; a user can end the doubt."""
    one = await Journal(url).__aenter__()
    await one.begin(entry())
    die(one)
    async with Journal(url) as other:
        standing = await other.begin(entry())
        assert standing is not None
        assert standing.state is State.IN_DOUBT
        assert [each.key async for each in other.entries([State.IN_DOUBT])] == ["shot"]
        assert await other.again(standing, submitted_at=1.0)
        assert not await other.again(standing, submitted_at=2.0)
    await one._writer.close(lambda: None)


async def test_a_killed_process_of_this_machine_is_known_to_be_gone(postgres: Server) -> None:
    """A session that opens the journal on this machine does not wait for the lease of that process."""
    url = postgres.journal(lease=3600)
    code = (
        "import asyncio, os, signal, sys; from cometrunway import Entry, Journal\n"
        "async def main():\n"
        "    journal = await Journal(sys.argv[1]).__aenter__()\n"
        "    await journal.begin(Entry(key='shot', route='r', fingerprint='f', request={'p': 'x'}))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())"
    )
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code, url], check=False)
    async with Journal(url) as journal:
        standing = await journal.begin(entry())
    assert standing is not None
    assert standing.state is State.IN_DOUBT


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


async def test_sessions_that_begin_the_same_keys_share_them_out(url: str) -> None:
    """In whatever order each has them: every key is begun by one."""
    keys = [f"{number}" for number in range(300)]
    async with Journal(url) as one, Journal(url) as other:
        beginnings = [(one, key) for key in keys] + [(other, key) for key in reversed(keys)]

        async def begun(journal: Journal, key: str) -> bool:
            is_mine = await journal.begin(entry(key)) is None
            if is_mine:
                await journal.accept(key, task_id=key, created_at=1.0)
            return is_mine

        outcomes = await asyncio.gather(*(begun(journal, key) for journal, key in beginnings))
    assert sum(outcomes) == len(keys)


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


def lose_an_answer(journal: Journal) -> None:
    """Let the answer to the next commit be lost."""
    store: Any = journal._store
    waited_for = store._waited_for

    def without_answer(work: Callable[[Any], Any]) -> Any:
        def once(connection: Any) -> Any:
            result = work(connection)
            if store._waited_for is without_answer:
                store._waited_for = waited_for
                raise psycopg.OperationalError("the connection was lost")
            return result

        return waited_for(once)

    store._waited_for = without_answer


async def test_what_was_begun_in_a_commit_without_an_answer_is_not_in_doubt(url: str) -> None:
    """It was never sent, and another session may submit it."""
    async with Journal(url, lock_timeout=0) as journal:
        lose_an_answer(journal)
        with pytest.raises(errors.JournalUnavailableError):
            await journal.begin(entry())
        assert await journal.begin(entry()) is None


@pytest.mark.parametrize("seconds", [0, 5])
async def test_what_was_taken_over_in_a_commit_without_an_answer_is_taken_over(url: str, seconds: float) -> None:
    """By the next try, in the same call or the next one; what the session waits for already is not given again."""
    async with Journal(url) as journal:
        await journal.begin(entry())
        await journal.accept("shot", task_id="t1", created_at=1.0)
        await journal.leave_all()
        async with Journal(url, lock_timeout=seconds) as other:
            await other.begin(entry("mine"))
            await other.accept("mine", task_id="t2", created_at=1.0)
            lose_an_answer(other)
            taken = {}
            with suppress(errors.JournalUnavailableError):
                taken = await other.take_over(10)
            if not taken:
                taken = await other.take_over(10)
            assert taken == {"shot": "t1"}
            assert await other.take_over(10) == {}


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


@pytest.mark.parametrize("parameters", [{"user": "nobody"}, {"database": "nowhere"}, {"sslmode": "no"}, {"lease": 0}])
async def test_a_wrong_url_is_a_clear_error_without_the_password(
    session: Any, postgres: Server, parameters: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """In the message, the error, its causes and the log."""
    async with Emulator() as emulator:
        with pytest.raises(errors.JournalError) as caught:
            async with session(emulator, journal=postgres.url(**parameters)) as runway:
                await runway.submit(yawn())
    causes = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert SECRET not in caplog.text + "".join(f"{cause!r} {cause}" for cause in causes)
    assert emulator.creates.received == 0


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


async def test_a_task_that_cannot_be_continued_is_left_to_others(
    session: Any, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One task whose files cannot be looked for does not keep the others, nor itself, from being continued."""
    url = postgres.journal()
    async with Emulator() as emulator:
        async with session(emulator, journal=url) as runway:
            for number in range(3):
                await runway.submit(yawn(number), key=f"{number}")
            await runway.close(wait=0)
        find = Session.find

        async def failing(runway: Session, key: str) -> Any:
            if key == "1":
                raise errors.TransportError("the bucket does not answer")
            return await find(runway, key)

        async with session(emulator, journal=url) as runway:
            monkeypatch.setattr(Session, "find", failing)
            assert {handle.key for handle in await runway.take_over()} == {"0", "2"}
            monkeypatch.setattr(Session, "find", find)
            assert {handle.key for handle in await runway.take_over()} == {"1"}
        assert emulator.creates.received == 3
