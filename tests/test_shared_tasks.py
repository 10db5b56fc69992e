"""Tasks of a journal that several processes use: one polls each, the others follow it, and none is abandoned."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from cometrunway import Asset, Failure, Task, TaskStatus, errors
from cometrunway._handle import Asked, TaskFuture, TaskReference
from cometrunway._journal._entry import Entry, State
from cometrunway._journal._protocol import NoJournal
from cometrunway._shared_tasks import SharedTasks
from cometrunway._task_group import BackgroundTasks

ENTRY = Entry(key="cat", route="image_to_video", fingerprint="f", request={}, task_id="t1", state=State.ACCEPTED)
FILE = Asset(url="https://example.com/a.mp4", path=Path("/shared/a.mp4"))
FROM_API = Task(id="t1", status=TaskStatus.RUNNING, progress=0.5)
SUCCEEDED = Task(id="t1", status=TaskStatus.SUCCEEDED, outputs=(FILE.url,))
FAILURE = Failure(message="because")


class _SharedJournal(NoJournal):
    """A journal in which another process may wait for the task."""

    def __init__(self) -> None:
        self.held: Entry | None = None
        self.left: list[str] = []
        self.error: Exception | None = None

    async def take(self, _task_id: str) -> Entry | None:  # type: ignore[override]  # another process may have it
        if self.error is not None:
            raise self.error
        return self.held

    async def leave(self, task_id: str, *, is_given_up: bool = False) -> None:
        assert is_given_up
        self.left.append(task_id)


class World:
    """One process, and what it did."""

    def __init__(self, background: BackgroundTasks) -> None:
        self.journal, self.background = _SharedJournal(), background
        self.readable: tuple[Asset, ...] = (FILE,)
        self.did: list[str] = []
        self.shared = SharedTasks(
            journal=self.journal,
            poll_api=self._poll,
            deliver_here=self._deliver,
            recall=self._recall,
            background=background,
        )

    async def poll(self) -> Task:
        return await self.shared.poll("image_to_video", "t1", None)

    async def _poll(self, _route: str, _task_id: str, _asked: Asked) -> Task:
        self.did.append("polled")
        return FROM_API

    async def _deliver(self, _future: TaskFuture, task: Task) -> tuple[Asset, ...]:
        assert task == SUCCEEDED
        self.did.append("downloaded")
        return (FILE,)

    async def _recall(self, assets: tuple[Asset, ...]) -> tuple[Asset, ...] | None:
        return assets if set(assets) <= set(self.readable) else None


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """Yield one process, whose session is open."""
    background = BackgroundTasks()
    await background.open()
    yield World(background)
    await background.close()


def future() -> TaskFuture:
    """Return the future of the task."""
    return TaskFuture(TaskReference(id="t1", route="image_to_video", key="cat"))


async def test_a_task_that_no_other_process_polls_is_polled_here() -> None:
    """The answer of the API counts."""
    async with world() as at:
        assert await at.poll() == FROM_API
        assert at.did == ["polled"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, TaskStatus.RUNNING),
        ({"state": State.FAILED, "failure": FAILURE}, TaskStatus.FAILED),
        ({"state": State.CANCELLED, "failure": FAILURE}, TaskStatus.CANCELLED),
        ({"state": State.DELIVERED, "assets": (FILE,)}, TaskStatus.SUCCEEDED),
    ],
)
async def test_a_task_that_another_process_polls_is_followed_in_the_journal(
    changes: dict[str, Any], status: TaskStatus
) -> None:
    """The API is not asked: all processes together poll each task once."""
    async with world() as at:
        at.journal.held = evolve(ENTRY, **changes)
        task = await at.poll()
        assert (task.id, task.status, task.failure) == ("t1", status, changes.get("failure"))
        assert task.outputs == ((FILE.url,) if status is TaskStatus.SUCCEEDED else ())
        assert at.did == []


@pytest.mark.parametrize("assets", [(), (FILE,), (Asset(url=FILE.url),), (FILE, Asset(url=FILE.url))])
async def test_files_that_cannot_be_read_here_are_asked_for_and_downloaded(assets: tuple[Asset, ...]) -> None:
    """What another machine has on its own disk, or has only the URL of, is not delivered here."""
    async with world() as at:
        at.readable = ()
        at.journal.held = evolve(ENTRY, state=State.DELIVERED, assets=assets)
        assert await at.poll() == FROM_API
        assert await at.shared.deliver(future(), SUCCEEDED) == (FILE,)
        assert at.did == ["polled", "downloaded"]


async def test_files_of_another_process_are_not_downloaded_again() -> None:
    """The handle says when they were delivered, which was there."""
    async with world() as at:
        at.journal.held = evolve(ENTRY, state=State.DELIVERED, assets=(FILE,), delivered_at=1e9)
        delivered = future()
        assert await at.shared.deliver(delivered, SUCCEEDED) == (FILE,)
        assert at.did == []
        assert delivered.task is not None
        assert delivered.task.delivered_at is not None
        assert delivered.task.delivered_at.timestamp() == 1e9


async def test_a_journal_that_fails_keeps_no_files_back() -> None:
    """They are paid for: they are downloaded."""
    async with world() as at:
        at.journal.error = errors.JournalError("the server is gone")
        assert await at.shared.deliver(future(), SUCCEEDED) == (FILE,)
        assert at.did == ["downloaded"]


@pytest.mark.parametrize(
    ("error", "is_left"),
    [
        (errors.TaskTimeoutError("late", task=FROM_API), True),
        (errors.DownloadError("gone", asset=FILE), True),
        (errors.TaskFailedError("no", task=FROM_API), False),
        (errors.TaskCancelledError("no", task=FROM_API), False),
        (None, False),
    ],
)
async def test_a_task_that_is_given_up_here_is_left_to_others(error: Exception | None, is_left: bool) -> None:
    """A deadline, or files that cannot be had here, end the wait of this process only; an end of the task ends all."""
    watched: list[TaskFuture] = []

    class Polls:
        def find(self, _reference: TaskReference) -> TaskFuture | None:
            return watched[0]

        def watch(self, future: TaskFuture, *, age: float | None, has_callback: bool = False) -> None:
            assert (age, has_callback) == (3.0, True)
            watched.append(future)

    async with world() as at:
        scheduler, ending = at.shared.scheduled_by(Polls()), future()
        scheduler.watch(ending, age=3.0, has_callback=True)
        assert scheduler.find(ending.reference) is ending
        ending.set_result((FILE,)) if error is None else ending.fail(error)
        await asyncio.sleep(0.1)
        assert at.journal.left == (["t1"] if is_left else [])


async def test_what_is_cancelled_or_closed_leaves_nothing_by_itself() -> None:
    """The session leaves all of its tasks when it is closed."""
    async with world() as at:
        cancelled, late = future(), future()
        for each in (cancelled, late):
            each.add_done_callback(at.shared.on_end)
        cancelled.cancel()
    late.fail(errors.TaskTimeoutError("late", task=FROM_API))
    await asyncio.sleep(0.1)
    assert at.journal.left == []
