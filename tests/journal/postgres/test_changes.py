"""The changes of rows: each key is begun by one session, and a repeated commit changes nothing twice."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import psycopg
import pytest

from cometrunway import Journal, State, TaskStatus, errors
from cometrunway._journal._place import place_of
from cometrunway._journal._postgres._changes import Statements
from cometrunway._journal._postgres._connection import Connection, connected
from cometrunway._tasks import Task
from tests.journal.postgres.test_store import change, entry


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    """Return a connection to a journal in which the session 1 lives, and has a task."""
    place: Any = place_of(url)
    change(url, "INSERT INTO {schema}.session (number, host, machine, pid, lease) VALUES (1, 'h', 'm', 1, 60)")
    change(
        url,
        "INSERT INTO {schema}.submission (number, key, route, fingerprint, request, state, submitted_at, created_at, "
        "task_id, owner) VALUES (1, 'shot', 'r', 'f', '{{}}', 'accepted', 5, 6, 't1', 1)",
    )
    with closing(connected(place, writes=True)) as opened:
        yield opened


def statements(url: str, owner: int) -> Statements:
    """Return the changes that a session makes."""
    place: Any = place_of(url)
    return Statements(place.schema, owner)


def row_of(connection: Connection, url: str) -> Any:
    """Return the state, the task and the owner of the shot."""
    place: Any = place_of(url)
    columns = "state, task_id, owner"
    return connection.execute(f"SELECT {columns} FROM {place.schema}.submission".encode()).fetchone()  # noqa: S608 - ours


def test_an_id_is_not_written_over_the_task_of_a_session_that_lives(connection: Connection, url: str) -> None:
    """The key is given back, so that it can be said; of one that has died, or that has none, it is written."""
    rows = [{"key": "shot", "task_id": "t2", "created_at": 7.0, "submitted_at": None}]
    assert statements(url, 2).accept(connection, rows) == {"shot"}
    assert row_of(connection, url) == ("accepted", "t1", 1)
    assert statements(url, 1).accept(connection, rows) == set()
    assert row_of(connection, url) == ("accepted", "t2", 1)


def test_an_end_is_that_of_its_task(connection: Connection, url: str) -> None:
    """The end of a task that another one has replaced under its key changes nothing."""
    end = {"key": "shot", "state": "failed", "ended_at": 9.0, "failure": None, "assets": "[]", "accepted_at": 8.0}
    statements(url, 1).end(connection, [{**end, "task_id": "t0"}])
    assert row_of(connection, url) == ("accepted", "t1", 1)
    statements(url, 1).end(connection, [{**end, "task_id": "t1"}])
    assert row_of(connection, url) == ("failed", "t1", 1)


def test_a_task_is_one_sessions(connection: Connection, url: str) -> None:
    """While that one lives, no other takes it; left, or its session gone, the first takes it, and only that one."""
    second, third = statements(url, 2), statements(url, 3)
    assert not second.take(connection, "t1")
    assert second.take_over(connection, 10, (), ()) == []
    change(url, "UPDATE {schema}.session SET lease = -60")
    assert second.take_over(connection, 10, (), ()) == [("shot", "t1")]
    change(url, "INSERT INTO {schema}.session (number, host, machine, pid, lease) VALUES (2, 'h', 'm', 2, 60)")
    assert third.take_over(connection, 10, (), ()) == []
    second.leave(connection, "t1")
    assert third.take(connection, "t1")


async def test_what_another_session_was_refused_is_free(url: str) -> None:
    """Who waited for it submits it."""
    async with Journal(url) as one, Journal(url) as other:
        await one.begin(entry())
        waiting = asyncio.create_task(other.begin(entry()))
        await one.refuse("shot", "no")
        assert await waiting is None
        found = await other.find("shot")
    assert found is not None
    assert (found.creates, found.state) == (1, State.SUBMITTING)


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


def elsewhere(url: str, change_of_row: str) -> None:
    """Let another session, which has ended, change the row of the shot after this one gave no sign of life."""
    change(url, f"UPDATE {{schema}}.submission SET {change_of_row}, owner = 999 WHERE key = 'shot'")  # noqa: S608 - ours


@pytest.mark.parametrize("verb", ["refuse", "doubt", "reinstate"])
@pytest.mark.parametrize(
    ("change_of_row", "state"),
    [
        ("state = 'delivered', task_id = 't9', created_at = 9", State.DELIVERED),
        ("state = 'accepted', task_id = 't9', created_at = NULL", State.ACCEPTED),
        ("submitted_at = submitted_at + 9, creates = creates + 1", State.IN_DOUBT),
    ],
)
async def test_what_another_session_has_made_of_a_submission_is_not_undone(
    url: str, verb: str, change_of_row: str, state: State
) -> None:
    """It has ended, resolved or repeated what this one was submitting: a late outcome is not written over that."""
    async with Journal(url) as journal:
        await journal.begin(entry())
        elsewhere(url, change_of_row)
        if verb == "reinstate":
            await journal.reinstate(entry())
        else:
            await getattr(journal, verb)("shot", "no")
        found = await journal.find("shot")
    assert found is not None
    assert (found.state, found.task_id) == (state, None if state is State.IN_DOUBT else "t9")


@pytest.mark.parametrize("is_repeated", [True, False])
async def test_a_doubt_that_cannot_be_recorded_is_told(
    url: str, caplog: pytest.LogCaptureFixture, *, is_repeated: bool
) -> None:
    """If another process has made the submission once more, for both may be billed; not if it has ended the doubt."""
    async with Journal(url) as journal:
        await journal.begin(entry())
        begun_at = "submitted_at + 9" if is_repeated else "submitted_at"
        elsewhere(url, f"state = 'delivered', task_id = 't9', created_at = 9, submitted_at = {begun_at}")
        await journal.doubt("shot", "the answer is lost")
    assert ("a create of 'shot' may have been accepted" in caplog.text) is is_repeated


@pytest.mark.parametrize("task_id", ["t9", "t1"])
async def test_an_id_that_cannot_be_recorded_is_told(url: str, caplog: pytest.LogCaptureFixture, task_id: str) -> None:
    """Unless another process has recorded the same one, as of a callback that reached it first."""
    async with Journal(url) as journal:
        await journal.begin(entry())
        elsewhere(url, f"state = 'delivered', task_id = '{task_id}', created_at = 9")
        await journal.accept("shot", task_id="t1", created_at=8.0)
        found = await journal.find("shot")
    assert found is not None
    assert (found.state, found.task_id) == (State.DELIVERED, task_id)
    assert ("the task t1 of 'shot' is paid for and not in the journal" in caplog.text) is (task_id != "t1")


async def test_an_id_of_an_earlier_submission_does_not_end_a_later_doubt(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Another process made the submission once more, and died: its own task is not known, and the id is told."""
    async with Journal(url) as journal:
        await journal.begin(entry())
        elsewhere(url, "submitted_at = submitted_at + 9, creates = creates + 1")
        await journal.accept("shot", task_id="t1", created_at=8.0)
        found = await journal.find("shot")
    assert found is not None
    assert (found.state, found.task_id) == (State.IN_DOUBT, None)
    assert "the task t1 of 'shot' is paid for and not in the journal" in caplog.text


async def test_an_id_of_an_earlier_submission_is_not_written_over_a_later_one(url: str) -> None:
    """Another process made the submission once more, and this one has taken its task over since."""
    async with Journal(url) as journal:
        await journal.begin(entry())
        elsewhere(url, "state = 'accepted', task_id = 't2', submitted_at = submitted_at + 9, created_at = 9")
        assert await journal.take_over(10) == {"shot": "t2"}
        await journal.accept("shot", task_id="t1", created_at=8.0)
        found = await journal.find("shot")
    assert found is not None
    assert found.task_id == "t2"


async def test_a_success_does_not_set_a_delivered_shot_back(url: str) -> None:
    """A session that gave no sign of life polls on for a while, and another one has delivered the files meanwhile."""
    async with Journal(url) as journal:
        await journal.begin(entry())
        await journal.accept("shot", task_id="t1", created_at=1.0)
        elsewhere(url, "state = 'delivered', assets = '[{{\"url\": \"https://example.com/a.mp4\"}}]'")
        await journal.end("shot", Task(id="t1", status=TaskStatus.SUCCEEDED))
        found = await journal.find("shot")
    assert found is not None
    assert (found.state, len(found.assets)) == (State.DELIVERED, 1)
