"""From the events of a session to spans and metrics."""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from attrs import define
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

from cometrunway._events import EventKind, Subject
from cometrunway._handle import Asked, Submission, TaskFuture
from cometrunway._requests._routes import Request
from cometrunway._tasks import Asset, Task
from cometrunway._telemetry._metrics import Instruments, Labels

_OPERATION = "generate_content"
_CREATES = {
    EventKind.SUBMITTED: "accepted",
    EventKind.REFUSED: "refused",
    EventKind.RETRYING: "retried",
    EventKind.IN_DOUBT: "in_doubt",
}
_T = TypeVar("_T")


@define(kw_only=True, eq=False)
class _Open:
    """A span that has not ended."""

    span: Span
    labels: Labels
    begun_at: float | None
    """Wall-clock seconds since 1970; None for a task that was submitted elsewhere."""


class Recorder:
    """Makes one span of each submission, from its create to its files, and counts.

    A span is the root of a trace of its own, because a task outlives the request that submitted it; a link leads there.
    No attribute holds a key of the API, a URL or a message of the server; prompts only if that is wanted.
    """

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None,
        meter_provider: metrics.MeterProvider | None,
        prompts: bool,
        host: str,
        port: int,
    ) -> None:
        self._tracer = trace.get_tracer("cometrunway", tracer_provider=tracer_provider)
        self._instruments = Instruments.of(meter_provider or metrics.get_meter_provider())
        self._prompts = prompts
        self._address = {"server.address": host, "server.port": port}
        self._labels: dict[tuple[str, str | None], Labels] = {}
        self._open: dict[tuple[str, str], _Open] = {}
        """By route and task id."""

    def counted(self, poll: Callable[[str, str, Asked], Awaitable[_T]]) -> Callable[[str, str, Asked], Awaitable[_T]]:
        """Return `poll` with its calls counted."""

        async def counted_poll(route: str, task_id: str, asked: Asked) -> _T:
            self._instruments.polls.add(self._labels_of(route, asked))
            return await poll(route, task_id, asked)

        return counted_poll

    def record(
        self, kind: EventKind, subject: Subject, *, task: Task | None, assets: tuple[Asset, ...], error: Exception | None
    ) -> None:
        """Record what happened."""
        if kind in _CREATES and isinstance(subject, TaskFuture | Submission):
            labels = self._labels_of(subject.route, _asked(subject))
            self._instruments.creates.add(labels, value=_CREATES[kind])
        if isinstance(subject, Submission):
            if kind is not EventKind.RETRYING:
                self._not_accepted(subject, error)
        elif kind in (EventKind.SUBMITTED, EventKind.RESUMED):
            self._submitted(subject)
        elif isinstance(subject, TaskFuture):
            self._went_on(kind, subject, task=task, assets=assets, error=error)

    def close(self) -> None:
        """End the spans of the tasks that go on without the session."""
        for opened in self._open.values():
            self._instruments.in_flight.add(opened.labels, -1)
            opened.span.set_attribute("cometrunway.left", True)
            opened.span.end()
        self._open.clear()

    def _submitted(self, subject: Subject) -> None:
        opened = self._open.get((subject.route, subject.id))
        if opened is not None:  # another request asks for what is under way
            for link in _links_to_here():
                opened.span.add_link(link.context)
        elif isinstance(subject, TaskFuture):
            opened = self._begin(subject, begun_at=subject.submitted_at, links=_links_to_here())
            opened.span.add_event("cometrunway.accepted")

    def _not_accepted(self, subject: Submission, error: Exception | None) -> None:
        span = self._start_span(subject, begun_at=subject.begun_at, links=_links_to_here())
        self._end(_Open(span=span, labels=self._labels_of(subject.route, subject.request), begun_at=subject.begun_at), error)

    def _went_on(
        self, kind: EventKind, future: TaskFuture, *, task: Task | None, assets: tuple[Asset, ...], error: Exception | None
    ) -> None:
        opened = self._open.get((future.route, future.id)) or self._begin(future, begun_at=None, links=())
        if kind is EventKind.POLL_FAILED:
            self._instruments.poll_errors.add(opened.labels, value=type(error).__name__)
        elif kind is EventKind.ENDED:
            opened.span.add_event("cometrunway.ended")
        elif kind in (EventKind.DOWNLOADED, EventKind.FAILED):
            del self._open[future.route, future.id]
            self._instruments.in_flight.add(opened.labels, -1)
            self._say_what_came(opened, task, assets)
            self._end(opened, error)

    def _say_what_came(self, opened: _Open, task: Task | None, assets: tuple[Asset, ...]) -> None:
        if task is not None:
            opened.span.set_attribute("cometrunway.task.status", task.status.value)
            if task.failure is not None and task.failure.code is not None:
                opened.span.set_attribute("cometrunway.failure.code", task.failure.code)
        size = sum(asset.size or 0 for asset in assets)
        if size:
            opened.span.set_attribute("cometrunway.bytes", size)
            self._instruments.downloaded.add(opened.labels, size)

    def _begin(self, future: TaskFuture, *, begun_at: float | None, links: tuple[Link, ...]) -> _Open:
        span = self._start_span(future, begun_at=begun_at, links=links)
        opened = _Open(span=span, labels=self._labels_of(future.route, future.asked), begun_at=begun_at)
        self._open[future.route, future.id] = opened
        self._instruments.in_flight.add(opened.labels)
        return opened

    def _start_span(
        self, subject: TaskFuture | Submission, *, begun_at: float | None, links: tuple[Link, ...]
    ) -> Span:
        labels = self._labels_of(subject.route, _asked(subject))
        model = labels.attributes.get("gen_ai.request.model")
        return self._tracer.start_span(
            _OPERATION if model is None else f"{_OPERATION} {model}",
            context=Context(),
            kind=SpanKind.CLIENT,
            attributes={**labels.attributes, **self._particulars(subject)},
            links=links,
            start_time=None if begun_at is None else int(begun_at * 1e9),
        )

    def _particulars(self, subject: TaskFuture | Submission) -> Mapping[str, str | int]:
        request = subject.request
        found = {
            "gen_ai.response.id": subject.id or None,
            "gen_ai.output.type": request and request.makes,
            "gen_ai.request.seed": getattr(request, "seed", None),
            "gen_ai.input.messages": _messages(request) if self._prompts else None,
            "cometrunway.key": subject.key,
        }
        return {name: value for name, value in found.items() if value is not None}

    def _end(self, opened: _Open, error: Exception | None) -> None:
        attributes = opened.labels.attributes
        if error is not None:
            attributes = {**attributes, "error.type": type(error).__name__}
            opened.span.set_attribute("error.type", type(error).__name__)
            opened.span.set_status(Status(StatusCode.ERROR))
        opened.span.end()
        if opened.begun_at is not None:
            self._instruments.record_duration(max(0.0, time.time() - opened.begun_at), attributes)

    def _labels_of(self, route: str, asked: Asked) -> Labels:
        model = asked.get("model") if isinstance(asked, Mapping) else getattr(asked, "model", None)
        labels = self._labels.get((route, model))
        if labels is None:
            attributes = {
                "gen_ai.operation.name": _OPERATION,
                "gen_ai.provider.name": "runway",
                "cometrunway.route": route,
                **({} if model is None else {"gen_ai.request.model": str(model)}),
                **self._address,
            }
            labels = self._labels[route, model] = Labels(attributes)
        return labels


def _asked(subject: TaskFuture | Submission) -> Asked:
    return subject.request if isinstance(subject, Submission) else subject.asked


def _links_to_here() -> tuple[Link, ...]:
    """A link to the span that is current: that of the request whose code submits."""
    context = trace.get_current_span().get_span_context()
    return (Link(context),) if context.is_valid else ()


def _messages(request: Request | None) -> str | None:
    """The prompt, in the form that the GenAI conventions give to messages."""
    prompt: Any = getattr(request, "prompt_text", None) or getattr(request, "prompt", None)
    if prompt is None:
        return None
    return json.dumps([{"role": "user", "parts": [{"type": "text", "content": prompt}]}], ensure_ascii=False)
