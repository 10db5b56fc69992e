"""A task is cancelled at the provider, or delivered if it was quicker; asyncio's own cancellation reaches neither."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cometrunway import Journal, Session, State, TaskStatus, TextToVideo, errors
from cometrunway.emulator import Emulator, Fault
from tests.samples import yawn


def boat(extra: str = "") -> TextToVideo:
    """Return a request of a route that Runway's own API has."""
    return TextToVideo(model="gen4.5", prompt_text=f"a boat {extra}", ratio="1280:720", duration=5)


async def test_a_cancelled_task_ends_is_recorded_and_is_polled_no_more(session: Any, tmp_path: Path) -> None:
    """The waiter gets TaskCancelledError, the journal has it, and the next run asks nothing and buys nothing."""
    journal = tmp_path / "shots.db"
    async with Emulator(duration=1000) as emulator:
        async with session(emulator, provider="runway", journal=journal) as runway:
            handle = await runway.submit(boat(), key="A")
            assert (await handle.cancel()).status is TaskStatus.CANCELLED
            with pytest.raises(errors.TaskCancelledError):
                await handle
            assert (await handle.cancel()).status is TaskStatus.CANCELLED
        polls = len(emulator.requests_of("poll"))
        async with session(emulator, provider="runway", journal=journal) as runway:
            with pytest.raises(errors.TaskCancelledError, match="cancelled"):
                await (await runway.submit(boat(), key="A"))
        assert (len(emulator.requests_of("poll")), emulator.creates.received) == (polls, 1)
        assert [request.method for request in emulator.requests if request.method == "DELETE"] == ["DELETE"]
    [entry] = Journal.read(journal)
    assert (entry.state, entry.failure and entry.failure.message) == (State.CANCELLED, "cancelled on the server")


async def test_what_cannot_be_cancelled_goes_on(session: Any) -> None:
    """At a gateway that is an error that says so, nothing is sent, and the task is delivered."""
    async with Emulator(duration=5) as emulator, session(emulator) as runway:
        handle = await runway.submit(yawn())
        with pytest.raises(errors.CancelNotSupportedError, match="cometapi has no request to cancel"):
            await handle.cancel()
        assert await handle
        assert (await handle.cancel()).status is TaskStatus.SUCCEEDED


async def test_a_task_that_is_too_new_for_the_api_is_cancelled_when_it_is_known(session: Any) -> None:
    """`task_not_exist` just after a create neither ends the cancellation nor lets it delete a task blindly."""
    async with Emulator(duration=1000) as emulator, session(emulator, provider="runway") as runway:
        handle = await runway.submit(boat())
        emulator.script("poll", *[Fault.not_found_yet()] * 2)
        assert (await handle.cancel()).status is TaskStatus.CANCELLED
        methods = [request.method for request in emulator.requests]
        assert methods[-5:-1] == ["GET", "GET", "GET", "DELETE"]


async def test_an_id_that_stays_unknown_is_not_cancelled(session: Any) -> None:
    """After the grace, and at once for a task from elsewhere, the error says that the API does not know it."""
    async with Emulator() as emulator, session(emulator, provider="runway") as runway:
        handle = runway.attach("00000000-0000-4000-8000-000000000000", route="text_to_video")
        with pytest.raises(errors.TaskNotFoundError):
            await handle.cancel()
        assert not [request for request in emulator.requests if request.method == "DELETE"]


async def test_a_refused_cancel_is_told_and_the_wait_goes_on(session: Any) -> None:
    """A poll that fails before it, too: nothing is cancelled blindly."""
    async with Emulator(duration=5) as emulator, session(emulator, provider="runway") as runway:
        handle = await runway.submit(boat())
        emulator.script("poll", Fault.answer(502))
        with pytest.raises(errors.ServerError):
            await handle.cancel()
        assert await handle
        assert not [request for request in emulator.requests if request.method == "DELETE"]


@pytest.mark.parametrize("is_lost", [False, True], ids=["answered", "answer_lost"])
async def test_a_task_that_is_deleted_as_it_ends_is_told_as_cancelled(
    session: Any, tmp_path: Path, is_lost: bool
) -> None:
    """It ends between the last poll and the request to cancel, which deletes it: its files are gone, and nothing waits.

    Where the answer to that request is lost, too, this is known once the id stays unknown for the grace.
    """
    async with Emulator(duration=20) as emulator:
        async with session(emulator, provider="runway", journal=tmp_path / "shots.db") as runway:
            handle = await runway.submit(boat(), key="A")
            scheduler = runway._lifetime.parts.scheduler
            cancel = scheduler._cancel

            async def late(route: str, task_id: str) -> None:
                emulator.tasks[task_id].completed_at = 0.0
                await cancel(route, task_id)
                if is_lost:
                    raise errors.TransportError("the connection broke", may_have_been_sent=True)

            scheduler._cancel = late
            if is_lost:
                with pytest.raises(errors.TransportError):
                    await handle.cancel()
            else:
                await handle.cancel()
            with pytest.raises(errors.TaskCancelledError, match="no longer known to the provider"):
                await handle
    [entry] = Journal.read(tmp_path / "shots.db")
    assert entry.state is State.CANCELLED


async def test_the_cancellation_of_a_waiter_reaches_no_task(session: Any) -> None:
    """Neither of one who waits, nor of one who leaves the session."""
    async with Emulator(duration=50) as emulator:
        async with session(emulator, provider="runway") as runway:
            handle = await runway.submit(boat())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await handle
        assert handle.task is not None
        assert handle.task.status is TaskStatus.SUCCEEDED


async def test_races_of_cancelling_and_success(tmp_path: Path) -> None:
    """Over 1,000 seeds, a task that is cancelled at any moment of its life is cancelled or delivered, in bounded time.

    A success that was seen is delivered, whatever comes then; and what is deleted at the provider is told as cancelled.
    """
    outcomes: dict[str, int] = {}
    async with Emulator(seed=1, duration=4, progress="none") as emulator:
        for first in range(0, 1000, 100):
            options: dict[str, Any] = {"provider": "runway", "base_url": emulator.base_url, "output_dir": tmp_path}
            async with Session(emulator.api_key, **options) as runway:
                ended = await asyncio.gather(*(raced(runway, seed) for seed in range(first, first + 100)))
            for outcome in ended:
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
        statuses = [task.outcome for task in emulator.tasks.values()]
    assert sum(outcomes.values()) == 1000
    assert outcomes.keys() == {"CANCELLED", "delivered"}
    assert statuses.count("CANCELLED") <= outcomes["CANCELLED"]
    assert outcomes["delivered"] <= statuses.count("SUCCEEDED")
    assert min(outcomes.values()) > 100


async def raced(runway: Session, seed: int) -> str:
    """Cancel a task at a moment that the seed says, while another waits for it; return how it ended for both."""
    rng = Random(seed)
    handle = await runway.submit(boat(str(seed)))
    waiting = asyncio.ensure_future(asyncio.wait_for(handle, 120))
    await asyncio.sleep(rng.uniform(0, 8))
    task = await asyncio.wait_for(handle.cancel(), 60)
    [outcome] = await asyncio.gather(waiting, return_exceptions=True)
    if task.status is TaskStatus.CANCELLED:
        assert isinstance(outcome, errors.TaskCancelledError)
        return "CANCELLED"
    assert task.status is TaskStatus.SUCCEEDED
    assert isinstance(outcome, tuple)
    assert all(asset.path is not None and asset.path.exists() for asset in outcome)
    return "delivered"
