"""The emulator's faults: each does what it says, and wrong rates are refused."""

import asyncio
from typing import Any

import pytest

from cometrunway.emulator import Fault, Faults
from tests.emulator.test_server import BODIES, Caller, path_of, running


async def create(caller: Caller) -> tuple[int, Any]:
    """Send one creation, whatever comes of it."""
    return await caller.call("POST", path_of("image_to_video"), BODIES["image_to_video"])


async def test_a_rate_limit_says_how_long() -> None:
    """429 comes with a Retry-After if asked for, and never without."""
    async with running() as caller:
        caller.emulator.script("poll", Fault.rate_limited(2.5), Fault.rate_limited())
        url = caller.emulator.base_url + "/runwayml/v1/tasks/x"
        for expected in ("2.5", None):
            async with caller.http.get(url) as response:
                assert (response.status, response.headers.get("Retry-After")) == (429, expected)


async def test_pages_instead_of_answers() -> None:
    """A proxy's page is HTML, with the status of an error or of success."""
    async with running() as caller:
        caller.emulator.script("poll", Fault.bad_gateway(), Fault.html())
        for status in (502, 200):
            answered, page = await caller.call("GET", "/runwayml/v1/tasks/x")
            assert answered == status
            assert page.startswith("<html>")


async def test_a_slow_answer_is_right() -> None:
    """A slow answer is the right one, so many seconds late."""
    async with running() as caller:
        caller.emulator.script("create", Fault.slow(20))
        start = asyncio.get_running_loop().time()
        assert (await create(caller))[0] == 200
        assert asyncio.get_running_loop().time() - start == pytest.approx(20, abs=0.1)


async def test_a_known_task_can_be_forgotten_for_a_poll() -> None:
    """A scripted task_not_exist strikes a task that exists, in any wire form."""
    async with running() as caller:
        task_id = await caller.create()
        caller.emulator.script("poll", Fault.not_found_yet("404"), Fault.not_found_yet("status"))
        assert (await caller.call("GET", f"/runwayml/v1/tasks/{task_id}"))[0] == 404
        assert await caller.feed(task_id) == {"id": task_id, "status": "task_not_exist"}


@pytest.mark.parametrize("text", ["poll:502", "watch:502=0.1", "poll:meteor=0.1", "poll:500=0.7 poll:429=0.7"])
def test_wrong_rates_are_refused(text: str) -> None:
    """A rate that makes no sense is a ValueError that shows how to write one."""
    with pytest.raises(ValueError, match=r"OPERATION:FAULT=RATE|unknown fault|at most 1"):
        Faults.parse(*text.split())
