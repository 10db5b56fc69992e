"""What uploading a large video holds in memory: `python -m tests.benchmarks.uploads [BYTES]`, by default 200,000,000.

A fresh process of each client uploads the same file to an emulator in a process of its own, and creates a task with
it. The growth is from before the upload to the most that the process has held.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from runwayml import AsyncRunwayML

from cometrunway import Session, VideoToVideo
from tests.benchmarks import machine
from tests.samples import MP4

SIZE = 200_000_000


async def cometrunway(base_url: str, key: str, path: Path) -> None:
    """Submit a request with a local file."""
    journal = path.with_suffix(".db")  # so that the digest of the file is recorded, too
    async with Session(key, base_url=base_url, provider="runway", output_dir=None, journal=journal) as runway:
        await runway.submit(VideoToVideo(video_uri=path, prompt_text="snow", model="aleph2", ratio=None))
        await runway.close(wait=0)


async def official(base_url: str, key: str, path: Path) -> None:
    """Do the same with Runway's own SDK."""
    async with AsyncRunwayML(api_key=key, base_url=base_url, timeout=600) as sdk:
        uploaded = await sdk.uploads.create_ephemeral(file=path)
        await sdk.video_to_video.create(model="aleph2", video_uri=uploaded.uri, prompt_text="snow")


CLIENTS: dict[str, Callable[[str, str, Path], Awaitable[None]]] = {"cometrunway": cometrunway, "runwayml": official}


def main() -> None:
    """Measure one client in this process; for `measure`."""
    client, base_url, key, path = sys.argv[1:]
    before, began = machine.memory(), time.perf_counter()
    asyncio.run(CLIENTS[client](base_url, key, Path(path)))  # type: ignore[arg-type]  # they are coroutines
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "growth_mb": round((machine.peak_memory() - before) / 1e6, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "seconds": round(time.perf_counter() - began, 2),
    }
    print(json.dumps(found))


def measure(size: int) -> dict[str, dict[str, float]]:
    """Return what each client has used."""
    found = {}
    command = [sys.executable, "-m", "cometrunway", "emulator", "--speed=1000"]
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(command, stdout=subprocess.PIPE) as emulator:
        path = Path(folder) / "film.mp4"
        path.write_bytes(MP4)
        with path.open("r+b") as file:
            file.truncate(size)
        assert emulator.stdout is not None
        ready = json.loads(emulator.stdout.readline())
        try:
            for client in CLIENTS:
                arguments = (client, ready["base_url"], ready["api_key"], str(path))
                found[client] = machine.in_a_process("tests.benchmarks.uploads", *arguments)
        finally:
            emulator.terminate()
    return found


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main()
    else:
        print(json.dumps(measure(int(sys.argv[1]) if sys.argv[1:] else SIZE), indent=1))
