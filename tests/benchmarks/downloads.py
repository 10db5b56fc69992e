"""What downloading costs, and whether polls suffer from it.

The same files, 32 at once, to the same disk, over loopback without a limit, and at the rate of a network: `bare` reads
with aiohttp and writes, and that is all; `bare, durable` also takes the SHA-256 of what it wrote and calls fsync;
`cometrunway` does all that off the event loop, checks that the container is whole, writes to a part first, links it to
its name, and syncs the folder. Then tasks are polled every second, with and without their clips being downloaded: the
lag is from a task's end to the poll that found it.
"""

import asyncio
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import aiohttp

from cometrunway import Asset, ImageToVideo, PollPolicy, Session
from tests.benchmarks import machine
from tests.benchmarks.workload import IMAGE, KEY, Workload

FILES = 144
FILE_SIZE = 4 * 1024 * 1024
AT_ONCE = 32
LINES = {"loopback": 0.0, "network": 2.5e9 / 8}
"""Bytes per second: without a limit, and 2.5 gigabits."""
TASKS = 400
CLIP_SIZE = 512 * 1024
EVERY_SECOND = PollPolicy(rule="fixed", first=1.0, per_second=5000)
Fetch = Callable[[str, Path], Awaitable[object]]


async def by_ours(base_url: str, folder: Path) -> float:
    """Download with a session; return the seconds that it took."""
    async with Session(KEY, base_url=base_url, output_dir=None) as runway:
        return await _all(base_url, folder, lambda url, path: runway.download(Asset(url=url), path))


async def by_hand(base_url: str, folder: Path) -> float:
    """Read and write; return the seconds that it took."""
    return await _by_hand(base_url, folder, is_durable=False)


async def by_hand_durably(base_url: str, folder: Path) -> float:
    """Read, write, digest and sync; return the seconds that it took."""
    return await _by_hand(base_url, folder, is_durable=True)


async def _by_hand(base_url: str, folder: Path, *, is_durable: bool) -> float:
    async with aiohttp.ClientSession(auto_decompress=False) as http:

        async def fetch(url: str, path: Path) -> None:
            digest = hashlib.sha256()
            with path.open("wb") as file:
                async with http.get(url) as answer:
                    async for chunk in answer.content.iter_any():
                        file.write(chunk)
                        if is_durable:
                            digest.update(chunk)
                if is_durable:
                    file.flush()
                    await asyncio.to_thread(os.fsync, file.fileno())

        return await _all(base_url, folder, fetch)


async def _all(base_url: str, folder: Path, fetch: Fetch) -> float:
    numbers = iter(range(FILES))

    async def some() -> None:
        for number in numbers:
            await fetch(f"{base_url}/files/{number}.mp4", folder / f"{number}.mp4")

    start = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return time.perf_counter() - start


async def ends_seen(base_url: str, folder: Path | None) -> dict[str, float]:
    """Wait for tasks, and fetch their clips if there is a folder; return when the end of each was known."""
    workload = Workload(TASKS, over=2.0)
    async with Session(KEY, base_url=base_url, output_dir=folder, poll=EVERY_SECOND) as runway:

        async def one(number: int) -> None:
            handle = await runway.submit(ImageToVideo(prompt_image=IMAGE, prompt_text=f"{number}"))
            await handle.wait()
            workload.ended(handle.id)
            await handle

        await workload.each_in_a_coroutine(one)
    return workload.ends


FETCHERS: dict[str, Callable[[str, Path], Coroutine[Any, Any, float]]] = {
    "bare": by_hand,
    "bare, durable": by_hand_durably,
    "cometrunway": by_ours,
}


def main() -> None:
    """Measure in this process; for `measure`."""
    what, base_url = sys.argv[1:]
    machine.pin(0)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        if what in FETCHERS:
            cpu = time.process_time()
            seconds = runner.run(FETCHERS[what](base_url, Path(folder)))
            cpu = time.process_time() - cpu
            size = sum(path.stat().st_size for path in Path(folder).iterdir())
            found: object = {"bytes_per_second": size / seconds, "cpu_per_gigabyte": cpu / size * 1e9}
        else:
            found = runner.run(ends_seen(base_url, Path(folder) if what == "downloading" else None))
        print(json.dumps(found))


def measure(*, runs: int) -> dict[str, Any]:
    """Return each way's throughput in bytes per second and its seconds of CPU, and the lags, run after run."""
    speeds: dict[str, dict[str, list[dict[str, float]]]] = {where: {} for where in LINES}
    lags: dict[str, list[dict[str, float]]] = {}
    for _ in range(runs):
        for where, limit in LINES.items():
            for way in FETCHERS:
                speeds[where].setdefault(way, []).append(_fetched(way, limit))
        for what in ("polling", "downloading"):
            lags.setdefault(what, []).append(_lag(what))
    return {"speeds": speeds, "lags": lags}


def _fetched(way: str, limit: float) -> dict[str, float]:
    with machine.server(file_size=FILE_SIZE, bytes_per_second=limit) as base_url:
        found: dict[str, float] = machine.in_a_process("tests.benchmarks.downloads", way, base_url)
    return found


def _lag(what: str) -> dict[str, float]:
    with machine.server(file_size=CLIP_SIZE, shortest=3, longest=8) as base_url:
        seen = machine.in_a_process("tests.benchmarks.downloads", what, base_url)
        ends = machine.books(base_url)["ends"]
    cuts = statistics.quantiles((seen[task_id] - end for task_id, end in ends.items()), n=100, method="inclusive")
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98]}


if __name__ == "__main__":
    main()
