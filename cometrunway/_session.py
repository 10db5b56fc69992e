"""The session: owns connections, polls and downloads, and puts all the rooms together."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

import aiohttp
from attrs import evolve, frozen

from cometrunway import _wire
from cometrunway._aiohttp import Transport
from cometrunway._api import Api
from cometrunway._download import Downloader, safe_stem
from cometrunway._events import Event, EventKind, Observer
from cometrunway._handle import TaskHandle, TaskReference, Ticket
from cometrunway._http import HttpRequest
from cometrunway._map import Batch, Requests, Shot
from cometrunway._policy import PollPolicy, RetryPolicy
from cometrunway._requests import Request
from cometrunway._scheduler import PollScheduler
from cometrunway._tasks import Asset, Task
from cometrunway.errors import (
    AssetExpiredError,
    CometRunwayError,
    OutcomeUnknownError,
    ProtocolError,
)

_logger = logging.getLogger(__name__)
_BASE_URL = "https://api.cometapi.com"
_VERSION = "2024-11-06"


@frozen(kw_only=True)
class _Rooms:
    """What an open session works with; all of it belongs to one event loop."""

    api: Api
    downloader: Downloader
    scheduler: PollScheduler
    places: asyncio.Semaphore
    creates: asyncio.Semaphore
    lifetime: AsyncExitStack


class Session:
    """Submits paid tasks, waits for all of them with one scheduler, and brings their files home.

    Use it as `async with Session() as runway:`. Leaving the block waits for everything submitted; leaving it on an
    error stops at once, cancels nothing at the server, and lets the error through bare.

    Args:
        api_key: the gateway's key; by default from the environment's COMETAPI_KEY.
        base_url: the gateway's origin, without `/v1`; by default COMETRUNWAY_BASE_URL, else https://api.cometapi.com.
        output_dir: where files go, made if it is missing; None downloads nothing, and assets have only a URL.
        poll: how often to look, and for how long.
        retry: how often to repeat what is free or was refused.
        max_in_flight: how many tasks may be unfinished at once; `submit` waits for a place.
        max_creates: how many create requests may be under way at once; a crash leaves at most so many in doubt.
        http: an `aiohttp.ClientSession` to borrow for API calls, for its proxy or its TLS settings; never closed here.
        on_event: called from the event loop with each `Event`; must not block.
        rng: where all randomness comes from.

    Raises:
        ValueError: no key, or an option out of its range.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        output_dir: str | os.PathLike[str] | None = "outputs",
        poll: PollPolicy | None = None,
        retry: RetryPolicy | None = None,
        max_in_flight: int = 1000,
        max_creates: int = 16,
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
        self._output_dir = None if output_dir is None else Path(output_dir)
        self._poll = poll or PollPolicy()
        self._retry = retry or RetryPolicy()
        self._max_in_flight = _at_least_one("max_in_flight", max_in_flight)
        self._max_creates = _at_least_one("max_creates", max_creates)
        self._on_event = on_event
        self._rng = rng or Random()  # noqa: S311 - spreads polls, guards nothing
        self._rooms: _Rooms | None = None
        self._owed: tuple[Ticket, ...] = ()

    async def __aenter__(self) -> Self:
        if self._rooms is not None:
            raise RuntimeError("this Session is open already; make another one")
        async with AsyncExitStack() as lifetime:
            await lifetime.enter_async_context(self._transport)
            api = Api(transport=self._transport, retry=self._retry, rng=self._rng)
            scheduler = PollScheduler(
                look=api.look, fetch=self._fetch, policy=self._poll, rng=self._rng, observe=self._observe
            )
            self._rooms = _Rooms(
                api=api,
                downloader=Downloader(open_asset=self._transport.asset, retry=self._retry, rng=self._rng),
                scheduler=scheduler,
                places=asyncio.Semaphore(self._max_in_flight),
                creates=asyncio.Semaphore(self._max_creates),
                lifetime=lifetime.pop_all(),
            )
            await self._rooms.lifetime.enter_async_context(scheduler)
        return self

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
            key: your name for it; names its files, and is part of every error and event.

        Raises:
            APIError: refused; nothing was created.
            TransportError: never sent; nothing was created.
            OutcomeUnknownError: sent, and perhaps accepted and billed; it is never sent again by itself.
            ValueError: a local file of the request is no longer what it was when the request was made.
        """
        rooms = self._opened()
        await rooms.places.acquire()
        try:
            child = rooms.scheduler.start(
                self._create(rooms, request, key), name=f"cometrunway create {key or request.route}", is_create=True
            )
        except RuntimeError:
            rooms.places.release()
            raise
        outcome = await asyncio.shield(child)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def map(self, requests: Requests) -> AsyncIterator[TaskHandle]:
        """Submit all requests (or `Shot`s, which have keys) concurrently; yield handles in the order of their ends.

        Takes a sync or an async iterable, which may be endless: at most `max_in_flight` submissions are held that are
        not yet yielded. One that is refused comes as a handle with an empty `id`, whose await raises the refusal. After
        a refusal that all others would share (a wrong key, no balance) no more input is taken, and it is raised once
        everything already submitted was yielded; so is an error of the iterable itself.
        """
        scheduler = self._opened().scheduler
        batch = Batch(
            requests=requests,
            submit=self._submit_or_refused,
            start=lambda work: scheduler.start(work, name="cometrunway map"),
            at_once=self._max_creates,
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
        scheduler = self._opened().scheduler
        reference = TaskReference(id=token, route=route) if route else TaskReference.from_token(token)
        _wire.poll(reference.route, reference.id)  # a wrong route or id is an error here rather than in a poll
        ticket = scheduler.find(reference)
        if ticket is None:
            ticket = Ticket.new(reference)
            scheduler.watch(ticket, first_pause=0.0, unknown_for=self._grace_left(reference))
        return TaskHandle(reference, ticket)

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
        target = Path(path)
        if await asyncio.to_thread(target.exists):
            raise FileExistsError(f"{target} exists and is not overwritten")
        return await self._opened().downloader.fetch(asset.url, folder=target.parent, stem=target.name, extension="")

    @property
    def owed(self) -> tuple[TaskHandle, ...]:
        """The handles of all tasks that were submitted and whose files are not home; also after the block was left."""
        tickets = self._rooms.scheduler.owed if self._rooms else self._owed
        return tuple(TaskHandle(ticket.reference, ticket) for ticket in tickets)

    def _opened(self) -> _Rooms:
        if self._rooms is None:
            raise RuntimeError("this Session is not open: use it as `async with Session() as runway:`")
        return self._rooms

    async def _submit_or_refused(self, shot: Request | Shot) -> TaskHandle:
        key, request = (shot.key, shot.request) if isinstance(shot, Shot) else (None, shot)
        try:
            return await self.submit(request, key=key)
        except (CometRunwayError, RuntimeError, ValueError) as error:
            ticket = Ticket.new(TaskReference(id="", route=request.route, key=key), request)
            ticket.fail(error)
            return TaskHandle(ticket.reference, ticket)

    async def _create(self, rooms: _Rooms, request: Request, key: str | None) -> TaskHandle | Exception:
        reference = TaskReference(id="", route=request.route, key=key)
        try:
            task_id = await self._post(rooms, request, reference)
        except (CometRunwayError, RuntimeError, ValueError) as error:
            rooms.places.release()
            return error
        reference = evolve(reference, id=task_id, created_at=time.time())
        ticket = Ticket.new(reference, request)
        ticket.files.add_done_callback(lambda _: rooms.places.release())
        rooms.scheduler.watch(ticket, first_pause=self._poll.pause(0, self._rng), unknown_for=self._poll.grace)
        self._tell(EventKind.SUBMITTED, reference)
        return TaskHandle(reference, ticket)

    async def _post(self, rooms: _Rooms, request: Request, reference: TaskReference) -> str:
        async with rooms.creates:
            if rooms.scheduler.is_closing:
                raise RuntimeError("the Session was left before this request was sent; nothing was submitted")
            message = await self._encoded(request)
            try:
                return await rooms.api.create(message)
            except asyncio.CancelledError:
                self._tell(EventKind.IN_DOUBT, reference, _left_during(reference))
                raise
            except CometRunwayError as error:
                in_doubt = isinstance(error, OutcomeUnknownError)
                error.about(route=reference.route, key=reference.key)
                self._tell(EventKind.IN_DOUBT if in_doubt else EventKind.REFUSED, reference, error)
                raise

    @staticmethod
    async def _encoded(request: Request) -> HttpRequest:
        if request.local_files:
            return await asyncio.to_thread(_wire.encode, request)
        return _wire.encode(request)

    def _grace_left(self, reference: TaskReference) -> float:
        if reference.created_at is None:
            return 0.0
        return max(0.0, self._poll.grace - max(0.0, time.time() - reference.created_at))

    async def _fetch(self, ticket: Ticket, task: Task) -> tuple[Asset, ...]:
        if not task.outputs:
            body = repr(dict(task.raw)).encode()[:2000]
            raise ProtocolError(f"task {task.id} succeeded, but its answer names no output", status=200, body=body)
        if self._output_dir is None:
            return tuple(Asset(url=url) for url in task.outputs)
        stem = safe_stem(ticket.reference.key or task.id)
        stems = [stem] if len(task.outputs) == 1 else [f"{stem}-{number + 1}" for number in range(len(task.outputs))]
        return tuple([await self._fetch_one(ticket, task, number, stem) for number, stem in enumerate(stems)])

    async def _fetch_one(self, ticket: Ticket, task: Task, number: int, stem: str) -> Asset:
        rooms, folder, url = self._opened(), self._output_dir, task.outputs[number]
        assert folder is not None  # noqa: S101 - `_fetch` has checked
        try:
            return await rooms.downloader.fetch(url, folder=folder, stem=stem)
        except AssetExpiredError:
            fresh = await rooms.api.retrieve(ticket.reference.route, task.id)
            if url in fresh.outputs or len(fresh.outputs) <= number:
                raise
            return await rooms.downloader.fetch(fresh.outputs[number], folder=folder, stem=stem)

    def _tell(self, kind: EventKind, reference: TaskReference, error: CometRunwayError | None = None) -> None:
        self._observe(
            Event(kind=kind, route=reference.route, key=reference.key, task_id=reference.id or None, error=error)
        )

    def _observe(self, event: Event) -> None:
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception:
            _logger.exception("on_event failed on %s of task %s", event.kind.value, event.task_id)


def _left_during(reference: TaskReference) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        "the Session was left while this create was under way: the task may exist, and may be billed"
    ).about(route=reference.route, key=reference.key)


def _checked_key(key: str | None) -> str:
    key = (key or "").strip()
    if not key:
        raise ValueError("no API key: pass Session(api_key=...) or set COMETAPI_KEY in the environment")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError("the API key holds characters that no key has; was more than the key copied?")
    return key


def _at_least_one(name: str, value: int) -> int:
    if isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    return value
