"""Plain aiohttp: the loop that everybody writes first, and what no client can do without."""

import asyncio
import json
from collections.abc import Iterator

import aiohttp

from tests.benchmarks.workload import HEADERS, IMAGE, Workload

_PAUSE = 5.0
_AT_ONCE = 128
_LOOKS = 3


async def _create(http: aiohttp.ClientSession, base_url: str, number: int) -> str:
    body = {"model": "gen4_turbo", "promptImage": IMAGE, "ratio": "1280:720", "promptText": f"{number}"}
    async with http.post(f"{base_url}/runwayml/v1/image_to_video", json=body) as answer:
        return str(json.loads(await answer.read())["id"])


async def _poll(http: aiohttp.ClientSession, base_url: str, task_id: str) -> str:
    async with http.get(f"{base_url}/runwayml/v1/tasks/{task_id}") as answer:
        return str(json.loads(await answer.read())["status"])


async def wait_for_all(base_url: str, workload: Workload) -> None:
    """Run a coroutine for each task, which polls every five seconds."""
    async with aiohttp.ClientSession(headers=HEADERS) as http:

        async def one(number: int) -> None:
            task_id = await _create(http, base_url, number)
            status = ""
            while status != "SUCCEEDED":
                await asyncio.sleep(_PAUSE)
                status = await _poll(http, base_url, task_id)
            workload.ended(task_id)

        await workload.each_in_a_coroutine(one)


async def only_ask(base_url: str, workload: Workload) -> None:
    """Make all tasks and look at each three times, 128 at once, as fast as it goes, waiting for nothing: the floor."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE), headers=HEADERS) as http:

        async def some(numbers: Iterator[int]) -> None:
            for number in numbers:
                task_id = await _create(http, base_url, number)
                for _ in range(_LOOKS):
                    await _poll(http, base_url, task_id)

        numbers = iter(range(workload.tasks))
        await asyncio.gather(*(some(numbers) for _ in range(_AT_ONCE)))
