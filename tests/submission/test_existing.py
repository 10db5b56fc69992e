"""Tasks that exist already are taken up, each once."""

import pickle
from typing import Any

import pytest

from cometrunway import (
    PollPolicy,
    TaskTimeoutError,
)
from cometrunway.emulator import Emulator, Fault
from tests.samples import ALL_ROUTES, yawn


async def test_two_creates_with_one_id_are_one_task(session: Any) -> None:
    """A server that answers two creates with the same id leaves no waiter hanging."""
    async with Emulator() as emulator, session(emulator) as runway:
        first = await runway.submit(yawn(1))
        emulator.script("create", Fault.answer(200, {"id": first.id}, acts=True))
        second = await runway.submit(yawn(2))
        assert await first == await second


async def test_a_task_is_taken_up_by_its_token(session: Any) -> None:
    """After a deadline, a second session attaches by the error's token and delivers, without a second create."""
    async with Emulator(duration=500) as emulator:
        async with session(emulator, poll=PollPolicy(deadline=60)) as runway:
            handle = await runway.submit(yawn(), key="long")
            with pytest.raises(TaskTimeoutError) as caught:
                await handle
        error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
        async with session(emulator) as runway:
            [asset] = await runway.attach(error.token)
    assert asset.path.name == "long.mp4"
    assert emulator.creates.received == 1


async def test_a_task_is_taken_up_by_its_id_and_route(session: Any) -> None:
    """An id from another tool is attached with its route."""
    async with Emulator(not_exist_seconds=0) as emulator, session(emulator) as runway:
        task_id = (await runway.submit(ALL_ROUTES[5])).id
        async with session(emulator) as other:
            assert await other.attach(task_id, route="pro_generate")


async def test_attaching_twice_polls_once(session: Any) -> None:
    """Two handles on one task share its polls."""
    async with Emulator(duration=100) as emulator, session(emulator) as runway:
        handle = await runway.submit(yawn())
        again = runway.attach(handle.token)
        assert await again == await handle
    assert len(emulator.requests_of("asset")) == 1


async def test_a_bare_id_needs_a_route(session: Any) -> None:
    """attach() of something that is neither a token nor comes with a route says what is missing."""
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(ValueError, match="route"):
            runway.attach("d0658ae1-bbdd-4adc-aaba-fd8070e14d79")
        with pytest.raises(ValueError, match="route"):
            runway.attach("d0658ae1", route="image_to_vdieo")
