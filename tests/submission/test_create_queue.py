"""Who may be sent when: places, turns, and who gives them back."""

import asyncio
from contextlib import suppress
from random import Random

import pytest

from cometrunway._submission._create_queue import CreateQueue, CreateQueues
from cometrunway.emulator import VirtualLoop


@pytest.fixture
def queues(rng: Random) -> CreateQueues:
    """Return queues for at most four creates at once."""
    return CreateQueues(4, rng)


async def limit(queue: CreateQueue, pause: float = 0.0) -> None:
    """Let a create meet a 429."""
    queue.refused(await queue.turn(was_refused=False), pause)


async def test_no_more_are_under_way_than_may_be(queues: CreateQueues) -> None:
    """Over all queues, whatever each of them would allow."""
    under_way = most = 0

    async def create(model: str) -> None:
        nonlocal under_way, most
        queue = queues.of("route", model)
        async with queue.place():
            begun = await queue.turn(was_refused=False)
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(1)
            under_way -= 1
            queue.accepted(begun)

    await asyncio.gather(*(create(model) for model in "abc" for _ in range(20)))
    assert most == 4


async def test_one_models_pause_is_not_anothers(queues: CreateQueues) -> None:
    """While a gateway asks one model to pause, another one's creates go on, though all places are taken."""
    slow, fast = queues.of("route", "slow"), queues.of("route", "fast")
    await limit(slow, pause=50)

    async def create(queue: CreateQueue) -> None:
        async with queue.place():
            queue.accepted(await queue.turn(was_refused=False))

    held = [asyncio.ensure_future(create(slow)) for _ in range(20)]
    await asyncio.sleep(1)
    for _ in range(5):
        await create(fast)
    assert asyncio.get_running_loop().time() == pytest.approx(1)
    assert not any(task.done() for task in held)
    await asyncio.gather(*held)


async def test_a_turn_that_a_429_gives_back_goes_to_another_model(queues: CreateQueues) -> None:
    """A refused create keeps its place and waits for its own limit; who waits for a turn only does not wait for it."""
    refused, other = queues.of("route", "refused"), queues.of("route", "other")
    begun = [await refused.turn(was_refused=False) for _ in range(4)]
    waiting = asyncio.ensure_future(other.turn(was_refused=False))
    await asyncio.sleep(1)
    assert not waiting.done()
    refused.refused(begun[0], 50.0)
    await asyncio.sleep(1)
    assert waiting.done()


async def test_what_was_refused_goes_first(queues: CreateQueues) -> None:
    """A refused create does not wait behind those that were never sent."""
    queue = queues.of("route", "model")
    await limit(queue, pause=5)
    order = []

    async def turn(name: str, *, was_refused: bool) -> None:
        begun = await queue.turn(was_refused=was_refused)
        order.append(name)
        queue.accepted(begun)

    await asyncio.gather(turn("new", was_refused=False), turn("refused", was_refused=True))
    assert order == ["refused", "new"]


@pytest.mark.parametrize("after", [0.0, 5.0])
async def test_who_is_cancelled_takes_no_turn(queues: CreateQueues, after: float) -> None:
    """A turn or place of a waiter who is cancelled goes to the next, also where it had just come."""
    queue = queues.of("route", "model")
    await limit(queue, pause=5)
    waiters = [asyncio.ensure_future(queue.turn(was_refused=False)) for _ in range(2)]
    await asyncio.sleep(after)
    waiters[0].cancel()
    with suppress(asyncio.CancelledError):
        queue.ended(await waiters[0])
    queue.accepted(await waiters[1])
    assert queues._shared.under_way == 0


async def test_a_place_of_one_who_is_cancelled_is_free_again(queues: CreateQueues) -> None:
    """No create waits for ever behind one that was cancelled."""
    queue = queues.of("route", "model")

    async def stay(seconds: float) -> None:
        async with queue.place():
            await asyncio.sleep(seconds)

    tasks = [asyncio.ensure_future(stay(10)) for _ in range(8)]
    await asyncio.sleep(1)
    for task in tasks[:6]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert queues._shared.places == 0
    assert not tasks[7].cancelled()


async def test_opened_queues_delay_no_create(queues: CreateQueues) -> None:
    """A create that waits continues at once, and later creates do not wait."""
    queue = queues.of("route", "model")
    await limit(queue, pause=50)
    waiting = asyncio.ensure_future(queue.turn(was_refused=False))
    await asyncio.sleep(1)
    queues.open()
    queue.ended(await waiting)
    queue.ended(await queue.turn(was_refused=False))
    assert asyncio.get_running_loop().time() == pytest.approx(1)


async def test_no_create_is_left_in_line(queues: CreateQueues) -> None:
    """Also who came after the moment of the next turn, and before the loop had noticed it."""
    queue = queues.of("route", "model")
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)

    async def create() -> None:
        queue.accepted(await queue.turn(was_refused=False))

    await limit(queue, pause=5)
    first = asyncio.ensure_future(create())
    await asyncio.sleep(0)
    loop.now += 100
    await asyncio.wait_for(asyncio.gather(first, create()), 60)


async def test_the_paces_of_those_that_wait_are_known(queues: CreateQueues) -> None:
    """Only of queues in which creates wait for the gateway's limit."""
    now = asyncio.get_running_loop().time
    queue = queues.of("route", "model")
    assert list(queues.paces(now())) == []
    await limit(queue, pause=5)
    waiting = asyncio.ensure_future(queue.turn(was_refused=False))
    await asyncio.sleep(0)
    [pace] = queues.paces(now())
    assert pace > 0
    queue.accepted(await waiting)
    assert list(queues.paces(now())) == []


async def test_one_timer_wakes_a_queue(queues: CreateQueues) -> None:
    """However many creates wait in it."""
    queue = queues.of("route", "model")
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    await limit(queue, pause=50)
    waiting = [asyncio.ensure_future(queue.turn(was_refused=False)) for _ in range(20)]
    await asyncio.sleep(0)
    assert len([timer for timer in loop._scheduled if not timer.cancelled()]) == 1  # type: ignore[attr-defined]  # asyncio's own
    for turn in waiting:
        turn.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
