"""This package, as its tutorial uses it."""

from collections.abc import AsyncIterator

from cometrunway import ImageToVideo, PollPolicy, Session
from tests.benchmarks.workload import IMAGE, KEY, Workload


async def wait_for_all(base_url: str, workload: Workload) -> None:
    """Map the workload over a session that downloads nothing and may poll as often as it likes."""

    async def requests() -> AsyncIterator[ImageToVideo]:
        async for number in workload.model():
            yield ImageToVideo(prompt_image=IMAGE, prompt_text=f"{number}")

    async with Session(
        KEY, base_url=base_url, output_dir=None, max_in_flight=workload.tasks, poll=PollPolicy(per_second=5000)
    ) as runway:
        async for handle in runway.map(requests()):
            await handle
            workload.ended(handle.id)
