"""The deadline of a wait, on virtual time."""

import asyncio

import pytest

from cometrunway import Asset, Task, errors
from cometrunway._handle import TaskFuture
from tests.polling.test_scheduler import FILE, World, after, task, watched

FOUND = (Asset(url=FILE),)


class SlowHost(World):
    """A world whose deliveries take some seconds."""

    seconds = 0.0

    async def deliver(self, _future: TaskFuture, _ended: Task) -> tuple[Asset, ...]:
        await asyncio.sleep(self.seconds)
        return FOUND


@pytest.mark.parametrize("seconds", [9.9, 10.1])
async def test_files_have_ten_seconds_when_the_end_is_found_at_the_deadline(seconds: float) -> None:
    """The last poll is sent at the deadline, and what it finds is delivered, unless that takes longer."""
    world = SlowHost(after(99.0, task("SUCCEEDED")))
    world.seconds = seconds
    async with world.scheduler(deadline=100, rule="fixed", first=70.0) as scheduler:
        handle = watched(scheduler)
        if seconds < 10.0:
            assert await handle == FOUND
        else:
            with pytest.raises(errors.TaskTimeoutError, match="not on disk after 100"):
                await handle
        assert world.polls[-1] == (100.0, "t")
        assert asyncio.get_running_loop().time() == pytest.approx(100.0 + min(seconds, 10.0))


@pytest.mark.parametrize("trouble", [TimeoutError("of a program's own"), KeyError("of a program's own")])
async def test_an_error_of_a_delivery_that_is_not_ours_ends_its_wait(trouble: Exception) -> None:
    """Also a timeout that is not the deadline's: the error is raised where the task is awaited."""

    class Broken(World):
        async def deliver(self, _future: TaskFuture, _ended: Task) -> tuple[Asset, ...]:
            raise trouble

    async with Broken(after(0.0, task("SUCCEEDED"))).scheduler(deadline=100) as scheduler:
        handle = watched(scheduler)
        with pytest.raises(type(trouble), match="of a program's own"):
            async with asyncio.timeout(50.0):
                await handle
