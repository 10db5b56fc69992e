"""The tasks of a session: how they end, also if another task leaves the block or is cancelled often."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from cometrunway import Session, errors
from cometrunway._task_group import BackgroundTasks, Role, outlasting
from tests.raw import KEY, http, listening
from tests.samples import yawn

TURNS = 500
"""Of the event loop, for which the answer to a create is kept back: anyio cancels in each of them."""

Work = Callable[[], Awaitable[None]]


async def turns(number: int) -> None:
    """Let the event loop go round, without a clock."""
    for _ in range(number):
        await asyncio.sleep(0)


async def by_a_scope(work: Work, arrived: asyncio.Event) -> None:
    """Let anyio's scope around the block end."""

    async def end() -> None:
        await arrived.wait()
        scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(end)
        with anyio.CancelScope() as scope:
            await work()
    assert scope.cancelled_caught


async def by_a_sibling(work: Work, arrived: asyncio.Event) -> None:
    """Let a sibling in anyio's task group fail."""

    async def end() -> None:
        await arrived.wait()
        raise ZeroDivisionError

    with pytest.raises(BaseExceptionGroup) as caught:
        async with anyio.create_task_group() as group:
            group.start_soon(end)
            await work()
    assert caught.group_contains(ZeroDivisionError)


async def by_asyncio(work: Work, arrived: asyncio.Event) -> None:
    """Cancel the block's task a few times."""
    task = asyncio.ensure_future(work())
    await arrived.wait()
    for _ in range(3):
        task.cancel()
        await turns(TURNS // 5)
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # anyio's cancelling keeps a loop busy, and virtual time still
@pytest.mark.parametrize("cancelled", [by_a_scope, by_a_sibling, by_asyncio])
async def test_the_grace_outlasts_repeated_cancellation(
    cancelled: Callable[[Work, asyncio.Event], Awaitable[None]], tmp_path: Path
) -> None:
    """A create under way brings in its id, and the journal has it, however often the block's task is cancelled."""
    arrived = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await turns(TURNS)
        writer.write(http({"id": "task-1"}, 200, "Connection: close"))
        await writer.drain()

    async with listening(accept) as port:

        async def work() -> None:
            async with Session(KEY, base_url=f"http://127.0.0.1:{port}", journal=journal, output_dir=None) as runway:
                await runway.submit(yawn(), key="a")
                raise AssertionError("it was to be cancelled")

        journal = tmp_path / "shots.db"
        await cancelled(work, arrived)
    async with Session(KEY, base_url="http://127.0.0.1:1", journal=journal, output_dir=None) as runway:
        [entry] = [each async for each in runway._lifetime.parts.journal.entries()]
        assert entry.task_id == "task-1"
        assert not await runway.in_doubt()


async def test_a_wait_for_what_is_submitted_ends_at_a_cancellation() -> None:
    """Who leaves normally and is then cancelled waits no longer for tasks, but for creates."""
    background = BackgroundTasks()
    async with asyncio.timeout(100):
        await background.open()
        background.start(asyncio.sleep(1e6), name="work")
        brought = background.start(asyncio.sleep(15, "id"), name="create", role=Role.CREATE)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await outlasting(background.close(grace=20), on_cancel=background.leave)
    assert brought.result() == "id"
    assert asyncio.get_running_loop().time() == pytest.approx(15)


async def test_a_pause_ends_when_the_block_is_left() -> None:
    """A create that waits before it is sent again delays no other waiter."""
    background = BackgroundTasks()
    await background.open()
    background.start(background.pause(15), name="create", role=Role.CREATE)
    await asyncio.sleep(0)
    await background.close(wait=0, grace=20)
    assert asyncio.get_running_loop().time() == 0


async def fail() -> None:
    """Be a bug of ours."""
    raise ZeroDivisionError


async def test_a_bug_of_a_child_interrupts_the_block() -> None:
    """It ends the block in a group of exceptions, and code that catches it continues."""
    background = BackgroundTasks()
    await background.open(interrupts=asyncio.current_task())
    background.start(fail(), name="bug")
    with pytest.raises(ExceptionGroup) as caught:
        try:
            await asyncio.sleep(1e6)
        finally:
            await background.close()
    assert caught.group_contains(ZeroDivisionError)
    await asyncio.sleep(1)


@pytest.mark.parametrize("is_left", [False, True])
async def test_a_bug_surfaces_where_one_task_opens_and_another_leaves(is_left: bool) -> None:
    """Also if the task that opened the block has ended, or if the block is being left."""
    background = BackgroundTasks()
    await asyncio.ensure_future(background.open())
    if is_left:
        work = background.start(asyncio.sleep(1), name="work")
        work.add_done_callback(lambda _work: background.start(fail(), name="bug").done())
    else:
        background.start(fail(), name="bug")
        await asyncio.sleep(1)
    with pytest.raises(ExceptionGroup) as caught:
        await outlasting(background.close(grace=20), on_cancel=background.leave)
    assert caught.group_contains(ZeroDivisionError)


async def test_one_task_may_open_a_session_and_another_leave_it(tmp_path: Path) -> None:
    """As fixtures and frameworks do."""
    session = Session(KEY, base_url="http://127.0.0.1:1", output_dir=tmp_path)
    await asyncio.ensure_future(session.__aenter__())
    with pytest.raises(errors.TransportError):
        await session.retrieve("task-1")
    await asyncio.ensure_future(session.__aexit__(None, None, None))
