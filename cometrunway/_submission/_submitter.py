"""The desk: one way from a request to a ticket, with at most one create, recorded before it leaves and after."""

import asyncio
import logging
import reprlib
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from attrs import evolve

from cometrunway._delivery._part_file import are_intact
from cometrunway._events import Event, EventKind, Observer
from cometrunway._handle import TaskReference, Ticket
from cometrunway._journal._entry import Entry, State
from cometrunway._journal._sqlite import Journal
from cometrunway._polling._scheduler import PollScheduler
from cometrunway._requests._routes import Request
from cometrunway._submission._budget import Allowance
from cometrunway._tasks import Asset, Task, TaskStatus
from cometrunway._transport._api import Api, Sending
from cometrunway._wire._encode import encode
from cometrunway._wire._http import HttpRequest
from cometrunway._wire._record import describe
from cometrunway._wire._record import fingerprint as digest_of
from cometrunway.errors import CometRunwayError, JournalError, OutcomeUnknownError, TaskError

_logger = logging.getLogger(__name__)
_T = TypeVar("_T")

Name = Callable[[str, str], str]
"""Gives a submission its key in the journal, from its route and the fingerprint of its content."""


def unlike_any_other(route: str, _fingerprint: str) -> str:
    """Name a single submission without a key: made twice, it is bought twice."""
    return f"{route}-{uuid.uuid4().hex[:16]}"  # not from the session's rng, which may begin alike in each process


def named_by_content() -> Name:
    """Name each submission of one batch after its content, and count those of equal content."""
    seen: Counter[str] = Counter()

    def name(route: str, fingerprint: str) -> str:
        seen[fingerprint] += 1
        return f"{route}-{fingerprint[:16]}-{seen[fingerprint]}"

    return name


class Desk:
    """Takes submissions; knows which were made before, in this process or an earlier one."""

    def __init__(
        self,
        *,
        api: Api,
        scheduler: PollScheduler,
        journal: Journal | None,
        max_creates: int,
        allowance: Allowance,
        observe: Observer,
    ) -> None:
        self._api = api
        self._scheduler = scheduler
        self._journal = journal
        self._turns = asyncio.Semaphore(max_creates)
        self._allowance = allowance
        self._observe = observe
        self._under_way: dict[str, asyncio.Event] = {}

    async def submit(self, request: Request, *, key: str | None, name: Name) -> Ticket:
        """Return the ticket of the request's task, made now or, under the same key, before.

        Raises:
            APIError, TransportError: nothing was created.
            OutcomeUnknownError: sent, now or before, and perhaps accepted.
            JournalError: the key stands for another request, or the journal cannot be written; nothing was sent.
            BudgetError: the budget is used up, or submitting was stopped; nothing was sent.
            RuntimeError: the session is being left; nothing was sent.
            ValueError: a local file is no longer what it was.
        """
        with self._told(request.route, key):
            return await self._submit(request, key, name)

    async def _submit(self, request: Request, key: str | None, name: Name) -> Ticket:
        async with self._turns:
            if self._journal is not None:
                return await self._create_once(request, name if key is None else lambda *_: key, self._journal)
            message = await _off_the_loop_if_large(request, lambda: encode(request))
            self._allowance.take()
            return self._watched(await self._create(request, message, key, self._sending()), request)

    def attach(self, reference: TaskReference, request: Request | None = None) -> Ticket:
        """Return the open ticket of a task from elsewhere, or a new one; `RuntimeError` while the session is left."""
        ticket = self._scheduler.find(reference)
        if ticket is None:
            if self._scheduler.children.is_closing:
                raise RuntimeError("the Session is being left; nothing more can be waited for in it")
            ticket = Ticket(reference, request)
            self._scheduler.watch(ticket, age=_age(reference))
        return ticket

    async def restore(self, entry: Entry, request: Request | None = None) -> Ticket:
        """Return the ticket of an entry that has a task: finished ones are done, the others waited for."""
        reference = TaskReference(id=entry.task_id or "", route=entry.route, key=entry.key, created_at=entry.created_at)
        self._tell(EventKind.RESUMED, reference)
        ended = _ended_task(entry)
        if ended is None or not await asyncio.to_thread(are_intact, entry.assets):
            return self.attach(reference, request)
        ticket = Ticket(reference, request)
        ticket.end(ended)
        if ended.failure is None:
            ticket.set_result(entry.assets)
            self._tell(EventKind.DOWNLOADED, reference, assets=entry.assets)
        else:
            error = TaskError.of(ended, route=entry.route).about(key=entry.key)
            ticket.fail(error)
            self._tell(EventKind.FAILED, reference, error=error)
        return ticket

    async def again(self, entry: Entry, request: Request) -> Ticket:
        """Submit once more what is in doubt or failed, because the user has decided so."""
        with self._told(entry.route, entry.key):
            message, wanted = await _recordable(request, lambda *_: entry.key)
            _check_same(entry, wanted)
            async with self._turns, self._alone(entry.key):
                return await self._create_again(entry, request, message)

    async def _create_again(self, entry: Entry, request: Request, message: HttpRequest) -> Ticket:
        assert self._journal is not None  # noqa: S101 - the entry is from it
        self._allowance.take()
        with self._given_back_on_error():
            if not await self._journal.again(entry):
                raise ValueError(f"the submission {entry.key!r} has changed meanwhile; nothing was sent")
        return await self._create_recorded(request, message, entry.key, self._journal, before=entry)

    def is_under_way(self, key: str) -> bool:
        """Whether this process is waiting for the answer to the key's create."""
        return key in self._under_way

    async def _create_once(self, request: Request, name: Name, journal: Journal) -> Ticket:
        message, wanted = await _recordable(request, name)
        async with self._alone(wanted.key):
            standing = await self._begin(wanted, journal)
            if standing is None:
                return await self._create_recorded(request, message, wanted.key, journal)
        _check_same(standing, wanted)
        if standing.is_in_doubt:
            raise _in_doubt_already(standing)
        return await self.restore(standing, request)

    async def _begin(self, wanted: Entry, journal: Journal) -> Entry | None:
        """Record that it is about to be sent, if it may be; or return what stands under its key already."""
        if self._allowance.is_limited:  # what is known costs nothing, so it must not wait for what does
            standing = await journal.find(wanted.key)
            if standing is not None and standing.state is not State.REFUSED:
                return standing
        self._allowance.take()
        with self._given_back_on_error():
            standing = await journal.begin(wanted)
        if standing is not None:
            self._allowance.give_back()
        return standing

    @contextmanager
    def _given_back_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._allowance.give_back()
            raise

    @asynccontextmanager
    async def _alone(self, key: str) -> AsyncIterator[None]:
        """Let one submission under a key be made at a time."""
        while (under_way := self._under_way.get(key)) is not None:
            await under_way.wait()
        self._under_way[key] = asyncio.Event()
        try:
            yield
        finally:
            self._under_way.pop(key).set()

    async def _create_recorded(
        self, request: Request, message: HttpRequest, key: str, journal: Journal, *, before: Entry | None = None
    ) -> Ticket:
        sending = self._sending()
        try:
            reference = await self._create(request, message, key, sending)
        except BaseException as error:
            reason = str(error) or "the Session was left"
            if sending.is_under_way:
                await _if_possible(journal.doubt(key, reason))
            elif before is None:
                await _if_possible(journal.refuse(key, reason))
            else:  # nothing came of this create; what came of the one before is as open as it was
                await _if_possible(journal.reinstate(before))
            raise
        ticket = self._watched(reference, request)  # before it is recorded, so that nothing can make us forget it
        try:
            await journal.accept(key, task_id=reference.id, created_at=reference.created_at or 0.0)
        except JournalError as error:
            error.token = reference.to_token()
            raise error.about(route=reference.route, task_id=reference.id, key=key)  # noqa: B904 - the same error
        return ticket

    def _sending(self) -> Sending:
        return Sending(self._check_may_leave)

    def _check_may_leave(self) -> None:
        if self._scheduler.children.is_closing:
            raise RuntimeError("the Session was left before this request was sent; nothing was submitted")
        self._allowance.check()

    async def _create(self, request: Request, message: HttpRequest, key: str | None, sending: Sending) -> TaskReference:
        reference = TaskReference(id="", route=request.route, key=key)
        try:
            task_id = await self._api.create(message, sending)
        except asyncio.CancelledError:
            if sending.is_under_way:
                self._tell(EventKind.IN_DOUBT, reference, error=_left_during(reference))
            raise
        except CometRunwayError as error:
            if not isinstance(error, OutcomeUnknownError):
                self._allowance.give_back()
            raise error.about(route=reference.route, key=reference.key)  # noqa: B904 - the same error
        return evolve(reference, id=task_id, created_at=time.time())

    def _watched(self, reference: TaskReference, request: Request) -> Ticket:
        self._tell(EventKind.SUBMITTED, reference)
        known = self._scheduler.find(reference)
        if known is not None:  # a server that answers two creates with one id
            return known
        ticket = Ticket(reference, request)
        self._scheduler.watch(ticket, age=0.0)
        return ticket

    @contextmanager
    def _told(self, route: str, key: str | None) -> Iterator[None]:
        """Tell the observer why no task came of a submission."""
        try:
            yield
        except (CometRunwayError, ValueError) as error:
            key = getattr(error, "key", None) or key
            if not getattr(error, "task_id", None):  # else there is a task, and it is waited for
                kind = EventKind.IN_DOUBT if isinstance(error, OutcomeUnknownError) else EventKind.REFUSED
                self._tell(kind, TaskReference(id="", route=route, key=key), error=error)
            raise

    def _tell(
        self,
        kind: EventKind,
        reference: TaskReference,
        *,
        assets: tuple[Asset, ...] = (),
        error: Exception | None = None,
    ) -> None:
        if kind is EventKind.IN_DOUBT:
            _logger.warning("%s", error)
        self._observe(
            Event(
                kind=kind,
                route=reference.route,
                key=reference.key,
                task_id=reference.id or None,
                assets=assets,
                error=error,
            )
        )


async def _recordable(request: Request, name: Name) -> tuple[HttpRequest, Entry]:
    """Return what is sent for a request, and what is written down of it."""
    message, description = await _off_the_loop_if_large(request, lambda: (encode(request), describe(request)))
    fingerprint = digest_of(message)
    key = name(request.route, fingerprint)
    return message, Entry(key=key, route=request.route, fingerprint=fingerprint, request=description)


async def _off_the_loop_if_large(request: Request, work: Callable[[], _T]) -> _T:
    return await asyncio.to_thread(work) if request.local_files else work()


async def _if_possible(change: Awaitable[None]) -> None:
    # Where it is not, the entry goes on saying "submitting", which is in doubt: nothing is bought twice.
    try:
        await change
    except JournalError as error:
        _logger.error("%s", error)  # noqa: TRY400 - the caller raises what matters


def _age(reference: TaskReference) -> float | None:
    return None if reference.created_at is None else max(0.0, time.time() - reference.created_at)


def _check_same(standing: Entry, wanted: Entry) -> None:
    if standing.fingerprint == wanted.fingerprint:
        return
    names = sorted({*standing.request, *wanted.request})
    differences = "; ".join(
        f"{name}: {reprlib.repr(standing.request.get(name))} there, {reprlib.repr(wanted.request.get(name))} now"
        for name in names
        if standing.request.get(name) != wanted.request.get(name)
    )
    raise JournalError(
        f"the key {standing.key!r} stands for another request in the journal ({differences}); nothing was sent: use "
        "another key, or the request as it was"
    ).about(route=wanted.route, key=wanted.key)


def _in_doubt_already(entry: Entry) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"the submission {entry.key!r} was sent before and its outcome is unknown ({entry.reason or 'cut short'}); it "
        "is not sent again by itself: resolve it with its task id, or resubmit it"
    ).about(route=entry.route, key=entry.key)


def _left_during(reference: TaskReference) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        "the Session was left while this create was under way: the task may exist, and may be billed"
    ).about(route=reference.route, key=reference.key)


def _ended_task(entry: Entry) -> Task | None:
    if entry.task_id is None:
        return None
    if entry.failure is not None:
        return Task(id=entry.task_id, status=TaskStatus.FAILED, failure=entry.failure)
    if entry.state is State.DELIVERED:
        urls = tuple(asset.url for asset in entry.assets)
        return Task(id=entry.task_id, status=TaskStatus.SUCCEEDED, outputs=urls)
    return None
