"""What one poll costs: a bare aiohttp GET and json, our whole way from the heap to the future, and the official SDK.

All poll the same kind of server for the same time on the same kind of event loop, with 128 requests under way at any
time, each task by its own URL. Nothing waits: the loops are as busy as they can be, so that what differs is what the
client does for each poll. `bare` is what one writes by hand: a session with its defaults, except that it may open 256
connections, as ours may; a URL made from a string; `json.loads`. The official SDK only retrieves: it has no scheduler.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp

from cometrunway import ImageToVideo, PollPolicy, Session
from tests.benchmarks import machine
from tests.benchmarks.workload import HEADERS, IMAGE, KEY

if TYPE_CHECKING:
    from runwayml import AsyncRunwayML

AT_ONCE = 128
CONNECTIONS = 256
TASKS = 256
WARM_UP = 0.5


async def bare(base_url: str, seconds: float) -> float:
    """Poll by hand; return microseconds of CPU per poll."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS), headers=HEADERS) as http:

        async def poll(task_id: str) -> None:
            async with http.get(f"{base_url}/runwayml/v1/tasks/{task_id}") as answer:
                assert json.loads(await answer.read())["status"] == "RUNNING"

        return await _in_loops(poll, base_url, seconds)


async def official(base_url: str, seconds: float) -> float:
    """Retrieve with the official SDK as it comes."""
    from runwayml import AsyncRunwayML

    return await _retrieving(AsyncRunwayML(api_key=KEY, base_url=f"{base_url}/runwayml"), base_url, seconds)


async def official_on_aiohttp(base_url: str, seconds: float) -> float:
    """Retrieve with the official SDK and its aiohttp extra."""
    from runwayml import AsyncRunwayML, DefaultAioHttpClient

    http = DefaultAioHttpClient()
    client = AsyncRunwayML(api_key=KEY, base_url=f"{base_url}/runwayml", http_client=http)
    return await _retrieving(client, base_url, seconds)


async def _retrieving(client: "AsyncRunwayML", base_url: str, seconds: float) -> float:
    async with client:
        return await _in_loops(client.tasks.retrieve, base_url, seconds)


async def _in_loops(poll: Callable[[str], Awaitable[object]], base_url: str, seconds: float) -> float:
    ids = [machine.asked(base_url, "/runwayml/v1/image_to_video", b"{}")["id"] for _ in range(TASKS)]

    async def poll_for_ever(number: int) -> None:
        while True:
            for task_id in ids[number::AT_ONCE]:
                await poll(task_id)

    loops = [asyncio.ensure_future(poll_for_ever(number)) for number in range(AT_ONCE)]
    found = await _per_poll(base_url, seconds)
    for loop in loops:
        loop.cancel()
    await asyncio.wait(loops)
    return found


async def cometrunway(base_url: str, seconds: float) -> float:
    """Poll through a session; return microseconds of CPU per poll."""
    at_once = PollPolicy(rule="fixed", first=0.001, per_second=1e6)
    found = 0.0
    with suppress(_EnoughError):
        async with Session(KEY, base_url=base_url, output_dir=None, poll=at_once) as runway:
            for number in range(TASKS):
                await runway.submit(ImageToVideo(prompt_image=IMAGE, prompt_text=f"{number}"))
            found = await _per_poll(base_url, seconds)
            raise _EnoughError
    return found


class _EnoughError(Exception):
    """The files of these tasks are not needed."""


async def _per_poll(base_url: str, seconds: float) -> float:
    await asyncio.sleep(WARM_UP)
    # Asking blocks the loop, so that nothing is polled between the question and the clock.
    before: int = machine.books(base_url)["polls"]
    cpu = time.process_time()
    await asyncio.sleep(seconds)
    cpu = time.process_time() - cpu
    after: int = machine.books(base_url)["polls"]
    return cpu / (after - before) * 1e6


CLIENTS: dict[str, Callable[[str, float], Coroutine[Any, Any, float]]] = {
    "bare": bare,
    "cometrunway": cometrunway,
    "runwayml": official,
    "runwayml-aiohttp": official_on_aiohttp,
}


def main() -> None:
    """Measure one client in this process; for `measure`."""
    client, base_url, seconds = sys.argv[1:]
    machine.pin(0)
    with asyncio.Runner() as runner:
        print(json.dumps(runner.run(CLIENTS[client](base_url, float(seconds)))))


def measure(*, runs: int, seconds: float) -> dict[str, list[float]]:
    """Return each client's microseconds of CPU per poll, run after run, in turn."""
    found: dict[str, list[float]] = {client: [] for client in CLIENTS}
    for _ in range(runs):
        for client in CLIENTS:
            with machine.server(shortest=3600, longest=3600) as base_url:
                found[client].append(machine.in_a_process("tests.benchmarks.polls", client, base_url, str(seconds)))
    return found


if __name__ == "__main__":
    main()
