"""Blocking work in threads, and cancellations while it is done."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cometrunway import Session
from cometrunway._delivery import _folder
from cometrunway._threads import in_thread
from cometrunway.emulator import Emulator


@pytest.fixture
def anyio_backend() -> str:
    """Threads take real time."""
    return "asyncio"


async def cancelled_while(work: "asyncio.Task[object]", begun: threading.Event, ends: threading.Event) -> None:
    """Cancel twice while a thread is at work, and hold that the caller stays until the thread has ended."""
    await asyncio.to_thread(begun.wait, 10)
    for _ in range(2):
        work.cancel()
        await asyncio.sleep(0.01)
    assert not work.done()
    ends.set()
    with pytest.raises(asyncio.CancelledError):
        await work


def blocking(begun: threading.Event, ends: threading.Event) -> Callable[..., None]:
    """Return work that begins, and ends when it is told to."""

    def work(*_: object) -> None:
        begun.set()
        assert ends.wait(10)

    return work


async def test_a_caller_that_is_cancelled_waits_for_the_thread() -> None:
    """The work may hold files, which must be closed when the caller continues."""
    begun, ends = threading.Event(), threading.Event()
    await cancelled_while(asyncio.create_task(in_thread(blocking(begun, ends))), begun, ends)


async def test_an_error_of_the_work_is_seen_though_the_caller_is_cancelled() -> None:
    """It is the cause of the cancellation; asyncio logs an exception that is not retrieved as an error."""
    begun, ends = threading.Event(), threading.Event()

    def work() -> None:
        blocking(begun, ends)()
        raise OSError("the disk is gone")

    caller = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(begun.wait, 10)
    caller.cancel()
    await asyncio.sleep(0)
    ends.set()
    with pytest.raises(asyncio.CancelledError) as cancelled:
        await caller
    assert isinstance(cancelled.value.__cause__, OSError)


async def test_opening_that_is_cancelled_leaves_no_thread(
    session: Callable[..., Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The output folder is tried in a thread, which has a file open there."""
    begun, ends = threading.Event(), threading.Event()
    monkeypatch.setattr(_folder, "_try", blocking(begun, ends))
    async with Emulator() as emulator:
        runway = session(emulator, journal=tmp_path / "shots.db")
        await cancelled_while(asyncio.create_task(runway.open()), begun, ends)
        async with runway:
            pass
