"""What waiting costs: `python -m tests.benchmarks.waits [TASKS] [PROGRESS] [CLIENT ...]`.

TASKS tasks of 20 to 60 seconds, submitted over 20 seconds, against an emulator in another process, client by client:
`cometrunway`, `runwayml` (the official SDK), `runwayml-aiohttp` (with its aiohttp extra), `coroutines` (an aiohttp loop
of one's own for each task, every five seconds). Prints polls per task, the lag between a task's end and the look that
saw it, the client's CPU time, its peak memory, and the longest time for which its event loop stood still.
"""

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.request import urlopen

import aiohttp

from cometrunway import ImageToVideo, PollPolicy, Session

SUBMITTED_OVER = 20.0
IMAGE = "https://example.com/cat.jpg"
Client = Callable[[dict[str, str], int], Awaitable[int]]


async def paced(number: int, tasks: int) -> None:
    """Wait for the moment at which this task is submitted."""
    await asyncio.sleep(SUBMITTED_OVER * number / tasks)


async def cometrunway(ready: dict[str, str], tasks: int) -> int:
    """Use this package."""
    done = 0

    async def one(runway: Session, number: int) -> None:
        nonlocal done
        await paced(number, tasks)
        handle = await runway.submit(ImageToVideo(prompt_image=IMAGE, prompt_text=f"{os.getpid()} {number}"))
        await handle
        done += 1

    async with Session(
        ready["api_key"],
        base_url=ready["base_url"],
        output_dir=None,
        max_in_flight=tasks,
        poll=PollPolicy(per_second=1000),
    ) as runway:
        await asyncio.gather(*(one(runway, number) for number in range(tasks)))
    return done


async def official(ready: dict[str, str], tasks: int, **options: Any) -> int:
    """Use the official SDK."""
    from runwayml import AsyncRunwayML

    done = 0
    async with AsyncRunwayML(api_key=ready["api_key"], base_url=f"{ready['base_url']}/runwayml", **options) as client:

        async def one(number: int) -> None:
            nonlocal done
            await paced(number, tasks)
            task = await client.image_to_video.create(
                model="gen4_turbo", prompt_image=IMAGE, ratio="1280:720", prompt_text=f"{os.getpid()} {number}"
            )
            await task.wait_for_task_output()
            done += 1

        await asyncio.gather(*(one(number) for number in range(tasks)), return_exceptions=True)
    return done


async def official_on_aiohttp(ready: dict[str, str], tasks: int) -> int:
    """Use the official SDK with its aiohttp extra."""
    from runwayml import DefaultAioHttpClient

    return await official(ready, tasks, http_client=DefaultAioHttpClient())


async def coroutines(ready: dict[str, str], tasks: int) -> int:
    """Use a loop of one's own."""
    done = 0
    headers = {"Authorization": f"Bearer {ready['api_key']}", "X-Runway-Version": "2024-11-06"}

    async def one(http: aiohttp.ClientSession, number: int) -> None:
        nonlocal done
        await paced(number, tasks)
        prompt = f"{os.getpid()} {number}"
        body = {"model": "gen4_turbo", "promptImage": IMAGE, "ratio": "1280:720", "promptText": prompt}
        async with http.post(f"{ready['base_url']}/runwayml/v1/image_to_video", json=body) as answer:
            task_id = (await answer.json())["id"]
        status = ""
        while status not in {"SUCCEEDED", "FAILED", "CANCELLED"}:
            await asyncio.sleep(5)
            async with http.get(f"{ready['base_url']}/runwayml/v1/tasks/{task_id}") as answer:
                status = (await answer.json()).get("status", "")
        done += 1

    async with aiohttp.ClientSession(headers=headers) as http:
        await asyncio.gather(*(one(http, number) for number in range(tasks)))
    return done


CLIENTS: dict[str, Client] = {
    "cometrunway": cometrunway,
    "runwayml": official,
    "runwayml-aiohttp": official_on_aiohttp,
    "coroutines": coroutines,
}


async def longest_stall(stop: asyncio.Event) -> float:
    """Return the longest time for which the loop did not come round, in seconds."""
    longest, before = 0.0, time.perf_counter()
    while not stop.is_set():
        await asyncio.sleep(0.01)
        now = time.perf_counter()
        longest, before = max(longest, now - before - 0.01), now
    return longest


async def measured(client: str, ready: dict[str, str], tasks: int) -> dict[str, float]:
    """Run one client in this process; return its figures."""
    stop = asyncio.Event()
    stall = asyncio.ensure_future(longest_stall(stop))
    cpu = time.process_time()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with asyncio.timeout(300):
        done = await CLIENTS[client](ready, tasks)
    cpu = time.process_time() - cpu
    stop.set()
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / tasks
    return {"done": done, "cpu": cpu, "kib": memory, "stall": await stall}


def books(ready: dict[str, str]) -> tuple[float, list[float]]:
    """Return the polls per task and the lags, as the emulator saw them."""
    with urlopen(f"{ready['base_url']}/__emulator__/ledger") as answer:  # noqa: S310 - our own process
        entries = json.load(answer)["entries"]
    lags = [entry["end_seen_at"] - entry["completed_at"] for entry in entries if entry["end_seen_at"] is not None]
    return statistics.fmean(entry["polls"] for entry in entries), lags


def main(tasks: int, progress: str, clients: list[str]) -> None:
    """Print the figures, client after client, each in a process of its own with a fresh emulator."""
    print("| client | done | polls per task | lag p50 | p95 | CPU s | KiB per task | longest stall ms |")
    print("|---|---|---|---|---|---|---|---|")
    for client in clients:
        command = [sys.executable, "-m", "cometrunway", "emulator", "--uniform", "20", "60", "--not-exist", "0"]
        with subprocess.Popen([*command, "--progress", progress], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            child = [sys.executable, "-m", "tests.benchmarks.waits", "--child", client, json.dumps(ready), str(tasks)]
            found = json.loads(subprocess.run(child, stdout=subprocess.PIPE, check=True).stdout)
            polls, lags = books(ready)
            process.terminate()
        quantiles = statistics.quantiles(lags, n=100)
        print(
            f"| {client} | {found['done']}/{tasks} | {polls:.2f} | {quantiles[49]:.2f} | {quantiles[94]:.2f} | "
            f"{found['cpu']:.1f} | {found['kib']:.1f} | {found['stall'] * 1000:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(asyncio.run(measured(sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])))))
    else:
        arguments = sys.argv[1:] or ["2000"]
        main(int(arguments[0]), (arguments[1:2] or ["none"])[0], arguments[2:] or list(CLIENTS))
