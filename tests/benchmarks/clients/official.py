"""Runway's own SDK: a coroutine for each task, as its documentation has it."""

from typing import Any

from runwayml import AsyncRunwayML, DefaultAioHttpClient

from tests.benchmarks.workload import IMAGE, KEY, Workload


async def wait_for_all(base_url: str, workload: Workload, **options: Any) -> None:
    """Use it as it comes, on httpx."""
    async with AsyncRunwayML(api_key=KEY, base_url=f"{base_url}/runwayml", **options) as client:

        async def one(number: int) -> None:
            task = await client.image_to_video.create(
                model="gen4_turbo", prompt_image=IMAGE, ratio="1280:720", prompt_text=f"{number}"
            )
            await task.wait_for_task_output()
            workload.ended(task.id)

        await workload.each_in_a_coroutine(one)


async def wait_for_all_on_aiohttp(base_url: str, workload: Workload) -> None:
    """Use it with its aiohttp extra."""
    await wait_for_all(base_url, workload, http_client=DefaultAioHttpClient())
