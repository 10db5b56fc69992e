"""Lines of submissions: an urgent one is first, no place is lost, and the number of those that wait has a bound."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from cometrunway import Event, EventKind, errors
from cometrunway._submission._line import Line, Places, WaitingLimit
from cometrunway.emulator import Emulator, Fault
from tests.samples import CAT, PNG, yawn


async def test_a_line_is_ordered_by_priority_and_then_by_arrival() -> None:
    """One that is not late, for it had its turn before, is before all of its priority."""
    line = Line[str]()
    joined = {
        name: line.join(priority, is_late=name != "again")
        for name, priority in (("first", 0), ("second", 0), ("urgent", 5), ("again", 0), ("later", -1))
    }
    order = [line.take() for _ in joined]
    assert order == [joined[name] for name in ("urgent", "again", "first", "second", "later")]
    assert not line


async def waiting_for(places: Places, *priorities: int) -> list[asyncio.Task[None]]:
    """Return tasks that wait for a place."""
    tasks = [asyncio.create_task(places.acquire(priority)) for priority in priorities]
    await asyncio.sleep(0)
    return tasks


async def test_a_released_place_goes_to_the_first_in_line() -> None:
    """It is not free meanwhile: who comes now waits behind."""
    places = Places(1)
    await places.acquire()
    [low, high] = await waiting_for(places, 0, 1)
    places.release()
    [late] = await waiting_for(places, 2)
    assert (high.done(), low.done(), late.done()) == (True, False, False)
    for task in (late, low):
        places.release()
        await task
    places.release()
    await places.acquire()


@pytest.mark.parametrize("has_got_it", [False, True])
async def test_a_waiter_that_is_cancelled_takes_no_place(has_got_it: bool) -> None:
    """Also if it had just got the place, and had not run since: the next gets it."""
    places = Places(1)
    await places.acquire()
    [first, second] = await waiting_for(places, 0, 0)
    if has_got_it:
        places.release()
    first.cancel()
    await asyncio.wait([first])
    if not has_got_it:
        places.release()
    await asyncio.wait_for(second, 1)
    places.release()
    await asyncio.wait_for(places.acquire(), 1)


async def test_only_those_that_wait_are_counted() -> None:
    """Who finds a place does not count, and who has waited does not count any more."""
    places, limit = Places(2), WaitingLimit(1)
    for _ in range(2):
        await places.acquire(limit=limit)
    for _ in range(3):
        waiter = asyncio.create_task(places.acquire(limit=limit))
        await asyncio.sleep(0)
        with pytest.raises(errors.SubmissionQueueFullError, match="1 submissions are waiting already"):
            await places.acquire(limit=limit)
        places.release()
        await waiter


def created(emulator: Emulator) -> list[str]:
    """Return the prompts of the creates, in the order in which they came."""
    return [request.json["promptText"] for request in emulator.requests_of("create")]


async def test_an_urgent_submission_overtakes_those_that_wait_for_a_place(session: Any) -> None:
    """Of all that wait for `max_in_flight` the one of the highest priority goes first, then the one that came first."""
    async with Emulator(duration=20) as emulator, session(emulator, max_in_flight=1) as runway:
        first = await runway.submit(yawn(0))
        late = [asyncio.create_task(runway.submit(yawn(number), priority=number // 9)) for number in range(1, 10)]
        await first
        await asyncio.gather(*late)
    assert created(emulator) == [yawn(number).prompt_text for number in (0, 9, 1, 2, 3, 4, 5, 6, 7, 8)]


@pytest.mark.parametrize("files", [False, True], ids=["urls", "files"])
async def test_an_urgent_submission_overtakes_a_batch(session: Any, tmp_path: Path, files: bool) -> None:
    """While the gateway takes one create at a time, it waits only for those that are about to be sent."""
    (tmp_path / "cat.png").write_bytes(PNG)
    image: str | Path = tmp_path / "cat.png" if files else CAT
    async with Emulator(duration=20) as emulator, session(emulator, max_creates=1) as runway:
        emulator.script("create", *[Fault.slow(1)] * 100)
        batch = [asyncio.create_task(runway.submit(evolve(yawn(number), prompt_image=image))) for number in range(40)]
        await asyncio.sleep(3.5)
        before = len(created(emulator))
        await runway.submit(evolve(yawn(-1), prompt_image=image), priority=1)
        assert len(created(emulator)) <= before + 2
        await asyncio.gather(*batch)


async def test_the_submissions_that_wait_have_a_bound(session: Any) -> None:
    """One more is refused at once, and nothing is sent; a batch that waits does not count."""
    events: list[Event] = []
    async with Emulator(duration=20) as emulator:
        async with session(emulator, max_in_flight=2, max_waiting=3, on_event=events.append) as runway:
            batch = asyncio.ensure_future(runway.map(map(yawn, range(4))))
            await asyncio.sleep(1)
            waiting = [asyncio.create_task(runway.submit(yawn(number), key=str(number))) for number in range(10, 13)]
            await asyncio.sleep(1)
            began = asyncio.get_running_loop().time()
            with pytest.raises(errors.SubmissionQueueFullError, match="max_waiting") as caught:
                await runway.submit(yawn(13), key="13", priority=1)
            assert caught.value.key == "13"
            assert asyncio.get_running_loop().time() == began
            assert [(event.kind, event.key) for event in events if event.error] == [(EventKind.REFUSED, "13")]
            await waiting[0]
            await runway.submit(yawn(14))
            await asyncio.gather(*waiting, batch)
    assert emulator.creates.received == 8


async def test_the_bound_counts_what_waits_for_the_gateway_too(session: Any) -> None:
    """Also where many are submitted at once: those that can be sent are sent, some wait, and the rest are refused."""
    async with Emulator() as emulator, session(emulator, max_creates=1, max_waiting=5) as runway:
        emulator.script("create", *[Fault.slow(1)] * 100)
        outcomes = await asyncio.gather(*(runway.submit(yawn(n)) for n in range(100)), return_exceptions=True)
        refused = [each for each in outcomes if isinstance(each, errors.SubmissionQueueFullError)]
        assert 5 <= len(outcomes) - len(refused) <= 12
    assert emulator.creates.received == len(outcomes) - len(refused)
