"""What telemetry costs: `python -m tests.benchmarks.telemetry [TASKS] [RUNS]`.

The same batch through one session in turn: without telemetry, and with the SDK of OpenTelemetry, whose spans go
nowhere. The emulator runs in another process; nothing is downloaded. Prints the client's CPU time per
task, and what the recording alone takes for a task of ten polls.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from cometrunway import ImageToVideo, PollPolicy, Session, Shot, Task, TaskStatus, Telemetry
from cometrunway._events import EventEmitter, EventKind
from cometrunway._handle import Asked, TaskFuture, TaskReference
from cometrunway._telemetry._options import recorder_of

QUICK = PollPolicy(first=0.5, floor=0.1, ceiling=1, per_second=1e6)
POLLS = 10
CAT = ImageToVideo(prompt_image="https://example.com/cat.jpg", prompt_text="the cat yawns")


class Nowhere(SpanExporter):
    """Takes spans, as one that sends them does, and keeps none."""

    def export(self, _spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def telemetry() -> Telemetry:
    """Return the option that records to an SDK of its own."""
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(BatchSpanProcessor(Nowhere(), max_queue_size=100_000))
    return Telemetry(tracer_provider=tracer_provider, meter_provider=MeterProvider([InMemoryMetricReader()]))


async def batch(ready: dict[str, str], tasks: int, option: Telemetry | bool) -> float:
    """Run the batch; return the CPU seconds that it took."""
    prefix = os.urandom(8).hex()
    shots = (
        Shot(f"{number}", ImageToVideo(prompt_image="https://example.com/cat.jpg", prompt_text=f"{prefix} {number}"))
        for number in range(tasks)
    )
    cpu = time.process_time()
    async with Session(
        ready["api_key"], base_url=ready["base_url"], output_dir=None, poll=QUICK, telemetry=option
    ) as runway:
        async for handle in runway.map(shots):
            await handle
    return time.process_time() - cpu


async def recording(tasks: int, option: Telemetry | bool) -> float:
    """Return the CPU seconds that the events and counted polls of so many tasks take, and nothing else of a session."""
    recorder = recorder_of(option, provider="cometapi", host="api.cometapi.com", port=443)

    async def poll(_route: str, _id: str, _asked: Asked) -> None: ...

    counted = poll if recorder is None else recorder.counted(poll)
    events = EventEmitter(None, recorder=recorder)
    running, succeeded = (Task(id="1", status=status) for status in (TaskStatus.RUNNING, TaskStatus.SUCCEEDED))
    now = time.time()
    cpu = time.process_time()
    for number in range(tasks):
        future = TaskFuture(TaskReference(id=f"{number}", route=CAT.route), CAT, submitted_at=now)
        events.emit(EventKind.SUBMITTED, future)
        for _ in range(POLLS):
            await counted(future.route, future.id, future.asked)
            events.emit(EventKind.CHANGED, future, task=running)
        events.emit(EventKind.ENDED, future, task=succeeded)
        events.emit(EventKind.DOWNLOADED, future, task=succeeded)
    return time.process_time() - cpu


def main(tasks: int, runs: int) -> None:
    """Print the figures."""
    command = [sys.executable, "-m", "cometrunway", "emulator", "--median", "0.1", "--not-exist", "0"]
    whole: dict[str, list[float]] = {"without": [], "with": []}
    alone: dict[str, list[float]] = {"without": [], "with": []}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        for _ in range(runs):
            for name, option in (("without", False), ("with", telemetry())):
                whole[name].append(asyncio.run(batch(ready, tasks, option)))
                alone[name].append(asyncio.run(recording(tasks, option)))
        process.terminate()
    print(f"{tasks} tasks, median of {runs} runs, us of CPU per task")
    for title, figures in (("a batch", whole), ("events and polls alone", alone)):
        without, recorded = (statistics.median(figures[name]) / tasks * 1e6 for name in ("without", "with"))
        print(f"{title:>22}: {without:7.1f} without, {recorded:7.1f} with, {recorded - without:6.1f} more")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]) if len(sys.argv) == 3 else (2000, 9))
