"""The session, end to end on virtual time: real sockets, real files, and an emulator as the other side."""

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cometrunway import (
    PollPolicy,
    Session,
    Task,
    TaskHandle,
    TaskStatus,
    TaskTimeoutError,
    errors,
)
from cometrunway.emulator import Emulator, Fault, Faults
from tests.samples import ALL_ROUTES, yawn


@pytest.mark.parametrize("dialect", ["flat", "wrapped", "wrapped_plus", "bare", "duomi", "kling", "luma"])
async def test_every_route_delivers_in_every_dialect(session: Any, dialect: Any) -> None:
    """Whatever the generation of the gateway, each route's request becomes a whole file."""
    async with Emulator(dialect=dialect) as emulator, session(emulator) as runway:
        handles = [await runway.submit(request) for request in ALL_ROUTES]
        for handle in handles:
            [asset] = await handle
            assert asset.path.stat().st_size == asset.size
            assert hashlib.sha256(asset.path.read_bytes()).hexdigest() == asset.sha256
            assert asset.path.suffix == {"image/png": ".png", "video/mp4": ".mp4"}[asset.media_type]
    assert emulator.creates.accepted == len(ALL_ROUTES)
    assert not emulator.creates.repeats
    assert not emulator.leaked_credentials


async def test_a_handle_of_a_session_that_was_left_says_how_to_go_on(session: Any) -> None:
    """Awaiting what was still running when the block failed raises the error with the token."""
    async with Emulator(duration=1000) as emulator:
        with pytest.raises(KeyError):
            async with session(emulator) as runway:
                handle = await runway.submit(yawn(), key="shot")
                raise KeyError
        with pytest.raises(TaskTimeoutError, match="attach") as caught:
            await handle
    assert caught.value.token == handle.token


@pytest.mark.parametrize("key", ["", "\ud800", "x" * 501, 7])
async def test_a_key_is_text(session: Any, key: Any) -> None:
    """A key that could not be written down is refused before anything is sent."""
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(ValueError, match="key"):
            await runway.submit(yawn(), key=key)
    assert not emulator.creates.received


async def test_a_failed_task_raises_its_reason(session: Any) -> None:
    """A task that the server gives up raises, with the code, and wait() still returns it."""
    async with Emulator() as emulator, session(emulator) as runway:
        handle = await runway.submit(yawn(extra="[fail SAFETY.INPUT.TEXT]"))
        with pytest.raises(errors.ModerationError) as caught:
            await handle
        assert (await handle.wait()).status is TaskStatus.FAILED
    assert caught.value.task.failure is not None
    assert caught.value.task.failure.code == "SAFETY.INPUT.TEXT"
    assert handle.id in str(caught.value)


async def test_an_unopened_session_says_how_to_open_it() -> None:
    """Used outside `async with`, a session is an error with the cure in it."""
    with pytest.raises(RuntimeError, match="async with"):
        await Session("sk-x").submit(yawn())


def test_a_session_without_a_key_says_where_keys_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key anywhere is an error before anything is sent."""
    monkeypatch.delenv("COMETAPI_KEY", raising=False)
    with pytest.raises(ValueError, match="COMETAPI_KEY"):
        Session()


async def test_a_users_error_leaves_the_block_bare(session: Any) -> None:
    """A KeyError in the block leaves as that KeyError, and what is owed is known."""
    async with Emulator(duration=1000) as emulator:
        runway = session(emulator)
        with pytest.raises(KeyError, match="mine"):
            async with runway:
                handle = await runway.submit(yawn())
                raise KeyError("mine")
    assert [owed.id for owed in runway.owed] == [handle.id]


async def test_nothing_is_taken_up_in_a_session_that_is_left(session: Any) -> None:
    """Another task's submit or attach that comes as the block ends is an error, and nothing is bought."""
    async with Emulator(duration=5) as emulator:
        for steps in range(60):
            async with session(emulator) as runway:
                handle = await runway.submit(yawn(steps))
                late = asyncio.ensure_future(_when_done(handle, steps, partial(runway.submit, yawn(1000 + steps))))
            outcome = (await asyncio.gather(late, return_exceptions=True))[0]
            assert isinstance(outcome, TaskHandle | RuntimeError)
            assert not isinstance(outcome, TaskHandle) or outcome.done()


async def _when_done(handle: TaskHandle, steps: int, act: Callable[[], Any]) -> Any:
    await handle
    for _ in range(steps):
        await asyncio.sleep(0)
    return await act()


async def test_retrieve_polls_once(session: Any) -> None:
    """retrieve() gives the task as it is now, and an unknown id is TaskNotFoundError at once."""
    async with Emulator(not_exist_seconds=0) as emulator, session(emulator) as runway:
        handle = await runway.submit(yawn())
        assert isinstance(await runway.retrieve(handle.id), Task)
        with pytest.raises(errors.TaskNotFoundError, match="nope"):
            await runway.retrieve("nope")


@pytest.mark.parametrize("form", ["200", "400", "404", "status", "duomi"])
async def test_a_young_task_may_be_unknown_in_every_form(session: Any, form: Any) -> None:
    """task_not_exist in any of its wire forms loses no wait while the task is young."""
    async with Emulator(not_exist_seconds=3, not_exist_form=form) as emulator:
        async with session(emulator, poll=PollPolicy(first=0.5, floor=0.2)) as runway:
            handles = [await runway.submit(request) for request in ALL_ROUTES]
            for handle in handles:
                assert await handle


async def test_without_a_folder_assets_are_urls(session: Any, tmp_path: Path) -> None:
    """With output_dir=None nothing is downloaded until download() is asked to, to exactly the path given."""
    async with Emulator() as emulator, session(emulator, output_dir=None) as runway:
        [asset] = await (await runway.submit(yawn()))
        assert asset.path is None
        assert not emulator.requests_of("asset")
        fetched = await runway.download(asset, tmp_path / "deep" / "clip.bin")
        assert fetched.path == tmp_path / "deep" / "clip.bin"
        with pytest.raises(FileExistsError):
            await runway.download(asset, fetched.path)


def test_two_runs_of_one_session(session: Any, tmp_path: Path) -> None:
    """A second asyncio.run with a Session of the same settings works."""

    async def once(number: int) -> None:
        async with Emulator(duration=0, not_exist_seconds=0) as emulator:
            async with session(emulator, poll=PollPolicy(first=0.1, floor=0.1)) as runway:
                await (await runway.submit(yawn(number), key=str(number)))

    for number in range(2):
        asyncio.run(once(number))
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize(
    "faults",
    [
        Faults(poll={Fault.bad_gateway(): 0.3}),
        Faults(poll={Fault.bad_gateway(): 0.02, Fault.drop_before(reset=True): 0.01}),
        Faults(poll={Fault.rate_limited(2): 0.2}),
        Faults(asset={Fault.cut(): 0.2, Fault.unframed(): 0.1, Fault.short(): 0.1, Fault.html(): 0.1}),
    ],
    ids=["30 % 502", "2 % 502, 1 % reset", "20 % 429", "bad downloads"],
)
async def test_no_wait_is_lost(session: Any, faults: Faults) -> None:
    """A hundred waits under faults that make other clients lose up to all of theirs: none is lost."""
    async with Emulator(faults=faults, duration=40) as emulator, session(emulator) as runway:
        handles = [await runway.submit(yawn(number)) for number in range(100)]
        for handle in handles:
            [asset] = await handle
            assert asset.path.exists()
    assert emulator.creates.accepted == 100


@pytest.mark.parametrize(
    "ask",
    [
        lambda runway: runway.find("shot"),
        lambda runway: runway.in_doubt(),
        lambda runway: runway.resolve("shot", task_id="t-1"),
        lambda runway: runway.resubmit("shot", yawn()),
        lambda runway: runway.resume(),
    ],
    ids=["find", "in_doubt", "resolve", "resubmit", "resume"],
)
async def test_what_needs_a_journal_says_so(session: Any, ask: Callable[[Session], Any]) -> None:
    """The error is one of the package's, and nothing was sent."""
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(errors.JournalRequiredError, match=r"Session\(journal="):
            await ask(runway)
    assert not emulator.requests


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda runway, _: runway.attach(3), "a token is text, such as handle.token, got int"),
        (lambda runway, handle: runway.attach(handle), "a token is text, such as handle.token"),
        (lambda runway, _: runway.attach(3, route="image_to_video"), "task_id must be text, such as handle.id"),
        (lambda runway, handle: runway.retrieve(handle), "task_id must be text, such as handle.id"),
        (lambda runway, _: runway.download("https://example.com/a.mp4", "a.mp4"), "asset must be an Asset"),
        (lambda runway, _: runway.download((), "a.mp4"), r"`\[asset\] = await handle`"),
        (lambda runway, _: runway.events(3), "events follows handles, keys and batches, got int"),
    ],
)
async def test_an_argument_of_a_wrong_type_is_named(session: Any, ask: Callable[..., Any], told: str) -> None:
    """What was meant stands in the message."""
    async with Emulator() as emulator, session(emulator) as runway:
        handle = await runway.submit(yawn())
        with pytest.raises(TypeError, match=told):
            await ask(runway, handle)


async def test_a_session_that_was_left_says_so(session: Any) -> None:
    """Used after the block, it is not said to have never been open."""
    async with Emulator() as emulator:
        async with session(emulator) as runway:
            pass
        with pytest.raises(RuntimeError, match="was closed: use it within"):
            await runway.submit(yawn())
