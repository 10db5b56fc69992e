"""The loop whose clock jumps."""

import asyncio
import time
from threading import Event

from cometrunway import ImageToVideo, Session, TaskStatus
from cometrunway.emulator import Emulator, VirtualLoop


def test_hours_pass_in_a_moment() -> None:
    """A task of half an hour ends at once, and on the loop's clock half an hour has passed."""

    async def wait_for_the_end() -> tuple[TaskStatus, float]:
        async with Emulator(duration=1800) as emulator:
            async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=None) as runway:
                handle = await runway.submit(ImageToVideo(prompt_image="https://example.com/cat.jpg"))
                async with asyncio.timeout(2000):
                    return (await handle.wait()).status, asyncio.get_running_loop().time()

    began = time.perf_counter()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        status, passed = runner.run(wait_for_the_end())
    assert status is TaskStatus.SUCCEEDED
    assert 1800 < passed < 2000
    assert time.perf_counter() - began < 60


def test_work_in_threads_holds_the_clock() -> None:
    """A timeout does not expire because a thread of the executor is still at work."""

    async def work() -> bool:
        async with asyncio.timeout(0.001):
            return await asyncio.to_thread(Event().wait, 0.05)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert not runner.run(work())
