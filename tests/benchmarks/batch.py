"""What a large batch on the command line costs: `python -m tests.benchmarks.batch [SHOTS]`.

SHOTS shots (10,000) go through `cometrunway run --journal` on a terminal, with its live display, against an emulator in
another process. Prints the whole time, the command's CPU time and the display's part of it, and the memory that the
command held when each quarter of the shots was done.
"""

import json
import os
import pty
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from cometrunway import Event
from cometrunway._cli._main import main as command
from cometrunway.progress._counts import BatchCounts
from cometrunway.progress._display import ProgressDisplay
from cometrunway.progress._live import LiveDisplay
from tests.benchmarks.machine import memory
from tests.served import served_by_emulator

FIGURES = "figures.json"


def child(shots: str, total: int) -> None:
    """Run the command in this process, and write down what it and its display cost."""
    spent, held = [0.0], list[float]()
    on_event, draw = ProgressDisplay.on_event, LiveDisplay._draw

    def timed_event(display: ProgressDisplay, event: Event) -> None:
        began = time.thread_time()
        on_event(display, event)
        spent[0] += time.thread_time() - began
        finished = display._counts.finished if display._counts else 0
        if finished >= total * (len(held) + 1) / 4:
            held.append(memory() / 2**20)

    def timed_draw(display: LiveDisplay, counts: BatchCounts, now: float) -> None:
        began = time.thread_time()
        draw(display, counts, now)
        spent[0] += time.thread_time() - began

    with patch.object(ProgressDisplay, "on_event", timed_event), patch.object(LiveDisplay, "_draw", timed_draw):
        status = command(["run", shots, "--journal", "shots.db"])
    figures = {"status": status, "cpu": time.process_time(), "display": spent[0], "held": held}
    Path(FIGURES).write_text(json.dumps(figures))


def drain(screen: int) -> None:
    """Read a terminal until no process writes to it any more."""
    try:
        while os.read(screen, 65536):
            pass
    except OSError:  # what Linux says when no process has it open
        pass


def main(shots: int) -> None:
    """Run the batch and print its figures."""
    with tempfile.TemporaryDirectory() as name, served_by_emulator("--median", "5", "--not-exist", "0") as served:
        folder = Path(name)
        lines = (
            {"route": "image_to_video", "key": f"shot-{n:05}", "promptImage": "https://example.com/cat.jpg", "seed": n}
            for n in range(shots)
        )
        (folder / "shots.jsonl").write_text("\n".join(map(json.dumps, lines)))
        screen, theirs = pty.openpty()
        began = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.batch", "--child", "shots.jsonl", str(shots)],
            cwd=folder,
            env={**os.environ, **served, "TERM": "xterm-256color", "PYTHONPATH": str(Path.cwd())},
            stdout=subprocess.DEVNULL,
            stderr=theirs,
        ):
            os.close(theirs)
            drain(screen)
        seconds = time.monotonic() - began
        figures = json.loads((folder / FIGURES).read_text())
        done = len(list((folder / "outputs").iterdir()))
    print(f"{done:,} of {shots:,} files in {seconds:.0f} s, exit status {figures['status']}")
    print(
        f"CPU {figures['cpu']:.1f} s; the display {figures['display']:.2f} s: {figures['display'] / figures['cpu']:.1%}"
    )
    print("MiB held with each quarter done: " + ", ".join(f"{mib:.0f}" for mib in figures["held"]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 10_000)
