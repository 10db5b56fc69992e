"""Handles: what a token holds, what a pickle keeps, and what waiting cannot harm."""

import asyncio
import gc
import pickle
from typing import Any

import anyio
import pytest
from attrs import evolve

from cometrunway import Asset, Task, TaskHandle, TaskStatus
from cometrunway._handle import TaskFuture, TaskReference

FILES = (Asset(url="https://a/1.mp4"),)
REFERENCE = TaskReference(id="d0658ae1", route="image_to_video", key="катер 7", created_at=1_700_000_000.5)


def test_a_token_brings_the_reference_back() -> None:
    """A token is one URL-safe word that holds id, route, key and time of creation."""
    token = REFERENCE.to_token()
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    assert TaskReference.from_token(token) == REFERENCE


@pytest.mark.parametrize(
    "word",
    [
        "",
        "d0658ae1",
        "crt1.",
        "crt1.!!!",
        "crt1.e30",
        "crt1.WzEsMl0",
        "crt1.bnVsbA",
        "é",
        "crt1.WyJhIiwiYiIsNSxudWxsXQ",
        "crt1.WyJhIiwiYiIsbnVsbCwieCJd",
    ],
)
def test_what_is_no_token_is_refused(word: str) -> None:
    """A bare id given as a token is an error that says what to do."""
    with pytest.raises(ValueError, match="route"):
        TaskReference.from_token(word)


async def test_a_handle_pickles_through_its_token() -> None:
    """A copy knows id, route, key and token, and asks to be attached before it is awaited."""
    handle = TaskHandle(REFERENCE, TaskFuture(REFERENCE))
    copy = pickle.loads(pickle.dumps(handle))  # noqa: S301 - our own bytes
    assert (copy.id, copy.route, copy.key, copy.token) == (handle.id, handle.route, handle.key, handle.token)
    with pytest.raises(RuntimeError, match="attach"):
        await copy


async def test_what_its_files_have_is_told_with_the_cure() -> None:
    """A forgotten await is a frequent mistake; any other name is told where files and state are."""
    handle: Any = TaskHandle(REFERENCE, TaskFuture(REFERENCE))
    for name in ("path", "url", "media_type"):
        with pytest.raises(AttributeError, match=rf"`\[asset\] = await handle` and then `asset.{name}`") as caught:
            getattr(handle, name)
        assert caught.value.name == name
    for name in ("status", "progress", "failure", "outputs"):
        with pytest.raises(AttributeError, match=rf"`task = await handle.wait\(\)` and then `task.{name}`"):
            getattr(handle, name)
    for name in ("files", "assets", "results", "colour"):
        assert not hasattr(handle, name)
        with pytest.raises(
            AttributeError, match=rf"{name}': its files come with `\[asset\] = await handle`, and its task"
        ):
            getattr(handle, name)


async def test_a_result_that_is_asked_for_too_early_is_told_with_the_cure() -> None:
    """The error is of asyncio's own class, as for its futures, and says to await the handle."""
    handle = TaskHandle(REFERENCE, TaskFuture(REFERENCE))
    for ask in (handle.result, handle.exception):
        with pytest.raises(asyncio.InvalidStateError, match=r"d0658ae1 .* is not done: `\[asset\] = await handle`"):
            ask()


async def test_many_may_wait() -> None:
    """Every waiter gets the same files."""
    future = TaskFuture(REFERENCE)
    handle = TaskHandle(REFERENCE, future)
    waiters = [asyncio.ensure_future(handle.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiters[0].cancel()
    future.end(Task(id="d0658ae1", status=TaskStatus.SUCCEEDED))
    future.set_result((Asset(url="https://a/1.mp4"),))
    assert await waiters[1] == await waiters[2]
    assert await handle == await handle == (Asset(url="https://a/1.mp4"),)


async def test_the_end_may_be_asked_for_late() -> None:
    """Who waits after the end gets the task, also if its files could not be had; who asks again, the same."""
    future = TaskFuture(REFERENCE)
    ended = Task(id="d0658ae1", status=TaskStatus.SUCCEEDED)
    future.end(ended)
    assert await TaskHandle(REFERENCE, future).wait() == ended
    future.fail(KeyError("no files"))
    assert await TaskHandle(REFERENCE, future).wait() == ended


@pytest.mark.parametrize("asks_before", [True, False])
async def test_a_wait_that_failed_raises_its_reason(asks_before: bool) -> None:
    """What ended the wait before the task's end is raised to who asked for the end before, and to who asks after."""
    future = TaskFuture(REFERENCE)
    waiter = asyncio.ensure_future(TaskHandle(REFERENCE, future).wait()) if asks_before else None
    await asyncio.sleep(0)
    future.fail(KeyError("x"))
    with pytest.raises(KeyError):
        await (waiter or TaskHandle(REFERENCE, future).wait())


async def test_a_failure_that_is_not_awaited_is_not_reported_again() -> None:
    """It was logged when it happened; the event loop has nothing to say about it when its future is collected."""
    said: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    future = TaskFuture(REFERENCE)
    future.ended()
    future.fail(KeyError("x"))
    del future
    gc.collect()
    await asyncio.sleep(0)
    assert not said


async def test_a_done_callback_is_given_the_handle() -> None:
    """Callers may be told instead of waiting."""
    future = TaskFuture(REFERENCE)
    told: list[TaskHandle] = []
    handle = TaskHandle(REFERENCE, future)
    handle.add_done_callback(told.append)
    future.fail(KeyError("x"))
    await asyncio.sleep(0)
    assert told == [handle]
    assert isinstance(handle.exception(), KeyError)


async def test_a_repr_tells_the_state() -> None:
    """A handle shows its route, id, key and the last status seen."""
    future = TaskFuture(REFERENCE)
    assert repr(TaskHandle(REFERENCE, future)) == "<TaskHandle image_to_video d0658ae1 key='катер 7' not polled yet>"
    future.task = Task(id="d0658ae1", status=TaskStatus.RUNNING)
    assert "RUNNING" in repr(TaskHandle(REFERENCE, future))


async def test_a_repr_without_an_id_does_not_say_why() -> None:
    """The submission may have been refused, be in doubt, or not have been sent."""
    reference = evolve(REFERENCE, id="")
    handle = TaskHandle(reference, TaskFuture(reference))
    assert repr(handle) == "<TaskHandle image_to_video without an id key='катер 7' not polled yet>"


def ended(future: TaskFuture) -> None:
    """End a task and its download."""
    future.end(Task(id="d0658ae1", status=TaskStatus.SUCCEEDED))
    future.set_result(FILES)


async def by_wait(handle: Any) -> None:
    """Wait with `asyncio.wait`, in vain and then not, which leaves no callback behind."""
    assert await asyncio.wait([handle], timeout=0.1) == (set(), {handle})
    assert await asyncio.wait([handle], return_when=asyncio.FIRST_COMPLETED) == ({handle}, set())
    assert handle.remove_done_callback(print) == 0


async def by_gather(handle: Any) -> None:
    """Wait with `asyncio.gather`."""
    assert list(await asyncio.gather(handle, handle.wait())) == [FILES, handle.task]


async def by_wait_for(handle: Any) -> None:
    """Wait with `asyncio.wait_for`, in vain and then not."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(handle, 0.1)
    assert await asyncio.wait_for(handle, 10) == FILES


async def by_as_completed(handle: Any) -> None:
    """Wait with `asyncio.as_completed`."""
    [first] = asyncio.as_completed([handle])
    assert await first == FILES


async def by_anyio(handle: Any) -> None:
    """Wait in a task group of anyio, and under its time limit."""
    with anyio.move_on_after(0.1):
        await handle
    async with anyio.create_task_group() as group:
        group.start_soon(handle.wait)
    assert await handle == FILES


async def by_a_task(handle: Any) -> None:
    """Wait in a task of its own, which may be cancelled."""
    asyncio.create_task(handle.wait()).cancel()
    assert (await asyncio.create_task(handle.wait())).status is TaskStatus.SUCCEEDED
    assert await handle == FILES


@pytest.mark.parametrize("wait", [by_wait, by_gather, by_wait_for, by_as_completed, by_anyio, by_a_task])
async def test_whatever_waits_for_awaitables_waits_for_a_handle(wait: Any) -> None:
    """Though it is no Future; and what gives up waiting harms no other wait."""
    future = TaskFuture(REFERENCE)
    handle = TaskHandle(REFERENCE, future)
    assert not asyncio.isfuture(handle)
    asyncio.get_running_loop().call_later(1, ended, future)
    await wait(handle)
    assert handle.done()
    assert not handle.cancelled()
    assert handle.result() == FILES


async def test_a_callback_can_be_removed() -> None:
    """As often as it was added to the handle, and no other handle's."""
    future = TaskFuture(REFERENCE)
    handle, other, called = TaskHandle(REFERENCE, future), TaskHandle(REFERENCE, future), list[TaskHandle]()
    for each in (handle, handle, other):
        each.add_done_callback(called.append)
    assert handle.remove_done_callback(called.append) == 2
    ended(future)
    await asyncio.sleep(0)
    assert called == [other]


async def test_another_loop_is_told_that_the_handle_is_not_its_own() -> None:
    """Unless it is done: then anybody may have the result."""
    future = TaskFuture(REFERENCE)
    handle = TaskHandle(REFERENCE, future)
    with pytest.raises(RuntimeError, match="run_coroutine_threadsafe"):
        await asyncio.to_thread(asyncio.run, handle.wait())
    ended(future)
    assert await asyncio.to_thread(asyncio.run, handle.wait()) == handle.task
