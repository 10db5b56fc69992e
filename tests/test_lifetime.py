"""When a session is open: who may open and close it, what closing waits for, and what is said of the rest."""

import asyncio
import logging
import math
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any

import pytest

from cometrunway import PollPolicy, Session, TaskHandle, TasksOwedError, TaskTimeoutError
from cometrunway.emulator import Emulator, Fault
from tests.raw import KEY
from tests.samples import yawn

AT_ONCE = PollPolicy(first=0.1, floor=0.1)


@pytest.fixture
def keeping(session: Any, tmp_path: Path) -> Callable[..., Session]:
    """Return a maker of sessions with one journal."""
    return partial(session, journal=tmp_path / "shots.db")


def now() -> float:
    """Return the time of the event loop."""
    return asyncio.get_running_loop().time()


async def test_open_and_close_are_what_the_block_does(session: Any) -> None:
    """`open` returns the session, `close` waits for what is in flight, and other tasks may call them."""
    async with Emulator(duration=30) as emulator:
        runway = await asyncio.create_task(session(emulator).open())
        handle = await runway.submit(yawn())
        await asyncio.create_task(runway.close())
        assert handle.done()
        [clip] = await handle
    assert clip.path.exists()


async def test_closing_is_harmless_whenever_it_comes(session: Any) -> None:
    """Before it was opened, once more, and while the block is left: each time the session is closed, and no error."""
    async with Emulator(duration=30) as emulator:
        runway = session(emulator)
        await runway.close()
        async with runway:
            handle = await runway.submit(yawn())
            first, second = asyncio.create_task(runway.close()), asyncio.create_task(runway.close())
        await asyncio.gather(first, second)
        await runway.close()
        assert handle.done()
    with pytest.raises(RuntimeError, match=r"await session\.open\(\)"):
        await runway.submit(yawn())


async def test_a_session_is_opened_once(session: Any) -> None:
    """To open what is open, or is being opened, is an error; what is closed may be opened again."""
    async with Emulator() as emulator:
        runway = session(emulator)
        first = asyncio.create_task(runway.open())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="open already"):
            await runway.open()
        assert await first is runway
        await runway.close()
        async with runway:
            assert await (await runway.submit(yawn()))


@pytest.mark.parametrize("wait", [0.0, 5.0])
async def test_closing_waits_as_long_as_it_is_told(keeping: Any, wait: float) -> None:
    """Then it is over: a wait raises the error with the token, and `owed` and the journal have the task."""
    async with Emulator(duration=1000) as emulator:
        runway = await keeping(emulator).open()
        handle = await runway.submit(yawn(), key="slow")
        began = now()
        await runway.close(wait=wait)
        assert now() == pytest.approx(began + wait)
        with pytest.raises(TaskTimeoutError) as caught:
            await handle
        assert caught.value.token == handle.token
        assert [owed.id for owed in runway.owed] == [handle.id]
        async with keeping(emulator, close_wait=0) as runway:
            [again] = await runway.resume()
            assert again.id == handle.id
    assert emulator.creates.received == 1


async def test_the_block_is_left_as_the_option_says(keeping: Any) -> None:
    """`close_wait` is what a normal leave waits; an error waits for nothing."""
    async with Emulator(duration=1000) as emulator:
        async with keeping(emulator, close_wait=7) as runway:
            await runway.submit(yawn(), key="slow")
            began = now()
        assert now() == pytest.approx(began + 7)
        with pytest.raises(KeyError):
            async with keeping(emulator, close_wait=7) as runway:
                await runway.resume()
                began = now()
                raise KeyError
        assert now() == pytest.approx(began)


async def test_who_closes_later_may_wait_less(keeping: Any) -> None:
    """A second close ends the wait of the first, once its own is over; both return when the session is closed."""
    async with Emulator(duration=1000) as emulator:
        runway = await keeping(emulator).open()
        await runway.submit(yawn())
        began = now()
        await asyncio.gather(runway.close(), runway.close(wait=3))
        assert now() == pytest.approx(began + 3)


@pytest.mark.parametrize(("takes", "is_known"), [(15, True), (25, False)])
async def test_creates_under_way_get_the_grace(keeping: Any, takes: float, is_known: bool) -> None:
    """An id that comes in within the grace is in the journal; a create that takes longer is in doubt."""
    async with Emulator(duration=1000) as emulator:
        runway = await keeping(emulator).open()
        emulator.script("create", Fault.slow(takes))
        submitting = asyncio.create_task(runway.submit(yawn(), key="late"))
        await asyncio.sleep(1)
        began = now()
        await runway.close(wait=0, grace=20)
        assert now() == pytest.approx(began + min(takes - 1, 20), abs=0.1)
        await asyncio.gather(submitting, return_exceptions=True)
        async with keeping(emulator, close_wait=0) as runway:
            assert (await runway.find("late")).id == (runway.owed[0].id if is_known else "")
            assert len(await runway.in_doubt()) == (not is_known)


async def test_without_a_journal_leaving_says_what_is_owed(session: Any, caplog: pytest.LogCaptureFixture) -> None:
    """By an error that has the tokens, and by one line in the log; a token takes the task up."""
    async with Emulator(duration=30) as emulator:
        with pytest.raises(TasksOwedError) as caught:
            async with session(emulator, close_wait=0) as runway:
                handles = [await runway.submit(yawn(number)) for number in range(3)]
        assert sorted(caught.value.tokens) == sorted(handle.token for handle in handles)
        [line] = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert all(token in line.getMessage() for token in caught.value.tokens)
        await runway.close()
        async with session(emulator) as runway:
            for token in caught.value.tokens:
                assert await runway.attach(token)


async def test_a_users_error_says_what_is_owed_in_a_note(session: Any) -> None:
    """The error leaves the block as it is, with the tokens in a note; so does a cancellation, such as Ctrl-C's."""
    async with Emulator(duration=30) as emulator:
        for error in (KeyError(), asyncio.CancelledError()):
            with pytest.raises(type(error)) as caught:
                async with session(emulator) as runway:
                    handle = await runway.submit(yawn())
                    raise error
            assert caught.value is error
            [note] = error.__notes__
            assert handle.token in note


async def test_nothing_is_owed_after_a_failure_that_was_told(session: Any) -> None:
    """A wait whose deadline has passed raised its error, with the token: to leave the block is none."""
    async with Emulator(duration=1000) as emulator, session(emulator, poll=PollPolicy(deadline=10)) as runway:
        handle = await runway.submit(yawn())
        with pytest.raises(TaskTimeoutError):
            await handle
    assert [owed.id for owed in runway.owed] == [handle.id]


async def fail() -> None:
    """Be a bug of ours."""
    raise ZeroDivisionError


async def test_a_bug_ends_every_wait_of_an_opened_session(keeping: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, waits raise at once, `close` raises it, and the task that opened the session is left alone."""
    async with Emulator(duration=1000) as emulator:
        runway = await keeping(emulator).open()
        handle = await runway.submit(yawn())
        runway._lifetime.parts.background.start(fail(), name="bug")
        with pytest.raises(TaskTimeoutError):
            await handle
        with pytest.raises(RuntimeError, match="being closed"):
            await runway.submit(yawn(1))
        with pytest.raises(ExceptionGroup) as caught:
            await runway.close()
        assert caught.group_contains(ZeroDivisionError)
        assert "ZeroDivisionError" in caplog.text
        await asyncio.sleep(1)
        async with keeping(emulator, close_wait=0):
            pass


async def test_a_bug_in_a_submission_reaches_its_caller(keeping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a submission that a bug ended gets the bug, and does not wait for ever."""
    async with Emulator() as emulator:
        runway = await keeping(emulator).open()
        monkeypatch.setattr(runway._lifetime.parts.submitter, "outcome", lambda _: fail())
        with pytest.raises(ZeroDivisionError):
            await runway.submit(yawn())
        with pytest.raises(ExceptionGroup):
            await runway.close()


@pytest.mark.parametrize("option", ["close_wait", "close_grace"])
@pytest.mark.parametrize("value", [-1, math.nan, "20", True])
def test_the_options_are_seconds(option: str, value: Any) -> None:
    """What is no number of seconds is refused when the session is made."""
    with pytest.raises(ValueError, match=option):
        Session(KEY, **{option: value})


def test_a_session_may_be_made_before_the_loop_runs(tmp_path: Path) -> None:
    """It belongs to the loop in which it is opened, and, once it is closed, to the next."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    runway = Session("sk-emulator", base_url=f"http://127.0.0.1:{port}", output_dir=tmp_path, poll=AT_ONCE)

    async def use() -> None:
        async with Emulator(duration=0, not_exist_seconds=0, port=port), runway:
            assert await (await runway.submit(yawn()))

    asyncio.run(use())
    asyncio.run(use())


def test_another_loop_is_told_that_the_session_is_not_its_own(session: Any) -> None:
    """A session that was opened in one loop cannot be used, closed or opened in the next."""

    async def opened() -> Any:
        async with Emulator() as emulator:
            return await session(emulator).open()

    with asyncio.Runner() as first:
        runway = first.run(opened())
        for use in (partial(runway.submit, yawn()), runway.close, runway.open):
            with pytest.raises(RuntimeError, match=r"within one asyncio\.run"):
                asyncio.run(use())
        first.run(runway.close())


async def test_another_thread_is_told_that_the_session_is_not_its_own(session: Any) -> None:
    """With or without an event loop of its own."""
    async with Emulator() as emulator, session(emulator) as runway:
        for use in (partial(runway.attach, "task-1", route="image_to_video"), lambda: asyncio.run(runway.close())):
            with pytest.raises(RuntimeError, match="run_coroutine_threadsafe"):
                await asyncio.to_thread(use)
    assert threading.current_thread() is threading.main_thread()


@pytest.mark.parametrize("options", [{"max_in_flight": 5}, {"max_creates": 1}], ids=["in flight", "creates"])
async def test_submissions_that_wait_are_told_that_the_session_closes(keeping: Any, options: Any) -> None:
    """At once, whatever they wait for; none of them is sent, and none is in doubt."""
    async with Emulator(duration=1000) as emulator:
        runway = await keeping(emulator, **options).open()
        emulator.script("create", *[Fault.slow(0.5)] * 100)
        work = [asyncio.create_task(runway.submit(yawn(number), key=str(number))) for number in range(40)]
        await asyncio.sleep(3)
        before, began = emulator.creates.received, now()
        await runway.close(wait=0)
        outcomes = await asyncio.gather(*work, return_exceptions=True)
        assert now() < began + 1
        assert emulator.creates.received == before
        accepted = [outcome for outcome in outcomes if isinstance(outcome, TaskHandle)]
        assert all(isinstance(outcome, TaskHandle | RuntimeError) for outcome in outcomes)
        assert len(accepted) == emulator.creates.accepted
        async with keeping(emulator, close_wait=0) as runway:
            assert not await runway.in_doubt()
            assert len(await runway.resume()) == len(accepted)


async def test_closing_leaves_no_timer(session: Any) -> None:
    """Neither the next poll nor the next create that waits for the gateway's limit keeps the session in memory."""
    loop: Any = asyncio.get_running_loop()
    async with Emulator(duration=30, seed=5) as emulator:
        emulator.script("create", Fault.ok(), *[Fault.rate_limited(20.0)] * 4)
        runway = await session(emulator).open()
        handle = await runway.submit(yawn())
        others = [asyncio.create_task(runway.submit(yawn(number))) for number in range(1, 5)]
        await asyncio.sleep(3)
        with pytest.raises(TasksOwedError):
            await runway.close(wait=0, grace=0)
        await asyncio.gather(*others, return_exceptions=True)
        assert not handle.cancelled()
        left = [timer for timer in loop._scheduled if not timer.cancelled()]
        assert not [timer for timer in left if "cometrunway._" in repr(getattr(timer._callback, "__module__", ""))]
