"""What the journal costs: `python -m tests.benchmarks.journal [TASKS] [RUNS]`.

The same batch through one session, without and with a journal, in turn, against an emulator in another process; nothing
is downloaded. Prints the client's CPU time per task, the wall time of the whole batch, and their ratios.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cometrunway import ImageToVideo, PollPolicy, Session, Shot

QUICK = PollPolicy(first=0.5, floor=0.1, ceiling=1, per_second=1e6)


async def batch(ready: dict[str, str], tasks: int, journal: Path | None) -> tuple[float, float]:
    """Run the batch; return the CPU seconds and the wall seconds that it took."""
    prefix = os.urandom(8).hex()
    shots = (
        Shot(f"{number}", ImageToVideo(prompt_image="https://example.com/cat.jpg", prompt_text=f"{prefix} {number}"))
        for number in range(tasks)
    )
    cpu, wall = time.process_time(), time.perf_counter()
    async with Session(
        ready["api_key"], base_url=ready["base_url"], output_dir=None, journal=journal, poll=QUICK
    ) as runway:
        async for handle in runway.map(shots):
            await handle
    return time.process_time() - cpu, time.perf_counter() - wall


def main(tasks: int, runs: int) -> None:
    """Print the figures."""
    command = [sys.executable, "-m", "cometrunway", "emulator", "--median", "0.1", "--not-exist", "0"]
    figures: dict[str, list[tuple[float, float]]] = {"without": [], "with": []}
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        tempfile.TemporaryDirectory() as folder,
    ):
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        for run in range(runs):
            for name, path in (("without", None), ("with", Path(folder) / f"{run}.db")):
                figures[name].append(asyncio.run(batch(ready, tasks, path)))
        process.terminate()
    print(f"{tasks} tasks, median of {runs} runs")
    medians = {
        name: [statistics.median(values) for values in zip(*pairs, strict=True)] for name, pairs in figures.items()
    }
    for name, (cpu, wall) in medians.items():
        print(f"{name:>8} journal: {cpu / tasks * 1e6:7.0f} us CPU per task, {wall:6.2f} s in all")
    ratios = [after / before for before, after in zip(medians["without"], medians["with"], strict=True)]
    print(f"   ratio        : {ratios[0]:7.2f} CPU          , {ratios[1]:6.2f} wall")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]) if len(sys.argv) == 3 else (10_000, 3))
