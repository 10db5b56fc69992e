"""The session: what a user opens. It puts the parts together, and has the public methods."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from random import Random
from types import TracebackType
from typing import Self

import aiohttp
from attrs import evolve, frozen

from cometrunway._delivery._delivery import Delivery
from cometrunway._delivery._downloader import Downloader
from cometrunway._delivery._file_names import FileNames
from cometrunway._delivery._folder import try_folder
from cometrunway._delivery._part_file import are_intact
from cometrunway._event_stream import EventStream
from cometrunway._events import EventEmitter, Observer
from cometrunway._handle import TaskFuture, TaskHandle, TaskReference
from cometrunway._journal._entry import DOUBTFUL, OWED, Entry, State
from cometrunway._journal._protocol import JournalProtocol, NoJournal
from cometrunway._journal._sqlite import Journal
from cometrunway._paths import expanded
from cometrunway._policies import PollPolicy, RetryPolicy, at_least_zero, of_type
from cometrunway._polling._duration_history import DurationHistory
from cometrunway._polling._scheduler import PollScheduler
from cometrunway._requests._routes import Request
from cometrunway._submission._existing import ExistingTasks
from cometrunway._submission._limits import CreateBudget, Limits
from cometrunway._submission._map import BatchSubmission, Requests
from cometrunway._submission._resumption import Resumption
from cometrunway._submission._submitter import Submitter
from cometrunway._task_group import BackgroundTasks, Role, outlasting
from cometrunway._tasks import Asset, Task
from cometrunway._transport._aiohttp import Transport
from cometrunway._transport._api import Api
from cometrunway._transport._assets import AssetHosts
from cometrunway._transport._connections import Connections
from cometrunway._wire._encode import poll_request
from cometrunway._wire._identity import is_complete
from cometrunway._wire._mapping import request_from_dict
from cometrunway.errors import CometRunwayError

_BASE_URL = "https://api.cometapi.com"
_VERSION = "2024-11-06"


@frozen(kw_only=True)
class _Parts:
    """What an open session works with; all of it belongs to one event loop."""

    api: Api
    background: BackgroundTasks
    downloader: Downloader
    existing: ExistingTasks
    journal: JournalProtocol
    scheduler: PollScheduler
    submitter: Submitter
    lifetime: AsyncExitStack


class Session:
    """Submits paid tasks, polls all of them with one scheduler, and downloads their files.

    Use it as `async with Session() as runway:`. Leaving the block waits for everything submitted. Leaving it on an
    error stops at once, cancels nothing at the server, and lets the error through bare.

    Args:
        api_key: the gateway's key; by default from the environment's COMETAPI_KEY.
        base_url: the gateway's origin, without `/v1`; by default COMETRUNWAY_BASE_URL, else https://api.cometapi.com.
        output_dir: where files go, made if it is missing; None downloads nothing, and assets have only a URL.
        template: what files are called: text with `{key}` (the task's id where there is none), `{id}`, `{route}` and
            `{number}` (from 1, of the task's files). A `/` makes a folder; the extension is the content's.
        poll: how often to poll, and for how long.
        retry: how often to repeat what is free or was refused.
        max_in_flight: how many tasks may be unfinished at once; `submit` waits while there are as many.
        max_creates: how many create requests may be under way at once. Fewer are where the gateway answers with 429s:
            for each route and model the session learns how many, and how many per second. A crash leaves at most so
            many in doubt, and one more for each further route and model.
        budget: how many creates may be accepted, or be in doubt, before `submit` raises `BudgetError`; None for no end.
        journal: a file that keeps what was paid for across crashes, made if it is missing; one process uses it at a
            time. With it, a key that was submitted before is never submitted again.
        journal_timeout: seconds to wait while another program, such as a backup, has locked the journal. After that no
            create is sent until it can be written.
        http: an `aiohttp.ClientSession` to borrow for API calls, for its proxy or its TLS settings; never closed here.
            Its middlewares are not used for creates, which one that repeats would pay for twice.
        trust_env: whether HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR count, as they
            are on entering. No `.netrc` is ever read.
        allow_private_assets: whether files may be fetched from private addresses, such as 10.0.0.5, of an API that is
            not at one itself.
        on_event: called from the event loop with each `Event`; must not block.
        rng: where all randomness comes from.

    Raises:
        ValueError: no key, or an option out of its range; on entering, an `output_dir` that cannot be written, or
            a proxy or certificates of the environment that cannot be used.
        TypeError: `http` is no `aiohttp.ClientSession`.
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
        max_creates: int = 256,
        budget: int | None = None,
        journal: str | os.PathLike[str] | None = None,
        journal_timeout: float = 30.0,
        http: aiohttp.ClientSession | None = None,
        trust_env: bool = True,
        allow_private_assets: bool = False,
        on_event: Observer | None = None,
        rng: Random | None = None,
    ) -> None:
        self._connections = Connections(trust_env=trust_env)
        self._transport = Transport(
            base_url=base_url or os.environ.get("COMETRUNWAY_BASE_URL") or _BASE_URL,
            api_key=api_key or os.environ.get("COMETAPI_KEY"),
            version=_VERSION,
            http=http,
            connections=self._connections,
        )
        self._asset_hosts = AssetHosts(
            connections=self._connections, api=self._transport.base, allow_private=allow_private_assets
        )
        self._output_dir = None if output_dir is None else expanded(output_dir)
        self._names = FileNames(template)
        self._poll = of_type("poll", poll or PollPolicy(), PollPolicy)
        self._retry = of_type("retry", retry or RetryPolicy(), RetryPolicy)
        self._limits = Limits(max_in_flight=max_in_flight, max_creates=max_creates, budget=budget)
        self._budget = CreateBudget(budget)
        self._journal_path = None if journal is None else expanded(journal)
        self._journal_timeout = at_least_zero("journal_timeout", journal_timeout)
        self._events = EventEmitter(on_event)
        self._rng = rng or Random()  # noqa: S311 - spreads polls, guards nothing
        self._parts: _Parts | None = None
        self._owed: tuple[TaskFuture, ...] = ()

    async def __aenter__(self) -> Self:
        if self._parts is not None:
            raise RuntimeError("this Session is open already; make another one")
        async with AsyncExitStack() as lifetime:
            if self._output_dir is not None:
                await try_folder(self._output_dir)  # before anything is paid for
            await lifetime.enter_async_context(self._connections)
            await lifetime.enter_async_context(self._transport)
            await lifetime.enter_async_context(self._asset_hosts)
            if self._journal_path is None:
                parts = self._compose(NoJournal())
            else:
                journal = await lifetime.enter_async_context(
                    Journal(self._journal_path, lock_timeout=self._journal_timeout, output_dir=self._output_dir)
                )
                parts = self._compose(journal)
                history = DurationHistory(journal, parts.scheduler.model)
                await history.load()
                lifetime.push_async_callback(history.save)
            lifetime.callback(self._events.close)
            lifetime.callback(parts.scheduler.close)
            await lifetime.enter_async_context(parts.background)
            parts.scheduler.start()
            if self._journal_path is not None:
                parts.background.start(history.save_regularly(), name="cometrunway history", role=Role.SERVICE)
            parts.lifetime.push_async_exit(lifetime.pop_all())
        self._parts = parts
        return self

    def _compose(self, journal: JournalProtocol) -> _Parts:
        background = BackgroundTasks()
        limit = self._poll.answer_limit
        api = Api(transport=self._transport, retry=self._retry, rng=self._rng, answer_limit=limit)
        downloader = Downloader(open_asset=self._asset_hosts.open, retry=self._retry, rng=self._rng)
        delivery = Delivery(
            retrieve=api.retrieve,
            downloader=downloader,
            journal=journal,
            output_dir=self._output_dir,
            names=self._names,
        )
        scheduler = PollScheduler(
            poll=api.poll,
            deliver=delivery.deliver,
            policy=self._poll,
            rng=self._rng,
            background=background,
            events=self._events,
        )
        existing = ExistingTasks(watcher=scheduler, are_intact=are_intact, background=background, events=self._events)
        submitter = Submitter(
            api=api,
            retry=self._retry,
            rng=self._rng,
            journal=journal,
            limits=self._limits,
            budget=self._budget,
            existing=existing,
            background=background,
            events=self._events,
        )
        return _Parts(
            api=api,
            background=background,
            downloader=downloader,
            existing=existing,
            journal=journal,
            scheduler=scheduler,
            submitter=submitter,
            lifetime=AsyncExitStack(),
        )

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        parts = self._opened()
        try:
            closing = parts.lifetime.__aexit__(error_type, error, traceback)
            await outlasting(closing, on_cancel=parts.background.leave)
        finally:
            self._owed = parts.scheduler.owed
            self._parts = None

    async def submit(self, request: Request, *, key: str | None = None) -> TaskHandle:
        """Submit one paid task; return once the server has accepted it.

        Waits while `max_in_flight` tasks are unfinished. A caller that is cancelled meanwhile leaves the submission
        running: its task is polled and its files are downloaded all the same.

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
        return _handle(await self._opened().submitter.submit(request, key))

    async def map(self, requests: Requests) -> AsyncIterator[TaskHandle]:
        """Submit all requests (or `Shot`s, which have keys) concurrently; yield handles in the order of their ends.

        Takes a sync or an async iterable, which may be endless: at most `max_in_flight` submissions are held that are
        not yet yielded. One that is refused comes as a handle with an empty `id`, whose await raises the refusal. After
        a refusal that all others would share (a wrong key, no balance; without a journal, no budget) no more input is
        taken, and it is raised once everything already submitted was yielded; so is an error of the iterable itself,
        and a RuntimeError where another task reads the map and the session was left before all was submitted.
        """
        parts = self._opened()
        batch = BatchSubmission(requests=requests, submitter=parts.submitter, background=parts.background)
        async for handle in batch.handles():
            yield handle

    def events(self, *followed: TaskHandle | str) -> EventStream:
        """Return an async iterator over what happens to some tasks, or to all: `async for event in session.events()`.

        Each reader has its own. A task that is known begins with an event that says how it stands. The iterator ends
        once all that it follows has ended (DOWNLOADED, FAILED, REFUSED or IN_DOUBT), or the session is left.

        A slow reader loses only progress: of the CHANGED, POLL_FAILED and RETRYING events of a task that it has not
        read yet, the newest is kept. One that leaves more than 100,000 events unread gets a RuntimeError.

        Args:
            followed: handles, or keys. A key of which nothing is known yet is waited for; without a journal nothing is
                known of a key whose task has ended. Given nothing, the iterator brings the events of the whole session
                from now on.
        """
        parts = self._opened()
        return EventStream(
            followed, emitter=self._events, polled=parts.scheduler.find_by_key, ended=parts.submitter.ended
        )

    def attach(self, token: str, *, route: str | None = None) -> TaskHandle:
        """Wait for a task from elsewhere: another process, another day, another tool.

        Args:
            token: a handle's or an error's `token`; or, with `route`, a bare task id.
            route: the route that created the task, such as `image_to_video`.

        Raises:
            ValueError: neither a token nor a route.
        """
        parts = self._opened()
        reference = TaskReference(id=token, route=route) if route else TaskReference.from_token(token)
        return TaskHandle(reference, parts.existing.attach(reference))

    def resume(self) -> Resumption:
        """Take up all that the journal still owes: poll the tasks, and download the files that are not on disk.

        `await session.resume()` gives the handles of all. `async for handle in session.resume()` takes up at most
        `max_in_flight` at once, and yields each once its files are on disk or its failure is known.

        Raises:
            RuntimeError: the session has no journal.
        """
        parts, journal = self._opened(), self._journal()

        async def at_once() -> tuple[TaskHandle, ...]:
            return tuple([_handle(await parts.existing.take_up(entry)) async for entry in journal.entries(OWED)])

        def in_turn() -> AsyncIterator[TaskHandle]:
            owed = journal.entries(OWED)
            return BatchSubmission(requests=owed, submitter=parts.submitter, background=parts.background).handles()

        return Resumption(at_once=at_once, in_turn=in_turn)

    async def find(self, key: str) -> TaskHandle | None:
        """Return the handle of one submission of the journal, finished or not; None where it has none of this key.

        Where the task has ended and its files are on disk the handle is done; else the task is polled. Where there is
        no task, because the submission is in doubt or was refused, `id` is empty, and to await the handle raises why.

        Raises:
            RuntimeError: the session has no journal.
            JournalError: the journal cannot be read.
        """
        self._journal()
        future = await self._opened().submitter.find(key)
        return None if future is None else _handle(future)

    async def in_doubt(self) -> tuple[Entry, ...]:
        """Return the submissions in the journal of which it is not known whether they were accepted, and billed."""
        is_under_way = self._opened().submitter.is_under_way
        return tuple([entry async for entry in self._journal().entries(DOUBTFUL) if not is_under_way(entry.key)])

    async def resolve(self, key: str, *, task_id: str) -> TaskHandle:
        """End a doubt: the submission was accepted, as you know from elsewhere; wait for its task.

        Raises:
            ValueError: no submission of this key is in doubt.
        """
        entry = await self._doubtful(key)
        poll_request(entry.route, task_id)  # an id that no task has is an error here rather than in a poll
        await self._journal().accept(entry.key, task_id=task_id, created_at=None)
        accepted = evolve(entry, task_id=task_id, state=State.ACCEPTED)
        return _handle(await self._opened().existing.take_up(accepted))

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
        return _handle(await self._opened().submitter.submit(request, entry.key, instead_of=entry))

    async def retrieve(self, task_id: str, *, route: str = "image_to_video") -> Task:
        """Ask for the state of a task once; it may have been submitted elsewhere.

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
            DownloadError: the file could not be downloaded whole.
        """
        target = expanded(path)
        if await asyncio.to_thread(target.exists):
            raise FileExistsError(f"{target} exists and is not overwritten")
        return await self._opened().downloader.download(asset.url, folder=target.parent, stem=target.name, extension="")

    def stop_submitting(self) -> None:
        """Send no more creates, for as long as this session lives: each further one raises `BudgetError`.

        What was submitted is waited for, and `map` ends once all that it has taken is done.
        """
        self._budget.stop()
        if self._parts is not None:
            self._parts.submitter.end_waits()

    @property
    def owed(self) -> tuple[TaskHandle, ...]:
        """The handles of all submitted tasks whose files are not on disk; also after the block was left."""
        return tuple(map(_handle, self._parts.scheduler.owed if self._parts else self._owed))

    @property
    def eta(self) -> float | None:
        """In how many seconds the last of the tasks submitted so far can be expected to have ended at the server.

        None before it is known: until about a quarter of a kind (a route and a model) have ended.
        """
        return self._parts.scheduler.eta if self._parts else None

    @property
    def create_rate(self) -> float | None:
        """Creates per second that the gateway allows, as learned from its 429s; None while no create waits for that.

        Of several routes and models it is the sum.
        """
        return self._parts.submitter.pace if self._parts else None

    def _opened(self) -> _Parts:
        if self._parts is None:
            raise RuntimeError("this Session is not open: use it as `async with Session() as runway:`")
        return self._parts

    def _journal(self) -> JournalProtocol:
        journal = self._opened().journal
        if not journal.keeps_entries:
            raise RuntimeError('this Session has no journal: make it as Session(journal="shots.db")')
        return journal

    async def _doubtful(self, key: str, *, or_failed: bool = False) -> Entry:
        entry = await self._journal().find(key)
        if entry is None:
            raise ValueError(f"the journal has nothing under the key {key!r}")
        is_doubtful = entry.is_in_doubt and not self._opened().submitter.is_under_way(entry.key)
        if not (is_doubtful or entry.has_reported_id) and not (or_failed and entry.state is State.FAILED):
            raise ValueError(f"the submission {key!r} is not in doubt: it is {entry.state.value}")
        return entry


def _handle(future: TaskFuture) -> TaskHandle:
    return TaskHandle(future.reference, future)
