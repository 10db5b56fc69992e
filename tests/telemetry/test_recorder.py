"""Spans and metrics of sessions, as the SDK's exporters in memory get them."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from cometrunway import CometRunwayError, ImageToVideo, OutcomeUnknownError, Session, Shot, TaskFailedError, Telemetry
from cometrunway._events import EventEmitter, EventKind
from cometrunway._handle import SubmissionReference, TaskFuture, TaskReference
from cometrunway._telemetry._options import recorder_of
from cometrunway.emulator import Emulator, Fault

CAT = ImageToVideo(prompt_image="https://example.com/cat.jpg?signature=s3cret", prompt_text="the cat yawns", seed=7)
OF_CAT = {
    "gen_ai.operation.name": "generate_content",
    "gen_ai.provider.name": "cometapi",
    "gen_ai.request.model": "gen3a_turbo",
    "cometrunway.route": "image_to_video",
    "server.address": "127.0.0.1",
}


class Exporters:
    """An OpenTelemetry SDK of a test's own."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider([self._reader])

    def telemetry(self, *, prompts: bool = False) -> Telemetry:
        """Return the option of a session that records here."""
        return Telemetry(prompts=prompts, tracer_provider=self.tracer_provider, meter_provider=self.meter_provider)

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans of submissions that have ended."""
        return [span for span in self._spans.get_finished_spans() if span.kind is SpanKind.CLIENT]

    def metric(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """The attributes and the value of each point of a metric: its number, or the sum of its histogram."""
        data: Any = self._reader.get_metrics_data()
        found = [metric for of in data.resource_metrics for scope in of.scope_metrics for metric in scope.metrics]
        points = [point for metric in found if metric.name == name for point in metric.data.data_points]
        return [(dict(point.attributes), getattr(point, "value", None) or getattr(point, "sum", 0)) for point in points]

    def numbers(self, name: str, attribute: str) -> dict[Any, Any]:
        """The values of a metric, by one of its attributes."""
        return {attributes.get(attribute): value for attributes, value in self.metric(name)}


@pytest.fixture
def exporters() -> Exporters:
    """Return exporters that have got nothing yet."""
    return Exporters()


async def test_a_span_covers_create_wait_and_files(session: Callable[..., Session], exporters: Exporters) -> None:
    """It begins with the create, ends after the download, tells how long each step took, and says what was made."""
    async with Emulator(duration=60) as emulator, session(emulator, telemetry=exporters.telemetry()) as runway:
        handle = await runway.submit(CAT, key="cat")
        [clip] = await handle
    [span] = exporters.spans
    assert span.name == "generate_content gen3a_turbo"
    assert span.status.status_code is StatusCode.UNSET
    attributes: dict[str, Any] = dict(span.attributes or {})
    create, wait = (attributes.pop(f"cometrunway.{phase}.duration") for phase in ("create", "wait"))
    assert attributes == {
        **OF_CAT,
        "server.port": int(emulator.base_url.rpartition(":")[2]),
        "gen_ai.response.id": handle.id,
        "gen_ai.output.type": "video",
        "gen_ai.request.seed": 7,
        "cometrunway.key": "cat",
        "cometrunway.task.status": "SUCCEEDED",
        "cometrunway.bytes": clip.size,
    }
    began, ended = (span.start_time or 0) / 1e9, (span.end_time or 0) / 1e9
    assert began < began + create < began + create + wait < ended


async def test_a_span_links_to_each_request_that_submitted_it(
    session: Callable[..., Session], exporters: Exporters, tmp_path: Path
) -> None:
    """It is the root of a trace of its own; the same key from a second request adds a second link."""
    tracer = exporters.tracer_provider.get_tracer("web")
    options = {"telemetry": exporters.telemetry(), "journal": tmp_path / "shots.db"}
    async with Emulator() as emulator, session(emulator, **options) as runway:
        with tracer.start_as_current_span("POST /clips") as first:
            await runway.submit(CAT, key="cat")
        with tracer.start_as_current_span("POST /clips again") as second:
            await runway.submit(CAT, key="cat")
        with tracer.start_as_current_span("POST /batch") as batch:
            [handle async for handle in runway.map([Shot("dog", CAT)])]
    of_cat, of_dog = sorted(exporters.spans, key=lambda span: str((span.attributes or {})["cometrunway.key"]))
    assert of_cat.parent is None
    assert [link.context for link in of_cat.links] == [first.get_span_context(), second.get_span_context()]
    assert [link.context for link in of_dog.links] == [batch.get_span_context()]


async def test_a_full_disk_is_no_step_of_a_submission(exporters: Exporters, caplog: pytest.LogCaptureFixture) -> None:
    """It ends nothing, and links to nothing: neither of a submission that has no task yet, nor of a task."""
    recorder = recorder_of(exporters.telemetry(), provider="cometapi", host="api.cometapi.com", port=443)
    events = EventEmitter(None, recorder=recorder)
    future = TaskFuture(TaskReference(id="1", route=CAT.route), CAT)
    with exporters.tracer_provider.get_tracer("web").start_as_current_span("POST /clips") as request:
        events.emit(EventKind.SUBMITTED, future)
        for subject in (SubmissionReference(request=CAT, key="cat", begun_at=0.0), future):
            events.emit(EventKind.DISK_FULL, subject, error=CometRunwayError("the disk is full"))
    events.close()
    [span] = exporters.spans
    assert [link.context for link in span.links] == [request.get_span_context()]
    assert not caplog.records


async def test_what_came_of_creates_and_polls_is_counted(session: Callable[..., Session], exporters: Exporters) -> None:
    """Creates by their outcome, polls and their errors, bytes, and how long it took from the create to the file."""
    async with Emulator(duration=60, not_exist_seconds=0) as emulator:
        async with session(emulator, telemetry=exporters.telemetry()) as runway:
            emulator.script("create", Fault.rate_limited(1), Fault.ok(), Fault.answer(400), Fault.drop_after())
            emulator.script("poll", Fault.bad_gateway())
            handle = await runway.submit(CAT)
            for error in (CometRunwayError, OutcomeUnknownError):
                with pytest.raises(error):
                    await runway.submit(CAT)
            assert exporters.numbers("cometrunway.in_flight", "cometrunway.route") == {"image_to_video": 1}
            [clip] = await handle
    outcomes = exporters.numbers("cometrunway.creates", "cometrunway.outcome")
    assert outcomes == {"accepted": 1, "retried": 1, "refused": 1, "in_doubt": 1}
    [(attributes, polls)] = exporters.metric("cometrunway.polls")
    assert polls == len(emulator.requests_of("poll"))
    assert attributes.items() >= OF_CAT.items()
    assert exporters.numbers("cometrunway.poll_errors", "error.type") == {"ServerError": 1}
    assert exporters.numbers("cometrunway.downloaded", "cometrunway.route") == {"image_to_video": clip.size}
    assert exporters.numbers("cometrunway.in_flight", "cometrunway.route") == {"image_to_video": 0}
    durations = exporters.numbers("gen_ai.client.operation.duration", "error.type")
    assert durations.keys() == {None, "InvalidRequestError", "OutcomeUnknownError"}
    failed = {(span.attributes or {})["error.type"] for span in exporters.spans if not span.status.is_ok}
    assert failed == {"InvalidRequestError", "OutcomeUnknownError"}


async def test_no_attribute_holds_a_secret_or_a_prompt(session: Callable[..., Session], exporters: Exporters) -> None:
    """Neither the API's key, nor a prompt, nor the signature of a URL, nor what the server said, leaves the process."""
    async with Emulator() as emulator, session(emulator, telemetry=exporters.telemetry()) as runway:
        emulator.next_task(fails="SAFETY.INPUT.TEXT")
        failing = await runway.submit(CAT)
        with pytest.raises(TaskFailedError) as caught:
            await failing
        [clip] = await (await runway.submit(CAT))
        emulator.script("create", Fault.answer(400, {"error": {"message": "the cat yawns"}}))
        with pytest.raises(CometRunwayError):
            await runway.submit(CAT)
    assert [(span.attributes or {}).get("cometrunway.failure.code") for span in exporters.spans] == [
        "SAFETY.INPUT.TEXT",
        None,
        None,
    ]
    told = "".join(span.to_json() for span in exporters.spans) + str(exporters.metric("cometrunway.creates"))
    for secret in (emulator.api_key, "yawns", "s3cret", "example.com", clip.url, "signature", str(caught.value)):
        assert secret not in told


async def test_prompts_are_recorded_where_that_is_wanted(session: Callable[..., Session], exporters: Exporters) -> None:
    """The form is that of the conventions: messages with parts, as JSON."""
    telemetry = exporters.telemetry(prompts=True)
    async with Emulator() as emulator, session(emulator, telemetry=telemetry) as runway:
        await runway.submit(CAT)
    [span] = exporters.spans
    messages = json.loads(str((span.attributes or {})["gen_ai.input.messages"]))
    assert messages == [{"role": "user", "parts": [{"type": "text", "content": "the cat yawns"}]}]


async def test_a_task_that_goes_on_has_a_span_in_each_session(
    session: Callable[..., Session], exporters: Exporters, tmp_path: Path
) -> None:
    """A session that is left ends the span, and says so; the one that resumes the task begins another."""
    options = {"telemetry": exporters.telemetry(), "journal": tmp_path / "shots.db", "close_wait": 0.0}
    async with Emulator(duration=600) as emulator:
        async with session(emulator, **options) as runway:
            await runway.submit(CAT, key="cat")
            await asyncio.sleep(60)
        assert exporters.numbers("cometrunway.in_flight", "cometrunway.route") == {"image_to_video": 0}
        async with session(emulator, **options) as runway:
            [handle] = await runway.resume()
            await handle
        async with session(emulator, **options) as runway:
            await runway.submit(CAT, key="cat")  # it is on disk: nothing is made, so there is nothing to record
    left, resumed = exporters.spans
    assert (left.attributes or {})["cometrunway.left"]
    assert (resumed.attributes or {})["cometrunway.task.status"] == "SUCCEEDED"
    assert (resumed.attributes or {})["gen_ai.request.model"] == "gen3a_turbo"
    assert (resumed.attributes or {})["cometrunway.resumed"]
    assert exporters.metric("gen_ai.client.operation.duration") == []


async def test_sessions_share_the_metrics_of_a_provider(session: Callable[..., Session], exporters: Exporters) -> None:
    """A second session adds to the numbers of the first, and makes no instrument a second time."""
    async with Emulator() as emulator:
        for _ in range(2):
            async with session(emulator, telemetry=exporters.telemetry()) as runway:
                await runway.submit(CAT)
    assert exporters.numbers("cometrunway.creates", "cometrunway.outcome") == {"accepted": 2}


async def test_a_provider_that_fails_harms_no_task(
    session: Callable[..., Session], exporters: Exporters, caplog: pytest.LogCaptureFixture
) -> None:
    """What a processor of spans raises is logged with its traceback."""

    class Failing(SimpleSpanProcessor):
        def on_start(self, *_: Any, **__: Any) -> None:
            raise ZeroDivisionError

    exporters.tracer_provider.add_span_processor(Failing(InMemorySpanExporter()))
    async with Emulator() as emulator, session(emulator, telemetry=exporters.telemetry()) as runway:
        [clip] = await (await runway.submit(CAT))
    assert clip.size
    assert {record.exc_info and record.exc_info[0] for record in caplog.records} == {ZeroDivisionError}
