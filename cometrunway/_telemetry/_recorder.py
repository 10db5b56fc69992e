"""Makes spans and metrics from the events of a session."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from attrs import define
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from cometrunway._events import Event, EventKind, Subject, log_fields
from cometrunway._handle import Asked, SubmissionReference, TaskFuture
from cometrunway._requests._routes import Request
from cometrunway._telemetry._metrics import Instruments, Labels

_logger = logging.getLogger(__name__)
_OPERATION = "generate_content"
_OUTCOMES = {
    EventKind.REFUSED: "refused",
    EventKind.RETRYING: "retried",
    EventKind.IN_DOUBT: "in_doubt",
}
_MOST_UNTOLD, _LONGEST_UNTOLD = 50, 1.0
"""The number of ended courses that may wait to become spans, and for how many seconds. Making many spans at once costs
half as much as making each alone; making too many at once blocks the event loop."""
_T = TypeVar("_T")


@define(kw_only=True, eq=False)
class _Course:
    """The data of a future span. All times are wall-clock seconds since 1970."""

    subject: TaskFuture | SubmissionReference
    labels: Labels
    began_at: float
    is_resumed: bool = False
    """Whether the create was sent by an earlier session."""
    links: tuple[Link, ...]
    known_at: float | None = None
    """The time at which the create was answered with the task's id, or the session resumed the task."""
    task_ended_at: float | None = None
    ended_at: float = 0.0
    came: Mapping[str, str | int | bool] = {}
    """The attributes of its end."""

    @property
    def phases(self) -> Mapping[str, float | bool]:
        """The durations of the create and of the wait for the end, as attributes. The rest is the download."""
        if self.known_at is None:
            return {}
        found: dict[str, float | bool] = {}
        if self.is_resumed:
            found["cometrunway.resumed"] = True
        else:
            found["cometrunway.create.duration"] = max(0.0, self.known_at - self.began_at)
        if self.task_ended_at is not None:
            found["cometrunway.wait.duration"] = max(0.0, self.task_ended_at - self.known_at)
        return found


class Recorder:
    """Records metrics, and makes one span for each submission, from its create to its files.

    Each span is the root of its own trace, because a task lives longer than the request that submitted it. It has a
    link to that request. A span is made when its task has ended, so that a waiting task needs little memory. No
    attribute has an API key, a URL or a message of the server. Prompts are recorded only by option.
    """

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None,
        meter_provider: metrics.MeterProvider | None,
        prompts: bool,
        provider: str,
        host: str,
        port: int,
    ) -> None:
        self._tracer = trace.get_tracer("cometrunway", tracer_provider=tracer_provider)
        self._instruments = Instruments.of(meter_provider or metrics.get_meter_provider())
        self._prompts = prompts
        self._common: dict[str, str | int] = {
            "gen_ai.operation.name": _OPERATION,
            "gen_ai.provider.name": provider,
            "server.address": host,
            "server.port": port,
        }
        self._labels: dict[tuple[str, str | None], Labels] = {}
        self._courses: dict[tuple[str, str], _Course] = {}
        """The courses by route and task id."""
        self._untold: list[_Course] = []
        self._loop = asyncio.get_running_loop()

    def counted(self, poll: Callable[[str, str, Asked], Awaitable[_T]]) -> Callable[[str, str, Asked], Awaitable[_T]]:
        """Return `poll` as a function that also counts its calls."""

        def counted_poll(route: str, task_id: str, asked: Asked) -> Awaitable[_T]:
            self._instruments.polls.add(self._labels_of(route, asked))
            return poll(route, task_id, asked)

        return counted_poll

    def record(self, event: Event, subject: Subject) -> None:
        """Record an event."""
        if event.kind is EventKind.DISK_FULL:
            return  # no step of the submission has ended: it waits for a limit
        course = self._courses.get((event.route, event.task_id or ""))
        if isinstance(subject, SubmissionReference):
            self._tried(event, subject)
        elif course is not None:
            self._went_on(event, course)
        elif isinstance(subject, TaskFuture) and event.kind in (EventKind.SUBMITTED, EventKind.RESUMED):
            self._began(event, subject)

    def close(self) -> None:
        """End the spans of the tasks that continue without the session."""
        now = time.time()
        for course in self._courses.values():
            self._instruments.in_flight.add(course.labels, -1)
            self._ended(course, at=now, came={"cometrunway.left": True})
        self._courses.clear()
        self._tell()

    def _tried(self, event: Event, submission: SubmissionReference) -> None:
        """Record a create that was not accepted."""
        labels = self._labels_of(event.route, submission.request)
        self._instruments.creates.add(labels, value=_OUTCOMES[event.kind])
        if event.kind is not EventKind.RETRYING:
            began_at = submission.begun_at
            self._end(_Course(subject=submission, labels=labels, began_at=began_at, links=_links_to_here()), event)

    def _began(self, event: Event, future: TaskFuture) -> None:
        labels = self._labels_of(event.route, future.asked)
        is_resumed = event.kind is EventKind.RESUMED
        if not is_resumed:
            self._instruments.creates.add(labels, value="accepted")
        self._instruments.in_flight.add(labels)
        self._courses[future.route, future.id] = _Course(
            subject=future,
            labels=labels,
            began_at=event.at if is_resumed else future.submitted_at or event.at,
            is_resumed=is_resumed,
            links=_links_to_here(),
            known_at=event.at,
        )

    def _went_on(self, event: Event, course: _Course) -> None:
        if event.kind is EventKind.ENDED:
            course.task_ended_at = event.at
        elif event.kind is EventKind.POLL_FAILED:
            self._instruments.poll_errors.add(course.labels, value=type(event.error).__name__)
        elif event.kind.is_final:
            del self._courses[event.route, event.task_id or ""]
            self._instruments.in_flight.add(course.labels, -1)
            self._end(course, event)
        else:  # another request submits a key that is under way
            course.links += _links_to_here()

    def _end(self, course: _Course, event: Event) -> None:
        self._instruments.downloaded.add(course.labels, _size(event))
        self._ended(course, at=event.at, came=_what_came(event))

    def _ended(self, course: _Course, *, at: float, came: Mapping[str, str | int | bool]) -> None:
        course.ended_at = at
        course.came = came
        if not self._untold:
            self._loop.call_later(_LONGEST_UNTOLD, self._tell)
        self._untold.append(course)
        if len(self._untold) >= _MOST_UNTOLD:
            self._tell()

    def _tell(self) -> None:
        """Pass the ended courses to the SDK."""
        untold, self._untold = self._untold, []
        for course in untold:
            try:
                self._make_span(course)
                self._record_duration(course)
            except Exception:
                fields = log_fields(course.subject)
                _logger.exception("telemetry failed on task %s", course.subject.id, extra=fields)

    def _record_duration(self, course: _Course) -> None:
        if not course.is_resumed and "cometrunway.left" not in course.came:
            error = {name: value for name, value in course.came.items() if name == "error.type"}
            seconds = max(0.0, course.ended_at - course.began_at)
            self._instruments.record_duration(seconds, {**course.labels.attributes, **error})

    def _make_span(self, course: _Course) -> None:
        model = course.labels.attributes.get("gen_ai.request.model")
        span = self._tracer.start_span(
            _OPERATION if model is None else f"{_OPERATION} {model}",
            context=Context(),
            kind=SpanKind.CLIENT,
            attributes={
                **course.labels.attributes,
                **self._particulars(course.subject),
                **course.phases,
                **course.came,
            },
            links=course.links,
            start_time=_nanoseconds(course.began_at),
        )
        if "error.type" in course.came:
            span.set_status(Status(StatusCode.ERROR))
        span.end(_nanoseconds(course.ended_at))

    def _particulars(self, subject: TaskFuture | SubmissionReference) -> dict[str, Any]:
        request = subject.request
        found = {
            "gen_ai.response.id": subject.id or None,
            "gen_ai.output.type": None if request is None else request.makes,
            "gen_ai.request.seed": getattr(request, "seed", None),
            "gen_ai.input.messages": _messages(request) if self._prompts else None,
            "cometrunway.key": subject.key,
        }
        return {name: value for name, value in found.items() if value is not None}

    def _labels_of(self, route: str, asked: Asked) -> Labels:
        model = getattr(asked, "model", None)
        if model is None and isinstance(asked, Mapping):
            model = asked.get("model")
        return self._labels.get((route, model)) or self._made_labels(route, model)

    def _made_labels(self, route: str, model: str | None) -> Labels:
        attributes: dict[str, str | int] = {
            **self._common,
            "cometrunway.route": route,
            **({} if model is None else {"gen_ai.request.model": model}),
        }
        self._labels[route, model] = labels = Labels(attributes)
        return labels


def _what_came(event: Event) -> Mapping[str, str | int | bool]:
    """Return the attributes of the end."""
    found: dict[str, str | int | bool] = {}
    if event.error is not None:
        found["error.type"] = type(event.error).__name__
    if event.task is not None:
        found["cometrunway.task.status"] = event.task.status.value
        if event.task.failure is not None and event.task.failure.code is not None:
            found["cometrunway.failure.code"] = event.task.failure.code
    if event.assets:
        found["cometrunway.bytes"] = _size(event)
    return found


def _size(event: Event) -> int:
    return sum(asset.size or 0 for asset in event.assets)


def _nanoseconds(moment: float) -> int:
    return int(moment * 1e9)


def _links_to_here() -> tuple[Link, ...]:
    """Return a link to the current span, which belongs to the code that submits."""
    context = trace.get_current_span().get_span_context()
    return (Link(context),) if context.is_valid else ()


def _messages(request: Request | None) -> str | None:
    """Return the prompt in the form of messages in the GenAI conventions."""
    prompt = getattr(request, "prompt_text", None) or getattr(request, "prompt", None)
    if prompt is None:
        return None
    return json.dumps([{"role": "user", "parts": [{"type": "text", "content": prompt}]}], ensure_ascii=False)
