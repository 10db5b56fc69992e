"""Events: frozen records of what happened to a task. Observers are called with them; each reader has a queue."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from enum import StrEnum
from inspect import iscoroutinefunction, signature
from itertools import count
from typing import Any, Protocol

from attrs import field, frozen

from cometrunway._tasks import UNNAMED_PROVIDER, Asset, Task
from cometrunway.errors import TaskCancelledError

_logger = logging.getLogger(__name__)


class EventKind(StrEnum):
    """The kinds of events of a submission and its task."""

    SUBMITTED = "submitted"
    """The server accepted the submission. The task has an id."""
    RESUMED = "resumed"
    """The journal has an earlier submission with this key, which is used. Nothing was sent."""
    REFUSED = "refused"
    """The server, the journal or the budget refused the submission. Nothing was created."""
    UPLOADING = "uploading"
    """A local file of the submission is being uploaded."""
    RETRYING = "retrying"
    """A create was refused for now, or no connection could be made. It is sent again after a pause."""
    IN_DOUBT = "in_doubt"
    """The create was sent, and it is not known whether it was accepted. RESUMED follows if a callback brings the id."""
    CHANGED = "changed"
    """A poll found another status or progress than the previous one."""
    POLL_FAILED = "poll_failed"
    """A poll failed; the wait continues."""
    ENDED = "ended"
    """The task has a final status at the server."""
    DISK_FULL = "disk_full"
    """A file or the journal could not be written. Nothing is submitted until the disk has free space."""
    DOWNLOADED = "downloaded"
    """All files are complete and on disk."""
    FAILED = "failed"
    """`await handle` raises `error`."""
    CANCELLED = "cancelled"
    """The task was cancelled at the server: `await handle` raises `error`, a `TaskCancelledError`."""

    @property
    def is_final(self) -> bool:
        """Whether it is the last event of the submission, unless the user or a callback continues it."""
        return self in _FINAL

    @property
    def is_progress(self) -> bool:
        """Whether a later event of progress replaces this one."""
        return self in _PROGRESS


_FINAL = (EventKind.DOWNLOADED, EventKind.FAILED, EventKind.CANCELLED, EventKind.REFUSED, EventKind.IN_DOUBT)
_PROGRESS = (EventKind.CHANGED, EventKind.POLL_FAILED, EventKind.RETRYING, EventKind.UPLOADING)
_NOT_RECORDED = (EventKind.CHANGED, EventKind.UPLOADING)
_MOST_UNREAD = 100_000
"""The number of events that a reader may leave unread."""


def end_of(error: BaseException) -> EventKind:
    """Return the kind of the event for a task without files."""
    return EventKind.CANCELLED if isinstance(error, TaskCancelledError) else EventKind.FAILED


@frozen(kw_only=True)
class Event:
    """What happened to a task or a submission.

    `error` is set on REFUSED, RETRYING, IN_DOUBT, POLL_FAILED, DISK_FULL, FAILED and CANCELLED.
    """

    kind: EventKind
    route: str
    provider: str = UNNAMED_PROVIDER
    """The name of the session's provider."""
    key: str | None = None
    task_id: str | None = None
    task: Task | None = None
    assets: tuple[Asset, ...] = ()
    error: Exception | None = None
    """A `CometRunwayError`. On REFUSED it may be a `ValueError` about a local file that has changed. On FAILED it may
    be any error that a bug of this library raised."""
    progress: float | None = None
    """On UPLOADING, the part of the file that was sent, from 0 to 1."""
    at: float = field(default=0.0, eq=False)
    """When it happened, in seconds since 1970."""

    @property
    def seconds(self) -> float | None:
        """How long the task took; None if it has not ended or that is not known. See `Task.seconds`."""
        return None if self.task is None else self.task.seconds

    def to_dict(self) -> dict[str, Any]:
        """Return a dict for JSON and a browser. Files and fields that are None are left out.

        `at` and `seconds` are rounded to milliseconds; `error` has the error's `type` and `message`.
        """
        told = {
            "at": round(self.at, 3),
            "event": self.kind.value,
            "key": self.key,
            "route": self.route,
            "provider": self.provider,
            "task_id": self.task_id,
            "status": self.task and self.task.status.value,
            "progress": self.progress if self.task is None else self.task.progress,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "error": self.error and {"type": type(self.error).__name__, "message": str(self.error)},
        }
        return {name: value for name, value in told.items() if value is not None}


Observer = Callable[[Event], None]


class Subject(Protocol):
    """The subject of an event: a task, or a submission without a task, whose `id` is empty."""

    @property
    def id(self) -> str: ...
    @property
    def route(self) -> str: ...
    @property
    def key(self) -> str | None: ...


class Recorder(Protocol):
    """Records events in addition to the user's observers: telemetry."""

    def record(self, event: Event, subject: Subject) -> None:
        """Record an event, with what else is known of its subject."""

    def close(self) -> None:
        """Record that the session is closed; unfinished tasks go on without it."""


def checked_observer(observer: Observer | None) -> Observer | None:
    """Return an observer; `TypeError` for one that cannot be called with an event, or would have to be awaited."""
    if observer is not None and not _takes_one(observer):
        raise TypeError(f"on_event must be a function of one argument, the Event, got {observer!r:.200}")
    if iscoroutinefunction(observer) or iscoroutinefunction(getattr(observer, "__call__", None)):  # noqa: B004
        raise TypeError(
            f"on_event must be a plain function; the coroutine function {observer!r} would never be awaited: put "
            "events into an asyncio.Queue in a plain one, or read them with `async for event in session.events()`"
        )
    return observer


def _takes_one(function: object) -> bool:
    if not callable(function):
        return False
    try:
        signature(function).bind(None)
    except ValueError:  # a function in C may have no signature
        return True
    except TypeError:
        return False
    return True


def log_fields(subject: Subject) -> dict[str, str | None]:
    """Return the fields of a log record about a task or a submission: `task_id`, `key` and `route`."""
    return {"task_id": subject.id or None, "key": subject.key, "route": subject.route}


Topic = Hashable
"""The topic of a reader: a task, by its route and id, or a submission, by its key."""


def task_topic(route: str, task_id: str) -> Topic:
    """Return the topic of one task's events."""
    return "task", route, task_id


def key_topic(key: str) -> Topic:
    """Return the topic of the events under one key."""
    return "key", key


def _topics(event: Event) -> list[Topic]:
    topics = [] if event.task_id is None else [task_topic(event.route, event.task_id)]
    return topics if event.key is None else [*topics, key_topic(event.key)]


class EventQueue:
    """The events that one reader has not read yet, in order.

    Of each task it holds only the newest event of progress, and every other event.
    """

    def __init__(self, *, is_of_all: bool = False) -> None:
        self.is_of_all = is_of_all
        """Whether the reader follows the whole session, to its end."""
        self.topics: set[Topic] = set()
        """What the reader follows beside that."""
        self._open: set[Topic] = set()
        self._unread: OrderedDict[Hashable, Event] = OrderedDict()
        self._numbers = count()
        self._changed = asyncio.Event()
        self._is_overrun = False
        self.is_closed: bool = False

    def open(self, topic: Topic) -> None:
        """Keep the queue open until this topic has ended."""
        self._open.add(topic)

    def end(self, *topics: Topic) -> None:
        """Note the end of these topics; close the queue if no other topic keeps it open."""
        self._open.difference_update(topics)
        if not self._open and not self.is_of_all:
            self.close()

    def put(self, event: Event) -> None:
        """Add an event; close the queue if it is the last one."""
        topics = _topics(event)
        progress = (*topics, event.route)
        place: Hashable = progress if event.kind.is_progress else next(self._numbers)
        self._unread.pop(place, None)
        self._unread[place] = event
        self._changed.set()
        if event.kind.is_final:
            self.end(*topics)
        if len(self._unread) > _MOST_UNREAD:
            self._is_overrun = True
            self._unread.clear()
            self.close()

    def put_standing(self, event: Event) -> None:
        """Add an event with a task's present state, unless a newer event of the task is in the queue."""
        topics = set(_topics(event))
        if not any(topics.intersection(_topics(other)) for other in self._unread.values()):
            self.put(event)

    def close(self) -> None:
        """Let the reader end when it has read all events in the queue."""
        self.is_closed = True
        self._changed.set()

    async def get(self) -> Event | None:
        """Wait for an event and return it; None at the end.

        Raises:
            RuntimeError: there are too many unread events.
        """
        while not self._unread:
            if self._is_overrun:
                raise RuntimeError(
                    f"this reader of events has left more than {_MOST_UNREAD} of them unread, and was ended: read "
                    "faster, or follow fewer tasks"
                )
            if self.is_closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._unread.popitem(last=False)[1]


class EventEmitter:
    """Passes events to the session's observer, if there is one, and to the queues of its readers.

    A recorder gets every event except CHANGED and UPLOADING, before the observer. Errors that either raises are only
    logged.
    """

    def __init__(
        self, observer: Observer | None, *, recorder: Recorder | None = None, provider: str = UNNAMED_PROVIDER
    ) -> None:
        self._observer = observer
        self._recorder = recorder
        self._is_closed = False
        self._of_all: set[EventQueue] = set()
        self._by_topic: dict[Topic, set[EventQueue]] = {}
        self._provider = provider

    def emit(
        self,
        kind: EventKind,
        subject: Subject,
        *,
        task: Task | None = None,
        assets: tuple[Asset, ...] = (),
        error: Exception | None = None,
        progress: float | None = None,
    ) -> None:
        """Pass an event to the recorder, the observer and the readers."""
        recorder = None if kind in _NOT_RECORDED else self._recorder
        if self._observer is None and recorder is None and not self.has_readers:
            return
        event = Event(
            kind=kind,
            route=subject.route,
            provider=self._provider,
            key=subject.key,
            task_id=subject.id or None,
            task=task,
            assets=assets,
            error=error,
            progress=progress,
            at=time.time(),
        )
        if recorder is not None:
            _record(recorder, event, subject)
        for queue in self._queues(event):
            queue.put(event)
            if queue.is_closed:
                self.remove(queue)
        if kind.is_final:
            self._drop(event)
        if self._observer is not None:
            _tell(self._observer, event, subject)

    @property
    def has_readers(self) -> bool:
        """Whether there is a reader."""
        return bool(self._of_all or self._by_topic)

    def add(self, queue: EventQueue) -> None:
        """Put into a queue all events of the session from now on, if it is for all."""
        if self._is_closed:
            queue.close()
        elif queue.is_of_all:
            self._of_all.add(queue)

    def follow(self, queue: EventQueue, topic: Topic) -> None:
        """Put into a queue all events of a topic from now on, until the last one."""
        queue.open(topic)
        if not queue.is_closed:
            queue.topics.add(topic)
            self._by_topic.setdefault(topic, set()).add(queue)

    def remove(self, queue: EventQueue) -> None:
        """Put nothing more into a queue."""
        self._of_all.discard(queue)
        for topic in queue.topics:
            queues = self._by_topic.get(topic, set())
            queues.discard(queue)
            if not queues:
                self._by_topic.pop(topic, None)

    def close(self) -> None:
        """Let every reader, also a later one, end when it has read all events in its queue."""
        self._is_closed = True
        if self._recorder is not None:
            self._recorder.close()
        for queue in {*self._of_all, *(queue for queues in self._by_topic.values() for queue in queues)}:
            queue.close()
            self.remove(queue)

    def _drop(self, event: Event) -> None:
        """Remove the topics that ended with an event. A batch has many of them."""
        for topic in _topics(event):
            for queue in self._by_topic.pop(topic, ()):
                queue.topics.discard(topic)

    def _queues(self, event: Event) -> Collection[EventQueue]:
        if not self._by_topic:
            return tuple(self._of_all)
        return {*self._of_all, *(queue for topic in _topics(event) for queue in self._by_topic.get(topic, ()))}


def _record(recorder: Recorder, event: Event, subject: Subject) -> None:
    try:
        recorder.record(event, subject)
    except Exception:
        fields = log_fields(subject)
        _logger.exception("telemetry failed on %s of task %s", event.kind.value, event.task_id, extra=fields)


def _tell(observer: Observer, event: Event, subject: Subject) -> None:
    try:
        observer(event)
    except (Exception, asyncio.CancelledError):
        fields = log_fields(subject)
        _logger.exception("on_event failed on %s of task %s", event.kind.value, event.task_id, extra=fields)
