"""One frozen record of what happened to a task; observers are callables that take it."""

import asyncio
import logging
import time
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from attrs import field, frozen

from cometrunway._tasks import Asset, Task

_logger = logging.getLogger(__name__)


class EventKind(Enum):
    """What can happen to a submission and its task."""

    SUBMITTED = "submitted"
    """The server accepted it: there is an id."""
    RESUMED = "resumed"
    """The journal knows it from an earlier submission, which counts; nothing was sent."""
    REFUSED = "refused"
    """Nothing was created: the server, the journal or the budget refused it."""
    RETRYING = "retrying"
    """A create was refused for the moment, or no connection could be made for it: it is sent again after a pause."""
    IN_DOUBT = "in_doubt"
    """It was sent, and nobody knows whether it was accepted."""
    CHANGED = "changed"
    """A poll found another status or progress than the poll before."""
    POLL_FAILED = "poll_failed"
    """A poll failed; the wait goes on."""
    ENDED = "ended"
    """The server reached a final status."""
    DOWNLOADED = "downloaded"
    """All files are whole on disk."""
    FAILED = "failed"
    """`await handle` raises `error`."""


@frozen(kw_only=True)
class Event:
    """What happened, to which task. `error` is set on REFUSED, RETRYING, IN_DOUBT, POLL_FAILED and FAILED."""

    kind: EventKind
    route: str
    key: str | None = None
    task_id: str | None = None
    task: Task | None = None
    assets: tuple[Asset, ...] = ()
    error: Exception | None = None
    """A `CometRunwayError`; on REFUSED also a `ValueError`, of a local file that is no longer what it was."""
    at: float = field(default=0.0, eq=False)
    """When it happened: wall-clock seconds since 1970."""

    @property
    def seconds(self) -> float | None:
        """How long the task took, where it has ended and that is known: see `Task.seconds`."""
        return None if self.task is None else self.task.seconds


Observer = Callable[[Event], None]


class Subject(Protocol):
    """What an event is about: a task, or a submission that has none; its `id` is then empty."""

    @property
    def id(self) -> str: ...
    @property
    def route(self) -> str: ...
    @property
    def key(self) -> str | None: ...


class EventEmitter:
    """Gives events to the session's observer, if there is one. What the observer raises is logged, and harms nobody."""

    def __init__(self, observer: Observer | None) -> None:
        self._observer = observer

    def emit(
        self,
        kind: EventKind,
        subject: Subject,
        *,
        task: Task | None = None,
        assets: tuple[Asset, ...] = (),
        error: Exception | None = None,
    ) -> None:
        """Tell the observer what happened."""
        if self._observer is None:
            return
        event = Event(
            kind=kind,
            route=subject.route,
            key=subject.key,
            task_id=subject.id or None,
            task=task,
            assets=assets,
            error=error,
            at=time.time(),
        )
        try:
            self._observer(event)
        except (Exception, asyncio.CancelledError):
            _logger.exception("on_event failed on %s of task %s", kind.value, event.task_id)
