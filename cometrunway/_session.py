"""The session: what a user opens. It puts the parts together, and has the public methods."""

import asyncio
import math
import os
from random import Random
from signal import Signals
from types import TracebackType
from typing import Self

import aiohttp

from cometrunway._budget import Budget
from cometrunway._callbacks._receiver import CallbackReceiver
from cometrunway._composition import Composition
from cometrunway._event_stream import EventStream
from cometrunway._events import Observer
from cometrunway._handle import TaskHandle, TaskReference, handle_of
from cometrunway._journal._entries import Entries
from cometrunway._lifetime import Lifetime
from cometrunway._paths import expanded
from cometrunway._policies import PollPolicy, RetryPolicy
from cometrunway._requests._routes import Request
from cometrunway._signals import hear
from cometrunway._submission._batch import Batch
from cometrunway._submission._intent import Resubmits, never
from cometrunway._submission._limits import Limits
from cometrunway._submission._map import BatchSubmission, Requests
from cometrunway._submission._resumption import Resumption
from cometrunway._tasks import Asset, Task
from cometrunway._telemetry._options import Telemetry
from cometrunway._transport._api_key import KeyFunction
from cometrunway._wire._balance import Balance, Usage
from cometrunway._wire._encode import request_type
from cometrunway._wire._provider import COMETAPI, Provider
from cometrunway.errors import DownloadError, without_frames


class Session:
    """Submits paid tasks, polls all of them with one scheduler, and downloads their files.

    Use it as `async with Session() as runway:`, or by `open` and `close`, within one event loop. Leaving the block
    waits for what is in flight, as `close_wait` says. Leaving it on an error stops at once, cancels nothing at the
    server, and lets the error through bare.

    Args:
        api_key: the provider's key; by default from its environment variable, such as COMETAPI_KEY. Or a function that
            returns it, plain or async: it is called on opening, and each time that the key is refused; with another key
            the refused request is sent again. It must not block.
        provider: whose API it is: `cometapi`, `runway`, or a `Provider`. A key of one is never sent to another.
        base_url: the API's origin, without `/v1`; by default from the environment (COMETRUNWAY_BASE_URL,
            RUNWAYML_BASE_URL), else the provider's.
        strict: whether a model, a ratio or another value that is not known at the provider is an error before anything
            is sent; else it is sent with an `errors.UnknownValueWarning`.
        output_dir: where files go: a folder, made if it is missing, or `s3://bucket/prefix`, which needs the extra
            `cometrunway[s3]`; None downloads nothing, and assets have only a URL.
        template: what files are called: text with `{key}` (the task's id where there is none), `{id}`, `{route}` and
            `{number}` (from 1, of the task's files). A `/` makes a folder; the extension is the content's.
        poll: how often to poll, and for how long.
        retry: how often to repeat what is free or was refused.
        max_in_flight: how many tasks may be unfinished at once; `submit` waits while there are as many.
        max_creates: how many create requests may be under way at once. Fewer are where the gateway answers with 429s:
            for each route and model the session learns how many, and how many per second. A crash leaves at most so
            many in doubt, and one more for each further route and model.
        max_waiting: how many submissions may wait for `max_in_flight` and for the gateway's limits, before `submit`
            raises `SubmissionQueueFullError` at once; those of a `map` do not count. None for no end.
        budget: how many creates may be accepted, or be in doubt, before `submit` raises `BudgetError`; or a `Budget`,
            which also knows money. None for no end.
        journal: a file that keeps what was paid for across crashes, made if it is missing; one process uses it at a
            time. With it, a key that was submitted before is never submitted again.
        journal_timeout: seconds to wait while another program, such as a backup, has locked the journal. After that no
            create is sent until it can be written.
        journal_wait: seconds to wait, on opening, while another process uses the journal, as one that is about to leave
            does in a rolling restart; `math.inf` waits for ever.
        close_wait: seconds that leaving waits for what is in flight; `math.inf` waits for all, 0 leaves at once. What
            is unfinished then goes on at the server, and the journal has it.
        close_grace: seconds that leaving waits, after that, for the answers to creates under way.
        callbacks: where the gateway's posts come in; the ends of tasks are then known at once and with few polls.
        http: an `aiohttp.ClientSession` to borrow for API calls, for its proxy or its TLS settings; never closed here.
            Its middlewares are not used for creates, which one that repeats would pay for twice.
        trust_env: whether HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR count, as they
            are on entering. No `.netrc` is ever read.
        allow_private_assets: whether files may be fetched from private addresses, such as 10.0.0.5, of an API that is
            not at one itself.
        on_event: called from the event loop with each `Event`; must not block.
        telemetry: True records spans and metrics where the program has set up OpenTelemetry before the session is
            opened; False records nothing; a `Telemetry` says what to record, and where to.
        rng: where all randomness comes from.

    Raises:
        ValueError: no key, a key or an origin of another provider, or an option out of its range; on entering, an
            `output_dir` that cannot be written, or a proxy or certificates of the environment that cannot be used.
        TypeError: `http` is no `aiohttp.ClientSession`, `callbacks` no `CallbackReceiver`, or `on_event` a coroutine
            function.
    """

    def __init__(
        self,
        api_key: str | KeyFunction | None = None,
        *,
        provider: Provider | str = COMETAPI,
        base_url: str | None = None,
        strict: bool = False,
        output_dir: str | os.PathLike[str] | None = "outputs",
        template: str = "{key}",
        poll: PollPolicy | None = None,
        retry: RetryPolicy | None = None,
        max_in_flight: int = 1000,
        max_creates: int = 256,
        max_waiting: int | None = None,
        budget: int | Budget | None = None,
        journal: str | os.PathLike[str] | None = None,
        journal_timeout: float = 30.0,
        journal_wait: float = 0.0,
        close_wait: float = math.inf,
        close_grace: float = 20.0,
        callbacks: CallbackReceiver | None = None,
        http: aiohttp.ClientSession | None = None,
        trust_env: bool = True,
        allow_private_assets: bool = False,
        on_event: Observer | None = None,
        telemetry: Telemetry | bool = True,
        rng: Random | None = None,
    ) -> None:
        self._composition = Composition(
            api_key=api_key,
            provider=provider,
            strict=strict,
            base_url=base_url,
            output_dir=output_dir,
            template=template,
            poll=poll,
            retry=retry,
            limits=Limits(max_in_flight=max_in_flight, max_creates=max_creates, max_waiting=max_waiting),
            budget=budget,
            journal=journal,
            journal_timeout=journal_timeout,
            journal_wait=journal_wait,
            callbacks=callbacks,
            http=http,
            trust_env=trust_env,
            allow_private_assets=allow_private_assets,
            on_event=on_event,
            telemetry=telemetry,
            rng=rng,
        )
        self._lifetime = Lifetime(self._composition, wait=close_wait, grace=close_grace)

    async def open(self) -> Self:
        """Open the session and return it, where `async with` does not fit: in a framework's startup, in a notebook.

        Another asyncio task of the same event loop may close it. A bug in a background task is logged, fails every
        wait, and is raised by `close`.

        Raises:
            RuntimeError: the session is open.
            ValueError: `output_dir` cannot be written, or a proxy or certificates of the environment cannot be used.
            JournalInUseError: another session uses the journal, and did so for `journal_wait` seconds.
            JournalError: the journal cannot be used.
        """
        await self._lifetime.open()
        return self

    async def close(self, *, wait: float | None = None, grace: float | None = None) -> None:
        """Close the session, as leaving the `async with` block does; harmless if it is closed.

        What is not on disk when it returns goes on at the server: the journal has it, and `owed` lists it. While
        another task closes the session, wait for that, and end its wait after `wait` seconds. A close that is cancelled
        waits no longer for what is in flight, and only then raises CancelledError.

        Args:
            wait: seconds for what is in flight; `math.inf` waits for all, 0 for nothing; by default `close_wait`.
            grace: seconds for the creates that are under way after that; by default `close_grace`.

        Raises:
            TasksOwedError: tasks are unfinished, and there is no journal. The session is closed all the same.
        """
        await self._lifetime.close(wait=wait, grace=grace)

    async def __aenter__(self) -> Self:
        await self._lifetime.open(interrupts=asyncio.current_task())
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self._lifetime.close(error=error)

    async def submit(
        self, request: Request, *, key: str | None = None, priority: int = 0, budget: Budget | None = None
    ) -> TaskHandle:
        """Submit one paid task; return once the server has accepted it.

        Waits while `max_in_flight` tasks are unfinished. A caller that is cancelled meanwhile leaves the submission
        running: its task is polled and its files are downloaded all the same.

        Args:
            request: what to make.
            key: your name for it; names its files, and is part of every error and event. With a journal, the same key
                never buys twice: it gives the first submission's handle, also in a later process, done if that is.
            priority: while submissions wait, one of a higher priority goes first; those of a `map` have 0.
            budget: what this submission shares with others, such as those of one user; beside the session's own.

        Raises:
            APIError: refused; nothing was created.
            TransportError: never sent; nothing was created.
            OutcomeUnknownError: sent, and perhaps accepted and billed; it is never sent again by itself.
            JournalError: the key stands for another request, or the journal cannot be written; nothing was sent.
            BudgetError: a budget is used up; nothing was sent.
            SubmissionQueueFullError: `max_waiting` submissions wait already; nothing was sent.
            ValueError: `key` is no text of 1 to 500 characters, or a local file is no longer what it was when the
                request was made.
        """
        return handle_of(await self._lifetime.parts.submitter.submit(request, key, priority=priority, budget=budget))

    def map(self, requests: Requests, *, resubmit: Resubmits = never, budget: Budget | None = None) -> Batch:
        """Submit all requests (or `Shot`s, which have keys) concurrently; return their `Batch`.

        `async for handle in session.map(shots)` gives handles in the order of their ends; `await session.map(shots)`
        waits for all, and gives them in the order of the requests.

        Takes a sync or an async iterable, which may be endless: at most `max_in_flight` submissions are held that are
        not yet yielded. One that is refused comes as a handle with an empty `id`, whose await raises the refusal. After
        a refusal that all others would share (a wrong key, no balance; without a journal, no budget) no more input is
        taken, and it is raised once everything already submitted was yielded; so is an error of the iterable itself,
        and a RuntimeError where another task reads the map and the session was left before all was submitted.

        Args:
            requests: what to make; also rows of a table, as `records_to_shots` takes them. Those of a list are checked
                before anything is submitted.
            resubmit: asked for each shot whose entry in the journal has failed: whether it is submitted, and paid for,
                once more; as `lambda entry: entry.failure.retryable`. By default none is.
            budget: what they share with each other, and with others that are given it.
        """
        parts = self._lifetime.parts
        batch = BatchSubmission(
            requests=requests,
            submitter=parts.submitter,
            background=parts.background,
            resubmits=resubmit,
            budget=budget,
        )
        return Batch(batch)

    def events(self, *followed: TaskHandle | str | Batch) -> EventStream:
        """Return an async iterator over what happens to some tasks, or to all: `async for event in session.events()`.

        Each reader has its own. A task that is known begins with an event that says how it stands. The iterator ends
        once all that it follows has ended (DOWNLOADED, FAILED, REFUSED or IN_DOUBT), or the session is left.

        A slow reader loses only progress: of the CHANGED, POLL_FAILED and RETRYING events of a task that it has not
        read yet, the newest is kept. One that leaves more than 100,000 events unread gets a RuntimeError.

        Args:
            followed: handles, keys, or batches, whose shots are followed as they are taken. A key of which nothing is
                known yet is waited for; without a journal nothing is known of a key whose task has ended. Given
                nothing, the iterator brings the events of the whole session from now on.
        """
        parts = self._lifetime.parts
        return EventStream(
            followed, emitter=parts.events, polled=parts.scheduler.find_by_key, ended=parts.submitter.ended
        )

    def end_events_on(self, *signals: Signals) -> None:
        """End all readers of events as soon as one of these signals comes; then its earlier handler has it.

        A web server that is told to end first waits for the responses under way, and closes the session after them:
        each browser that follows a task would hold it up until the task ends. Call this in the server's startup, once
        the session is open; the browsers connect again to the next process.

        Raises:
            ValueError: this is not the main thread.
        """
        close = self._lifetime.parts.events.close
        loop = asyncio.get_running_loop()
        for number in signals:
            hear(number, lambda: loop.is_closed() or loop.call_soon_threadsafe(close))

    def attach(self, token: str, *, route: str | None = None) -> TaskHandle:
        """Wait for a task from elsewhere: another process, another day, another tool.

        Args:
            token: a handle's or an error's `token`; or, with `route`, a bare task id.
            route: the route that created the task, such as `image_to_video`.

        Raises:
            ValueError: neither a token nor a known route, or the token of a task of another provider.
        """
        parts = self._lifetime.parts
        if route is None:
            reference = TaskReference.from_token(token)
        else:
            reference = TaskReference(id=token, route=request_type(route).route, provider=self.provider.name)
        return TaskHandle(reference, parts.existing.attach(reference))

    def resume(self) -> Resumption:
        """Take up all that the journal still owes: poll the tasks, and download the files that are not on disk.

        `await session.resume()` gives the handles of all. `async for handle in session.resume()` takes up at most
        `max_in_flight` at once, and yields each once its files are on disk or its failure is known.

        Raises:
            RuntimeError: the session has no journal.
        """
        parts = self._lifetime.parts_with_journal
        return Resumption(
            journal=parts.journal, existing=parts.existing, submitter=parts.submitter, background=parts.background
        )

    async def find(self, key: str) -> TaskHandle | None:
        """Return the handle of one submission of the journal, finished or not; None where it has none of this key.

        Where the task has ended and its files are on disk the handle is done; else the task is polled. Where there is
        no task, because the submission is in doubt or was refused, `id` is empty, and to await the handle raises why.

        Raises:
            RuntimeError: the session has no journal.
            JournalError: the journal cannot be read.
        """
        future = await self._lifetime.parts_with_journal.submitter.find(key)
        return None if future is None else handle_of(future)

    async def in_doubt(self) -> Entries:
        """Return the submissions in the journal of which it is not known whether they were accepted, and billed."""
        return await self._lifetime.parts_with_journal.doubts.entries()

    async def resolve(self, key: str, *, task_id: str) -> TaskHandle:
        """End a doubt: the submission was accepted, as you know from elsewhere; wait for its task.

        Raises:
            ValueError: no submission of this key is in doubt.
        """
        return handle_of(await self._lifetime.parts_with_journal.doubts.resolve(key, task_id=task_id))

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
        return handle_of(await self._lifetime.parts_with_journal.doubts.resubmit(key, request))

    async def retrieve(self, task_id: str, *, route: str = "image_to_video") -> Task:
        """Ask for the state of a task once; it may have been submitted elsewhere.

        Raises:
            ValueError: there is no such route.
            TaskNotFoundError: the API does not know the id, or not yet: a task may be unknown for its first minute.
            CometRunwayError: no answer could be had.
        """
        return await self._lifetime.parts.api.retrieve(request_type(route).route, task_id)

    async def balance(self) -> Balance:
        """Ask what the account has left.

        Raises:
            BalanceNotSupportedError: the provider does not tell; nothing was sent.
            CometRunwayError: no answer could be had.
        """
        return await self._lifetime.parts.api.balance()

    async def usage(self) -> tuple[Usage, ...]:
        """Ask what the account has used: an item for each of the last days and each model.

        Raises:
            BalanceNotSupportedError: the provider does not tell; nothing was sent.
            CometRunwayError: no answer could be had.
        """
        return await self._lifetime.parts.api.usage()

    async def download(self, asset: Asset, path: str | os.PathLike[str]) -> Asset:
        """Download one file to exactly this path; for sessions with `output_dir=None`.

        Raises:
            FileExistsError: there is a file of that name; it is left alone.
            AssetExpiredError: the URL is no longer honoured; `retrieve` the task for a fresh one.
            DownloadError: the file could not be downloaded whole.
        """
        try:
            return await self._lifetime.parts.downloader.download_as(expanded(path), asset.url)
        except DownloadError as error:
            raise without_frames(error)  # noqa: B904 - the same error

    def stop_submitting(self) -> None:
        """Send no more creates, for as long as this session lives: each further one raises `BudgetError`.

        What was submitted is waited for, and `map` ends once all that it has taken is done.
        """
        self._composition.spending.stop()
        if self._lifetime.parts_to_read is not None:
            self._lifetime.parts.submitter.end_waits()

    @property
    def provider(self) -> Provider:
        """Whose API it is."""
        return self._composition.provider

    @property
    def owed(self) -> tuple[TaskHandle, ...]:
        """The handles of all submitted tasks whose files are not on disk; also after the block was left."""
        return tuple(map(handle_of, self._lifetime.owed))

    @property
    def eta(self) -> float | None:
        """In how many seconds the last of the tasks submitted so far can be expected to have ended at the server.

        None before it is known: until about a quarter of a kind (a route and a model) have ended.
        """
        parts = self._lifetime.parts_to_read
        return parts.scheduler.eta if parts else None

    @property
    def create_rate(self) -> float | None:
        """Creates per second that the gateway allows, as learned from its 429s; None while no create waits for that.

        Of several routes and models it is the sum.
        """
        parts = self._lifetime.parts_to_read
        return parts.submitter.pace if parts else None
