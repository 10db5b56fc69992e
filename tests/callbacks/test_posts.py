"""What posts lead to, without a web server: hints, ids of submissions in doubt, and mostly nothing."""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cometrunway import errors
from cometrunway._callbacks._expected import ExpectedCallback, ExpectedCallbacks
from cometrunway._callbacks._posts import CallbackPosts
from cometrunway._handle import TaskFuture, TaskReference
from cometrunway._task_group import BackgroundTasks
from tests.answers import ANSWERS, CALLBACK, PAYLOADS

DONE = (PAYLOADS / CALLBACK).read_bytes()
T = ("pro_generate", "t")


class World:
    """Posts, and what they led to."""

    def __init__(self, background: BackgroundTasks) -> None:
        self.expected = ExpectedCallbacks(public_url="https://me.example/hooks", secret=bytes(32))
        self.hints: list[tuple[str, bool]] = []
        self.asked: list[tuple[str, str]] = []
        self.answer: Exception | None = None
        self.posts = CallbackPosts(
            expected=self.expected, hint=self._hint, confirm=self._confirm, background=background
        )

    def expect(self, key: str = "cat") -> ExpectedCallback:
        return self.expected.expect(self.expected.path(key, 0.0), key=key, submitted_at=0.0)

    def _hint(self, _route: str, task_id: str, *, announces_end: bool) -> None:
        self.hints.append((task_id, announces_end))

    async def _confirm(self, expected: ExpectedCallback, task_id: str) -> TaskFuture | None:
        self.asked.append((str(expected.key), task_id))
        await asyncio.sleep(1)
        if self.answer is not None:
            raise self.answer
        return TaskFuture(TaskReference(id=task_id, route="pro_generate", key=expected.key))


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """Yield posts that belong to a running session's background tasks."""
    background = BackgroundTasks()
    await background.open()
    yield World(background)
    await background.close()


def body(**fields: Any) -> bytes:
    """Return a body as the gateway posts it."""
    return json.dumps({"task_id": "t", **fields}).encode()


async def test_a_post_is_a_hint_for_its_task() -> None:
    """The path says which task; what the body says of it only decides whether it announces the end."""
    async with world() as at:
        expected = at.expect()
        expected.accepted(*T)
        for content in (body(status="3"), body(status="2"), body(status="1"), body(), b"", b"task_id=t&status=3"):
            at.posts.take(expected.path, content)
        assert at.hints == [*[("t", True)] * 2, *[("t", False)] * 4]


@pytest.mark.parametrize("name", sorted(ANSWERS))
async def test_a_post_may_have_any_form(name: str) -> None:
    """Whatever a gateway answers to a poll, it may post as well."""
    async with world() as at:
        expected = at.expect()
        expected.accepted(*T)
        at.posts.take(expected.path, ANSWERS[name][1])
        assert len(at.hints) == 1


async def test_a_post_to_an_unknown_path_does_nothing() -> None:
    """Nor does one to a path that is nearly known, nor one for a task that has ended."""
    async with world() as at:
        expected = at.expect()
        expected.accepted(*T)
        for path in ("", "x", expected.path[:-1], expected.path[:16] + "A" * 24, expected.path + "A", "ü\ud800"):
            at.posts.take(path, DONE)
        expected.forget()
        at.posts.take(expected.path, DONE)
        assert (at.hints, at.asked, len(at.expected)) == ([], [], 0)


async def test_a_post_before_the_answer_to_the_create_counts_later() -> None:
    """A task may end before its id is known here: its first poll is then due at once."""
    async with world() as at:
        expected = at.expect()
        at.posts.take(expected.path, DONE)
        assert at.hints == []
        expected.accepted(*T)
        assert at.hints == [("t", True)]


@pytest.mark.parametrize("first", ["post", "doubt"])
async def test_a_post_supplies_the_id_of_a_doubt(first: str) -> None:
    """Whether it comes before the create is given up or after, its id is asked for once, and then it is the task's."""
    async with world() as at:
        expected = at.expect()
        if first == "doubt":
            expected.doubted()
        for _ in range(3):
            at.posts.take(expected.path, body(task_id="t1", status="3"))
        if first == "post":
            expected.doubted()
        await asyncio.sleep(2)
        at.posts.take(expected.path, body(task_id="t1", status="3"))
        assert at.asked == [("cat", "t1")]
        assert at.hints == [("t1", True)]


async def test_an_id_that_the_api_does_not_know_ends_no_doubt() -> None:
    """The next post is asked for again."""
    async with world() as at:
        at.answer = errors.TaskNotFoundError("task_not_exist", status=400, code="task_not_exist")
        expected = at.expect()
        expected.doubted()
        at.posts.take(expected.path, body(task_id="forged"))
        await asyncio.sleep(2)
        at.answer = None
        at.posts.take(expected.path, body(task_id="t1"))
        await asyncio.sleep(2)
        assert at.asked == [("cat", "forged"), ("cat", "t1")]
        assert expected.task == ("pro_generate", "t1")


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", b"\xff", b'{"task_id": "', b'{"task_id": ["t"]}', b"{" * 60_000]
)
async def test_a_doubt_is_not_ended_without_an_id(content: bytes) -> None:
    """There is nothing to ask for."""
    async with world() as at:
        expected = at.expect()
        expected.doubted()
        at.posts.take(expected.path, content)
        await asyncio.sleep(2)
        assert at.asked == []


async def test_posts_to_one_path_are_looked_at_at_a_bounded_rate() -> None:
    """Who knows one path can cause some work with it, and no more."""
    async with world() as at:
        expected = at.expect()
        expected.accepted(*T)
        for _ in range(1000):
            at.posts.take(expected.path, DONE)
            await asyncio.sleep(0.01)
        assert len(at.hints) <= 20 + 10


async def test_posts_that_wait_for_a_busy_session_are_bounded() -> None:
    """Those that are dropped were never kept; once it is less busy, others are taken."""
    async with world() as at:
        expected = at.expect()
        expected.accepted(*T)
        assert [at.posts.take_soon(expected.path, DONE) for _ in range(300)] == [True] * 256 + [False] * 44
        assert at.hints == []
        await asyncio.sleep(0)
        assert at.hints
        assert at.posts.take_soon(expected.path, DONE)


async def test_ten_thousand_posts_leave_nothing_behind() -> None:
    """Memory is as it was, whether they were forged or real."""
    async with world() as at:
        for number in range(100):
            at.expect(f"shot-{number}").accepted(*T)
        tracemalloc.start()
        before = 0
        for number in range(10_100):
            at.posts.take(at.expected.path(f"shot-{number % 200}", 0.0), DONE)
            at.hints.clear()
            if number == 100:
                before = tracemalloc.get_traced_memory()[0]
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert after - before < 20_000
