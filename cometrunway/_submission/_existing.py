"""Existing tasks: just created, known to the journal, or named by a token."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import evolve

from cometrunway._callbacks._expected import ExpectedCallbacks
from cometrunway._events import EventEmitter, EventKind, end_of
from cometrunway._handle import Scheduler, TaskFuture, TaskReference
from cometrunway._journal._entry import DOUBTFUL, OWED, Entry, State
from cometrunway._journal._protocol import JournalProtocol
from cometrunway._requests._routes import Request
from cometrunway._task_group import BackgroundTasks
from cometrunway._tasks import Asset, Task, TaskStatus, moment
from cometrunway._wire._encode import demands_callback_url, poll_request
from cometrunway._wire._provider import Provider
from cometrunway.errors import CometRunwayError, JournalError, OutcomeUnknownError, TaskError

_REMEMBERED = 10_000
Recall = Callable[[tuple[Asset, ...]], Awaitable[tuple[Asset, ...] | None]]
"""Returns recorded files with their present path or link; None unless each exists and is unchanged."""


class ExistingTasks:
    """Gives each task one future, however often it is submitted, attached or resumed."""

    def __init__(
        self,
        *,
        scheduler: Scheduler,
        recall: Recall,
        background: BackgroundTasks,
        events: EventEmitter,
        provider: Provider,
    ) -> None:
        self._provider = provider
        self._scheduler = scheduler
        self._recall = recall
        self._background = background
        self._events = events
        self._keys: OrderedDict[str, str | None] = OrderedDict()
        """The keys of the tasks polled so far, by task id."""

    def watch_new(
        self,
        reference: TaskReference,
        request: Request,
        *,
        submitted_at: float | None = None,
        has_callback: bool = False,
    ) -> TaskFuture:
        """Return the future of a task that was just created. A callback may announce its end."""
        known = self._scheduler.find(reference)  # a repeated submission may get the same id again
        future = known or TaskFuture(reference, request, submitted_at=submitted_at)
        self._events.emit(EventKind.SUBMITTED, future)
        if known is None:
            self._watch(future, age=0.0, has_callback=has_callback)
        return future

    def claim(self, task_id: str, key: str | None, *, is_told: bool = False) -> str | None:
        """Record that a submission has this task. Return a text about another submission with the same id, or None.

        Only the latest ten thousand ids are kept.

        Args:
            task_id: the id from the answer to a create, or from a callback.
            key: the key of the submission.
            is_told: whether the user gave the id. Then a task that was attached without a key is the same task.
        """
        if task_id in self._keys:
            other = self._keys[task_id]
            if other is None and not is_told:
                return "another task"
            if other not in {None, key}:
                return f"the submission {other!r}"
        self._note(task_id, key)
        return None

    def attach(
        self,
        reference: TaskReference,
        request: Request | None = None,
        described: Mapping[str, Any] | None = None,
        *,
        submitted_at: float | None = None,
    ) -> TaskFuture:
        """Return the future of a task from elsewhere; `described` is its request in a journal.

        Raises:
            ValueError: the task belongs to another provider, or the id is invalid.
            RuntimeError: the session is being closed.
        """
        if reference.provider != self._provider.name:
            raise ValueError(
                f"the task belongs to {reference.provider}, and this session uses {self._provider.name}: attach it in "
                f"Session(provider={reference.provider!r})"
            )
        poll_request(reference.route, reference.id)  # an invalid id is an error here, and not in a later poll
        future = self._scheduler.find(reference)
        if future is None:
            if self._background.is_closing:
                raise RuntimeError("the Session is being closed; no further task can be waited for in it")
            future = TaskFuture(reference, request, described, submitted_at=submitted_at)
            self._watch(future, age=_age(reference))
        return future

    async def take_up(self, entry: Entry, request: Request | None = None) -> TaskFuture:
        """Return the future of an entry. It is done if the entry has ended or has no task; else the task is polled.

        Raises:
            DownloadError: the storage does not say whether the files exist.
        """
        future = await self.ended(entry, request)
        if future is not None and not future.id:
            return future
        reference = reference_of(entry)
        if future is None and entry.provider == self._provider.name:
            future = self.attach(reference, request, entry.request, submitted_at=entry.submitted_at)
            self._events.emit(EventKind.RESUMED, future)
            return future
        self._events.emit(EventKind.RESUMED, reference)
        if future is None:
            return failed(reference, self._of_another(entry), request)
        error = future.exception()
        if isinstance(error, Exception):
            self._events.emit(end_of(error), reference, task=future.task, error=error)
        else:
            self._events.emit(EventKind.DOWNLOADED, reference, task=future.task, assets=future.result())
        return future

    async def ended(self, entry: Entry, request: Request | None = None) -> TaskFuture | None:
        """Return a future that is done, if the entry has no task or all its files; else None.

        Raises:
            DownloadError: the storage does not say whether the files exist.
        """
        if entry.state is State.DELIVERED:
            assets = await self._recall(entry.assets)
            if assets is None:
                return None
            entry = evolve(entry, assets=assets)
        return finished(entry, request)

    def check_provider(self, entry: Entry) -> None:
        """Check that an entry belongs to the session's provider; else `JournalError`."""
        if entry.provider != self._provider.name:
            raise self._of_another(entry)

    def _of_another(self, entry: Entry) -> JournalError:
        error = JournalError(
            f"the submission {entry.key!r} belongs to {entry.provider}, and this session uses {self._provider.name}: "
            f"use Session(provider={entry.provider!r})"
        )
        return error.about(route=entry.route, key=entry.key)

    def _watch(self, future: TaskFuture, *, age: float | None, has_callback: bool = False) -> None:
        self._note(future.id, future.key)
        self._scheduler.watch(future, age=age, has_callback=has_callback)

    def _note(self, task_id: str, key: str | None) -> None:
        self._keys[task_id] = key
        if len(self._keys) > _REMEMBERED:
            self._keys.popitem(last=False)


def finished(entry: Entry, request: Request | None = None) -> TaskFuture | None:
    """Return the future of an entry without a task, or with an ended task; None for any other entry."""
    reference = reference_of(entry)
    if entry.task_id is None or entry.is_in_doubt or entry.state is State.REFUSED:
        return failed(evolve(reference, id=""), no_task(entry), request)
    ended = _ended_task(entry)
    if ended is None:
        return None
    future = TaskFuture(reference, request, submitted_at=entry.submitted_at)
    ended = future.end(ended, ended_at=entry.ended_at)
    if ended.failure is None:
        future.set_result(entry.assets)
    else:
        future.fail(TaskError.of(ended, route=entry.route).about(key=entry.key))
    return future


def reference_of(entry: Entry) -> TaskReference:
    """Return the reference of an entry's task. The id is empty if there is no task."""
    return TaskReference(
        id=entry.task_id or "",
        route=entry.route,
        key=entry.key,
        created_at=entry.created_at,
        provider=entry.provider,
    )


def failed(reference: TaskReference, error: Exception, request: Request | None = None) -> TaskFuture:
    """Return a future that has failed."""
    future = TaskFuture(reference, request)
    future.fail(error)
    return future


def no_task(entry: Entry, *, is_recorded: bool = True) -> CometRunwayError:
    """Return the error that says why an entry has no task. Its cure depends on whether there is a journal."""
    if entry.is_in_doubt:
        cure = (
            "resolve it with its task id, or resubmit it"
            if is_recorded
            else "attach its task id, or submit it under another key, and perhaps pay twice"
        )
        doubt = OutcomeUnknownError(
            f"the submission {entry.key!r} was sent before and its outcome is unknown "
            f"({entry.reason or 'cut short'}); it is not sent again by itself: {cure}"
        )
        return doubt.about(route=entry.route, key=entry.key)
    refused = CometRunwayError(
        f"the submission {entry.key!r} was refused, and nothing was created ({entry.reason}); correct what the reason "
        "names, and submit it again"
    )
    return refused.about(route=entry.route, key=entry.key)


def _age(reference: TaskReference) -> float | None:
    return None if reference.created_at is None else max(0.0, time.time() - reference.created_at)


def _ended_task(entry: Entry) -> Task | None:
    if entry.task_id is None:
        return None
    if entry.failure is not None:
        status = TaskStatus.CANCELLED if entry.state is State.CANCELLED else TaskStatus.FAILED
        return Task(id=entry.task_id, status=status, failure=entry.failure)
    if entry.state is State.DELIVERED:
        urls = tuple(asset.url for asset in entry.assets if asset.url)
        delivered_at = moment(entry.delivered_at)
        return Task(id=entry.task_id, status=TaskStatus.SUCCEEDED, outputs=urls, delivered_at=delivered_at)
    return None


async def expect_callbacks(expected: ExpectedCallbacks, journal: JournalProtocol) -> None:
    """Expect callbacks for the submissions of other sessions: for owed tasks, and for submissions in doubt."""
    if not expected.has_receiver:
        return
    async for entry in journal.entries((*OWED, *DOUBTFUL)):
        path = expected.path(entry.key, entry.submitted_at)
        if not demands_callback_url(entry.route) or expected.has(path):
            continue
        callback = expected.expect(path, key=entry.key, submitted_at=entry.submitted_at)
        if entry.is_in_doubt or entry.task_id is None:
            callback.doubted()
        else:
            callback.accepted(entry.route, entry.task_id)
