"""Submits a batch: takes requests, and returns futures in the order in which they end. Holds only a window of them."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sized
from contextlib import suppress
from contextvars import Context, copy_context
from itertools import count
from typing import Any

from attrs import define, field

from cometrunway._budget import Budget
from cometrunway._callers import Caller
from cometrunway._handle import TaskFuture, TaskReference
from cometrunway._journal._entry import Entry
from cometrunway._plurals import counted
from cometrunway._requests._routes import Request
from cometrunway._requests._shot import Shot, got
from cometrunway._submission._batch import BatchFutures
from cometrunway._submission._existing import failed, reference_of
from cometrunway._submission._intent import Name, Resubmits, Submission, content_names, never
from cometrunway._submission._limits import NotSubmittedError
from cometrunway._submission._submitter import Submitter
from cometrunway._task_group import BackgroundTasks, Role
from cometrunway._wire._records import check_rows, is_row, records_to_shots, shot_from_record
from cometrunway._wire._values import Row
from cometrunway.errors import JournalError

Requests = Iterable[Request | Shot | Row] | AsyncIterable[Request | Shot | Row]
Item = Request | Shot | Row | Entry
"""A request to submit, or an entry of the journal whose task is resumed."""


@define(kw_only=True, eq=False, repr=False)
class BatchSubmission:
    """One pass over requests, or over entries of the journal.

    At most `max_in_flight` submissions are held before they are yielded. At most `max_creates` creates are unanswered,
    so that no more requests are taken soon after an answer that refuses all.
    """

    requests: Iterable[Item] | AsyncIterable[Item]
    submitter: Submitter
    background: BackgroundTasks
    resubmits: Resubmits = never
    budget: Budget | None = None
    """The budget that all requests share."""
    futures: BatchFutures = field(init=False)
    _caller: Caller = field(init=False, factory=Caller.nearest)
    _name: Name = field(init=False, factory=content_names)
    _unanswered: asyncio.Semaphore = field(init=False)
    _window: asyncio.Semaphore = field(init=False)
    _ended: "asyncio.Queue[TaskFuture | None]" = field(init=False, factory=asyncio.Queue)
    _on_end: Callable[[TaskFuture], None] = field(init=False)
    _context: Context = field(init=False, factory=copy_context)
    _wanted: asyncio.Event = field(init=False, factory=asyncio.Event)
    _readers: int = field(init=False, default=0)
    _with_readers: int = field(init=False, default=0)
    _held: int = field(init=False, default=0)
    _exhausted: bool = field(init=False, default=False)
    _stopped_by: BaseException | None = field(init=False, default=None)
    _is_refused: bool = field(init=False, default=False)
    _feeder: "asyncio.Task[None] | None" = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.requests = _checked(self.requests)
        self.futures = BatchFutures(total=len(self.requests) if isinstance(self.requests, Sized) else None)
        self._unanswered = asyncio.Semaphore(self.submitter.limits.max_creates)
        self._window = asyncio.Semaphore(self.submitter.limits.max_in_flight)
        # All futures share one callback and one context, because each object makes the garbage collector slower.
        self._on_end = self._task_ended

    async def next(self) -> TaskFuture | None:
        """Return the next future whose files are on disk or whose failure is known; None after the last one.

        The first call starts to take requests. If a call is cancelled, no requests are taken until the next call, and
        no future is lost.

        Raises:
            BaseException: the error that ended the input early. It is raised instead of returning None.
        """
        if self._feeder is None:
            self._feeder = self.background.start(self._feed(), name="cometrunway map", role=Role.SERVICE)
        if self._with_readers:  # a reader that asks again has finished its previous future
            self._with_readers -= 1
            self._window.release()
        self._wanted.set()
        self._readers += 1
        try:
            future = await self._ended.get()
        except asyncio.CancelledError:
            if self._readers == 1:
                self._wanted.clear()
            raise
        finally:
            self._readers -= 1
        if future is not None:
            self._with_readers += 1
            return future
        self._ended.put_nowait(None)  # for the next reader
        if self._stopped_by is not None:
            raise self._stopped_by
        return None

    def warn_unread(self) -> None:
        """Warn that nothing was submitted, because the batch was never read."""
        total = self.futures.total
        if total == 0:
            return
        batch = "a batch" if total is None else f"a batch of {counted(total, 'request')}"
        self._caller.warn(
            f"{batch} was never read, so that nothing was submitted: write `async for handle in session.map(...)`, or "
            "`handles = await session.map(...)`",
            RuntimeWarning,
        )

    def stop(self) -> None:
        """Take no more requests. May be called from any thread, as the garbage collector does."""
        if self._feeder is not None:
            with suppress(RuntimeError):  # its event loop is closed
                self._feeder.get_loop().call_soon_threadsafe(self._feeder.cancel)

    async def _feed(self) -> None:
        requests = _each(self.requests)
        listed = self.requests if isinstance(self.requests, list | tuple) else None
        try:
            await self.submitter.check_keys(_keyed(listed or ()))
            for place in count():
                if self._stopped_by is not None:
                    break
                await self._window.acquire()
                await self._unanswered.acquire()
                item = _taken(place, await anext(requests))
                if listed is None:
                    await self.submitter.check_keys(_keyed([item]))
                await self._wanted.wait()
                await self.submitter.in_flight.acquire()
                self._start(place, item)
        except StopAsyncIteration:
            pass
        except Exception as error:  # noqa: BLE001 - the user's own; raised when all paid files are on disk
            self._stopped_by = error
        except asyncio.CancelledError:
            self._cut_short()
            raise
        finally:  # also if the session is closed: a consumer in another task must not wait forever
            self._exhausted = True
            self._finish_if_done()

    def _start(self, place: int, item: Item) -> None:
        role = Role.WORK if isinstance(item, Entry) else Role.CREATE
        try:
            self.background.start(
                self._future(place, item), name="cometrunway map", role=role, on_end=self._on_submitted
            )
        except RuntimeError:
            self.submitter.in_flight.release()
            raise
        self._held += 1

    async def _future(self, place: int, item: Item) -> TaskFuture | None:
        future = await (self._found(item) if isinstance(item, Entry) else self._submitted(item))
        if future is not None:
            self.futures.add(place, future)
        return future

    async def _submitted(self, item: Request | Shot | Row) -> TaskFuture | None:
        """Return the future of the created task, or a future that has failed with the reason why there is no task.

        Return None for a request that is no longer sent, because a refusal of another request applies to it, too.
        """
        try:
            key, request = _key_and_request(item)
        except ValueError as error:
            return failed(TaskReference(id="", route=""), error)
        outcome = await self.submitter.outcome(
            Submission(
                request=request,
                key=key,
                budget=self.budget,
                name=self._name,
                is_wanted=self._is_wanted,
                resubmits=self.resubmits,
                caller=self._caller,
            )
        )
        if isinstance(outcome, TaskFuture):
            return outcome
        if isinstance(outcome, NotSubmittedError):
            return None
        provider = self.submitter.provider.name
        return failed(TaskReference(id="", route=request.route, key=key, provider=provider), outcome, request)

    async def _found(self, entry: Entry) -> TaskFuture:
        """Return the future of an entry in its present state. Its task may have ended while it waited."""
        try:
            future = await self.submitter.find(entry.key)
        except Exception as error:  # noqa: BLE001 - raised when the handle is awaited
            why_not = error
        else:
            if future is not None:
                return future
            why_not = JournalError(f"the submission {entry.key!r} is no longer in the journal")
        return failed(reference_of(entry), why_not)

    def _is_wanted(self) -> bool:
        return not self._is_refused

    def _on_submitted(self, submission: "asyncio.Task[TaskFuture | None]") -> None:
        self._unanswered.release()
        future = None if submission.cancelled() else submission.result()
        if future is not None:
            future.add_done_callback(self._on_end, context=self._context)
            return
        self.submitter.in_flight.release()
        if submission.cancelled():
            self._cut_short()
        self._drop_one()

    def _cut_short(self) -> None:
        if self._stopped_by is None:
            self._stopped_by = RuntimeError("the Session was closed before map had submitted all its requests")

    def _task_ended(self, future: TaskFuture) -> None:
        self.submitter.in_flight.release()
        error = future.exception()
        if error is not None and not future.id and self.submitter.refuses_all(error):
            self._stopped_by = error
            self._is_refused = True
            if self._feeder is not None:
                self._feeder.cancel()  # it may wait for input that never arrives
        self._ended.put_nowait(future)
        self._drop_one()

    def _drop_one(self) -> None:
        self._held -= 1
        self._finish_if_done()

    def _finish_if_done(self) -> None:
        if self._exhausted and not self._held:
            self.futures.complete()
            self._ended.put_nowait(None)


def _checked(requests: Iterable[Item] | AsyncIterable[Item]) -> Iterable[Item] | AsyncIterable[Item]:
    """Return an iterable. A list is checked completely before the first item is submitted, and its rows become shots.

    Raises:
        TypeError: it is not iterable, or an item of a list has a wrong type.
        ValueError: a row of a list is wrong, or a list has different requests under one key.
    """
    if isinstance(requests, Mapping) and all(isinstance(item, Request) for item in requests.values()):
        raise TypeError("a dict of requests is not a list: write [Shot(key, request) for key, request in it.items()]")
    check_rows(requests)
    if isinstance(requests, str | Request | Shot) or not isinstance(requests, Iterable | AsyncIterable):
        raise TypeError(f"map takes an iterable of requests, such as a list, got {_one(requests)}")
    if not isinstance(requests, list | tuple):
        return requests
    for place, item in enumerate(requests):
        _taken(place, item)
    if any(map(is_row, requests)):
        return records_to_shots(requests)
    _check_keys(requests)
    return requests


def _taken(place: int, item: object) -> Any:
    """Return an item of the input; `TypeError` with its place, from 0, if it cannot be submitted."""
    if isinstance(item, Request | Shot | Entry) or is_row(item):
        return item
    raise TypeError(
        f"item {place} of map must be a request such as ImageToVideo(...), a Shot or a row, got {got(item)}"
    )


def _check_keys(items: Iterable[Item]) -> None:
    first: dict[str, tuple[int, Request]] = {}
    for place, item in enumerate(items):
        if not isinstance(item, Shot):
            continue
        earlier, request = first.setdefault(item.key, (place, item.request))
        if request != item.request:
            raise ValueError(
                f"items {earlier} and {place} of map are different requests with the same key {item.key!r}; give each "
                "its own; nothing was sent"
            )


def _one(requests: object) -> str:
    if isinstance(requests, Request | Shot):
        return f"one {type(requests).__name__}: put it into a list"
    if callable(requests) and not isinstance(requests, type):
        return f"the function {getattr(requests, '__name__', requests)}: call it"
    return got(requests)


def _keyed(items: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yield the key and the route of each item that has a key."""
    for item in items:
        if isinstance(item, Entry):
            continue
        with suppress(ValueError):  # a wrong row is yielded as a handle with its error
            key, request = _key_and_request(item)
            if key is not None:
                yield key, request.route


def _key_and_request(item: Request | Shot | Row) -> tuple[str | None, Request]:
    shot = shot_from_record(item)
    return (shot.key, shot.request) if isinstance(shot, Shot) else (None, shot)


async def _each(requests: Iterable[Item] | AsyncIterable[Item]) -> AsyncIterator[Item]:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield request
    else:
        for request in requests:
            yield request
