"""The session: owns connections, polls and downloads, and puts all the rooms together."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextvars import copy_context
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self, TypeVar

import aiohttp
from attrs import evolve, frozen

from cometrunway._delivery._delivery import Delivery
from cometrunway._delivery._downloader import Downloader
from cometrunway._delivery._file_names import FileNames
from cometrunway._events import Event, Observer
from cometrunway._handle import TaskHandle, TaskReference, Ticket
from cometrunway._journal._entry import Entry, State
from cometrunway._journal._sqlite import Journal
from cometrunway._paths import expanded
from cometrunway._policies import PollPolicy, RetryPolicy
from cometrunway._polling._duration_history import Memory
from cometrunway._polling._scheduler import PollScheduler
from cometrunway._requests._routes import Request
from cometrunway._requests._shot import Shot, check_key, check_request
from cometrunway._submission._budget import Allowance
from cometrunway._submission._map import Batch, Requests
from cometrunway._submission._submitter import Desk, Name, named_by_content, unlike_any_other
from cometrunway._task_group import Role
from cometrunway._tasks import Asset, Task
from cometrunway._transport._aiohttp import Transport
from cometrunway._transport._api import Api
from cometrunway._wire._encode import poll
from cometrunway._wire._mapping import request_from_dict
from cometrunway._wire._record import is_complete
from cometrunway.errors import AuthenticationError, BudgetError, CometRunwayError, InsufficientBalanceError

_logger = logging.getLogger(__name__)
_BASE_URL = "https://api.cometapi.com"
_T = TypeVar("_T")
_VERSION = "2024-11-06"


class _Places(asyncio.Semaphore):
    """How many tasks may be unfinished at once."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._context = copy_context()
        self._give_back = lambda _ended: self.release()

    def keep_for(self, ticket: Ticket) -> None:
        """Release one once the task has ended; one callback and one context serve all that wait."""
        ticket.add_done_callback(self._give_back, context=self._context)


@frozen(kw_only=True)
class _Rooms:
    """What an open session works with; all of it belongs to one event loop."""

    api: Api
    desk: Desk
    downloader: Downloader
    scheduler: PollScheduler
    journal: Journal | None
    places: _Places
    lifetime: AsyncExitStack


class Session:
    """Submits paid tasks, waits for all of them with one scheduler, and brings their files home.

    Use it as `async with Session() as runway:`. Leaving the block waits for everything submitted; leaving it on an
    error stops at once, cancels nothing at the server, and lets the error through bare.

    Args:
        api_key: the gateway's key; by default from the environment's COMETAPI_KEY.
        base_url: the gateway's origin, without `/v1`; by default COMETRUNWAY_BASE_URL, else https://api.cometapi.com.
        output_dir: where files go, made if it is missing; None downloads nothing, and assets have only a URL.
        template: what files are called: text with `{key}` (the task's id where there is none), `{id}`, `{route}` and
            `{number}` (from 1, of the task's files). A `/` makes a folder; the extension is the content's.
        poll: how often to look, and for how long.
        retry: how often to repeat what is free or was refused.
        max_in_flight: how many tasks may be unfinished at once; `submit` waits for a place.
        max_creates: how many create requests may be under way at once; a crash leaves at most so many in doubt.
        budget: how many creates may be accepted, or be in doubt, before `submit` raises `BudgetError`; None for no end.
        journal: a file that keeps what was paid for across crashes, made if it is missing; one process uses it at a
            time. With it, a key that was submitted before is never submitted again.
        http: an `aiohttp.ClientSession` to borrow for API calls, for its proxy or its TLS settings; never closed here.
        on_event: called from the event loop with each `Event`; must not block.
        rng: where all randomness comes from.

    Raises:
        ValueError: no key, or an option out of its range; on entering, an `output_dir` that cannot be written.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        output_dir: str | os.PathLike[str] | None = "outputs",
        template: str = "{key}",
        poll: PollPolicy | None = None,
        retry: RetryPolicy | None = None,
        max_in_flight: int = 1000,
        max_creates: int = 16,
        budget: int | None = None,
        journal: str | os.PathLike[str] | None = None,
        http: aiohttp.ClientSession | None = None,
        on_event: Observer | None = None,
        rng: Random | None = None,
    ) -> None:
        self._transport = Transport(
            base_url=base_url or os.environ.get("COMETRUNWAY_BASE_URL") or _BASE_URL,
            api_key=_checked_key(api_key or os.environ.get("COMETAPI_KEY")),
            version=_VERSION,
            http=http,
        )
        self._output_dir = None if output_dir is None else expanded(output_dir)
        self._names = FileNames(template)
        self._poll = _of_type("poll", poll or PollPolicy(), PollPolicy)
        self._retry = _of_type("retry", retry or RetryPolicy(), RetryPolicy)
        self._max_in_flight = _at_least("max_in_flight", max_in_flight, 1)
        self._max_creates = _at_least("max_creates", max_creates, 1)
        self._allowance = Allowance(None if budget is None else _at_least("budget", budget, 0))
        self._journal_path = None if journal is None else expanded(journal)
        self._on_event = on_event
        self._rng = rng or Random()  # noqa: S311 - spreads polls, guards nothing
        self._rooms: _Rooms | None = None
        self._owed: tuple[Ticket, ...] = ()

    async def __aenter__(self) -> Self:
        if self._rooms is not None:
            raise RuntimeError("this Session is open already; make another one")
        async with AsyncExitStack() as lifetime:
            await self._make_folder()
            await lifetime.enter_async_context(self._transport)
            journal = None
            if self._journal_path is not None:
                journal = await lifetime.enter_async_context(Journal(self._journal_path))
            rooms = self._furnished(journal)
            memory = journal and Memory(journal, rooms.scheduler.pace)
            if memory:
                await memory.recall()
                lifetime.push_async_callback(memory.keep)
            await lifetime.enter_async_context(rooms.scheduler)
            if memory:
                rooms.scheduler.children.start(memory.keep_on(), name="cometrunway memory", role=Role.SERVICE)
            rooms.lifetime.push_async_exit(lifetime.pop_all())
        self._rooms = rooms
        return self

    async def _make_folder(self) -> None:
        # A folder that cannot be should be known before anything is paid for.
        if self._output_dir is not None:
            try:
                await asyncio.to_thread(_check_writable, self._output_dir)
            except OSError as error:
                raise ValueError(f"output_dir {self._output_dir} cannot be written: {error.strerror}") from error

    def _furnished(self, journal: Journal | None) -> _Rooms:
        api = Api(transport=self._transport, retry=self._retry, rng=self._rng)
        downloader = Downloader(open_asset=self._transport.asset, retry=self._retry, rng=self._rng)
        delivery = Delivery(
            retrieve=api.retrieve,
            downloader=downloader,
            journal=journal,
            output_dir=self._output_dir,
            names=self._names,
        )
        scheduler = PollScheduler(
            look=api.look, conclude=delivery.conclude, policy=self._poll, rng=self._rng, observe=self._observe
        )
        desk = Desk(
            api=api,
            scheduler=scheduler,
            journal=journal,
            max_creates=self._max_creates,
            allowance=self._allowance,
            observe=self._observe,
        )
        return _Rooms(
            api=api,
            desk=desk,
            downloader=downloader,
            scheduler=scheduler,
            journal=journal,
            places=_Places(self._max_in_flight),
            lifetime=AsyncExitStack(),
        )

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        rooms = self._opened()
        try:
            await rooms.lifetime.__aexit__(error_type, error, traceback)
        finally:
            self._owed = rooms.scheduler.owed
            self._rooms = None

    async def submit(self, request: Request, *, key: str | None = None) -> TaskHandle:
        """Submit one paid task; return once the server has accepted it.

        Waits while `max_in_flight` tasks are unfinished. A caller that is cancelled meanwhile leaves the submission
        running: its task is waited for and its files come home all the same.

        Args:
            request: what to make.
            key: your name for it; names its files, and is part of every error and event. With a journal, the same key
                never buys twice: it gives the first submission's handle, also in a later process, done if that is.

        Raises:
            APIError: refused; nothing was created.
            TransportError: never sent; nothing was created.
            OutcomeUnknownError: sent, and perhaps accepted and billed; it is never sent again by itself.
            JournalError: the key stands for another request, or the journal cannot be written; nothing was sent.
            BudgetError: `budget` is used up; nothing was sent.
            ValueError: `key` is no text of 1 to 500 characters, or a local file is no longer what it was when the
                request was made.
        """
        return await self._submit(request, key, unlike_any_other)

    async def map(self, requests: Requests) -> AsyncIterator[TaskHandle]:
        """Submit all requests (or `Shot`s, which have keys) concurrently; yield handles in the order of their ends.

        Takes a sync or an async iterable, which may be endless: at most `max_in_flight` submissions are held that are
        not yet yielded. One that is refused comes as a handle with an empty `id`, whose await raises the refusal. After
        a refusal that all others would share (a wrong key, no balance; without a journal, no budget) no more input is
        taken, and it is raised once everything already submitted was yielded; so is an error of the iterable itself,
        and a RuntimeError where another task reads the map and the session was left before all was submitted.
        """
        rooms = self._opened()
        children = rooms.scheduler.children
        batch = Batch(
            requests=requests,
            submit=partial(_accepted_or_refused, rooms, name=named_by_content()),
            start=lambda work: children.start(work, name="cometrunway map"),
            start_feeder=lambda work: children.start(work, name="cometrunway map", role=Role.SERVICE),
            is_pointless=self._is_pointless,
            at_once=self._max_creates,
            in_flight=rooms.places,
            window=self._max_in_flight,
        )
        async for handle in batch.handles():
            yield handle

    def attach(self, token: str, *, route: str | None = None) -> TaskHandle:
        """Wait for a task from elsewhere: another process, another day, another tool.

        Args:
            token: a handle's or an error's `token`; or, with `route`, a bare task id.
            route: the route that created the task, such as `image_to_video`.

        Raises:
            ValueError: neither a token nor a route.
        """
        desk = self._opened().desk
        reference = TaskReference(id=token, route=route) if route else TaskReference.from_token(token)
        poll(reference.route, reference.id)  # a wrong route or id is an error here rather than in a poll
        return TaskHandle(reference, desk.attach(reference))

    async def resume(self) -> tuple[TaskHandle, ...]:
        """Take up all that the journal still owes: wait for the tasks, and fetch the files that are not on disk.

        Raises:
            RuntimeError: the session has no journal.
        """
        desk = self._opened().desk
        owed = [entry for entry in await self._record().entries() if entry.is_owed]
        return tuple([_handle(await desk.restore(entry)) for entry in owed])

    async def in_doubt(self) -> tuple[Entry, ...]:
        """Return the submissions in the journal of which nobody knows whether they were accepted, and billed."""
        is_under_way = self._opened().desk.is_under_way
        entries = await self._record().entries()
        return tuple(entry for entry in entries if entry.is_in_doubt and not is_under_way(entry.key))

    async def resolve(self, key: str, *, task_id: str) -> TaskHandle:
        """End a doubt: the submission was accepted, as you know from elsewhere; wait for its task.

        Raises:
            ValueError: no submission of this key is in doubt.
        """
        entry = await self._doubtful(key)
        poll(entry.route, task_id)  # what no task is called is an error here rather than in a poll
        await self._record().accept(key, task_id=task_id, created_at=None)
        return _handle(await self._opened().desk.restore(evolve(entry, task_id=task_id, state=State.ACCEPTED)))

    async def resubmit(self, key: str, request: Request | None = None) -> TaskHandle:
        """End a doubt, or follow a failure, by submitting once more. What is in doubt may thus be paid for twice.

        Args:
            key: of a submission that is in doubt or failed.
            request: the request, where the journal has not all of it: it keeps of local files, data URIs and signed
                URLs only a digest.

        Raises:
            ValueError: nothing of this key is in doubt or failed, or the request is needed.
            JournalError: `request` is another one than was submitted under this key.
        """
        entry = await self._doubtful(key, or_failed=True)
        if request is None:
            if not is_complete(entry.request):
                raise ValueError(f"the journal has only a digest of a file or URL of {key!r}: give the request again")
            request = request_from_dict(entry.request)
        return await self._submit(request, key, unlike_any_other, again=entry)

    async def retrieve(self, task_id: str, *, route: str = "image_to_video") -> Task:
        """Look at a task once, whoever submitted it.

        Raises:
            TaskNotFoundError: the API does not know the id, or not yet: a task may be unknown for its first minute.
            CometRunwayError: no answer could be had.
        """
        try:
            return await self._opened().api.retrieve(route, task_id)
        except CometRunwayError as error:
            raise error.about(route=route, task_id=task_id)  # noqa: B904 - the same error, not a new one

    async def download(self, asset: Asset, path: str | os.PathLike[str]) -> Asset:
        """Download one file to exactly this path; for sessions with `output_dir=None`.

        Raises:
            FileExistsError: there is a file of that name; it is left alone.
            AssetExpiredError: the URL is no longer honoured; `retrieve` the task for a fresh one.
            DownloadError: the file could not be had whole.
        """
        target = expanded(path)
        if await asyncio.to_thread(target.exists):
            raise FileExistsError(f"{target} exists and is not overwritten")
        return await self._opened().downloader.fetch(asset.url, folder=target.parent, stem=target.name, extension="")

    def stop_submitting(self) -> None:
        """Send no more creates, for as long as this session lives: each further one raises `BudgetError`.

        What was submitted is waited for, and `map` ends once all that it has taken is done.
        """
        self._allowance.stop()

    @property
    def owed(self) -> tuple[TaskHandle, ...]:
        """The handles of all tasks that were submitted and whose files are not home; also after the block was left."""
        tickets = self._rooms.scheduler.owed if self._rooms else self._owed
        return tuple(TaskHandle(ticket.reference, ticket) for ticket in tickets)

    @property
    def eta(self) -> float | None:
        """In how many seconds the last of the tasks submitted so far can be expected to have ended at the server.

        None before it is known: until about a quarter of a kind (a route and a model) have ended.
        """
        return self._rooms.scheduler.eta if self._rooms else None

    def _opened(self) -> _Rooms:
        if self._rooms is None:
            raise RuntimeError("this Session is not open: use it as `async with Session() as runway:`")
        return self._rooms

    def _record(self) -> Journal:
        journal = self._opened().journal
        if journal is None:
            raise RuntimeError('this Session has no journal: make it as Session(journal="shots.db")')
        return journal

    async def _doubtful(self, key: str, *, or_failed: bool = False) -> Entry:
        entry = await self._record().find(key)
        if entry is None:
            raise ValueError(f"the journal has nothing under the key {key!r}")
        is_doubtful = entry.is_in_doubt and not self._opened().desk.is_under_way(key)
        if not (is_doubtful or entry.is_by_hearsay) and not (or_failed and entry.state is State.FAILED):
            raise ValueError(f"the submission {key!r} is not in doubt: it is {entry.state.value}")
        return entry

    async def _submit(self, request: Request, key: str | None, name: Name, *, again: Entry | None = None) -> TaskHandle:
        _check(request, key)
        rooms = self._opened()  # once: after the wait for a place the Session may have been left, and opened again
        await rooms.places.acquire()
        try:
            child = _submission(rooms, request, key, name, again)
        except BaseException:
            rooms.places.release()
            raise
        child.add_done_callback(partial(_release_when_done, rooms.places))
        return _handle(await _accepted(child))

    def _is_pointless(self, error: BaseException) -> bool:
        """Whether what refused one submission would refuse all others; what a journal knows costs no budget."""
        if isinstance(error, BudgetError):
            return self._allowance.is_stopped or self._journal_path is None
        return isinstance(error, AuthenticationError | InsufficientBalanceError)

    def _observe(self, event: Event) -> None:
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except (Exception, asyncio.CancelledError):
            _logger.exception("on_event failed on %s of task %s", event.kind.value, event.task_id)


def _check_writable(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=folder) as file:
        file.write(b"whether there is room")


def _check(request: Request, key: str | None) -> None:
    check_request(request)
    if key is not None:
        check_key(key)


def _handle(ticket: Ticket) -> TaskHandle:
    return TaskHandle(ticket.reference, ticket)


def _submission(
    rooms: _Rooms, request: Request, key: str | None, name: Name, again: Entry | None = None
) -> "asyncio.Task[Ticket | Exception]":
    """Start a submission, which goes on whatever becomes of its caller."""
    outcome = _outcome(rooms, request, key, name, again)
    return rooms.scheduler.children.start(outcome, name=f"cometrunway create {key}", role=Role.CREATE)


async def _outcome(
    rooms: _Rooms, request: Request, key: str | None, name: Name, again: Entry | None
) -> Ticket | Exception:
    # An exception would end the scheduler's group, so it is handed over instead.
    try:
        if again is not None:
            return await rooms.desk.again(again, request)
        return await rooms.desk.submit(request, key=key, name=name)
    except Exception as error:  # noqa: BLE001 - raised to whoever submits
        return error


async def _accepted_or_refused(rooms: _Rooms, shot: Request | Shot, *, name: Name) -> Ticket:
    key, request = (shot.key, shot.request) if isinstance(shot, Shot) else (None, shot)
    try:
        _check(request, key)
        return await _accepted(_submission(rooms, request, key, name))
    except Exception as error:  # noqa: BLE001 - raised to whoever awaits the handle
        ticket = Ticket(TaskReference(id="", route=getattr(request, "route", ""), key=key), request)
        ticket.fail(error)
        return ticket


async def _accepted(submission: "asyncio.Task[Ticket | Exception]") -> Ticket:
    outcome = await asyncio.shield(submission)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _release_when_done(places: _Places, submission: "asyncio.Task[Ticket | Exception]") -> None:
    """Give the place back once the submission's task has ended, or at once if there is none."""
    outcome = None if submission.cancelled() else submission.result()
    if isinstance(outcome, Ticket):
        places.keep_for(outcome)
    else:
        places.release()


def _checked_key(key: str | None) -> str:
    key = (key or "").strip()
    if not key:
        raise ValueError("no API key: set COMETAPI_KEY in the environment, or pass Session(api_key=...)")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError("the API key holds characters that no key has; was more than the key copied?")
    return key


def _of_type(name: str, value: object, wanted: type[_T]) -> _T:
    if not isinstance(value, wanted):
        raise TypeError(f"{name} must be a {wanted.__name__}, got {value!r}")
    return value


def _at_least(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return value
