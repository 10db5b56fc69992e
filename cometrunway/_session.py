"""The session, which a user opens. It connects the parts and has the public methods."""

import asyncio
import logging
import math
import os
from contextlib import suppress
from random import Random
from signal import Signals
from types import TracebackType
from typing import Self

import aiohttp

from cometrunway._async_only import AsyncContext
from cometrunway._budget import Budget, checked_budget
from cometrunway._callbacks._receiver import CallbackReceiver
from cometrunway._composition import Composition, Parts
from cometrunway._event_stream import EventStream
from cometrunway._events import Observer
from cometrunway._handle import TaskHandle, TaskReference, handle_of
from cometrunway._journal._entries import Entries
from cometrunway._keywords import hints_keywords
from cometrunway._lifetime import Lifetime
from cometrunway._media._image_limits import Fit
from cometrunway._paths import expanded
from cometrunway._policies import PollPolicy, RetryPolicy, whole
from cometrunway._requests._routes import Request
from cometrunway._requests._shot import check_key, check_request
from cometrunway._signals import hear
from cometrunway._submission._batch import Batch
from cometrunway._submission._existing import expect_callbacks
from cometrunway._submission._intent import Resubmits, checked_resubmits, never
from cometrunway._submission._limits import Limits
from cometrunway._submission._map import BatchSubmission, Requests
from cometrunway._submission._resumption import Resumption
from cometrunway._submission._shared_limits import SharedLimits
from cometrunway._task_group import result_of
from cometrunway._tasks import Asset, Task
from cometrunway._telemetry._options import Telemetry
from cometrunway._tracebacks import drop_frames
from cometrunway._transport._api_key import KeyFunction
from cometrunway._wire._balance import Balance, Usage
from cometrunway._wire._encode import request_type
from cometrunway._wire._provider import COMETAPI, Provider
from cometrunway.errors import CometRunwayError, DownloadError, JournalError

_logger = logging.getLogger(__name__)


@hints_keywords
class Session(AsyncContext):
    """Submits paid tasks, polls all of them with one scheduler, and downloads their files.

    Use it as `async with Session() as runway:`, or with `open` and `close`, within one event loop. Leaving the block
    waits for the tasks in flight; `close_wait` limits this wait. If an error leaves the block, the session stops
    polling at once, cancels nothing at the server, and raises the error as it is, not in an ExceptionGroup.

    Args:
        api_key: the provider's key; by default from its environment variable, such as COMETAPI_KEY. It may be a
            function that returns the key, plain or async. The session calls the function when it is opened and each
            time the API refuses the key. If the new key differs, the refused request is sent again with it. The
            function must not block.
        provider: the API to use: `cometapi`, `runway`, or a `Provider`. A key of one provider is never sent to another.
        base_url: the API's origin, without `/v1`; by default from the environment (COMETRUNWAY_BASE_URL,
            RUNWAYML_BASE_URL), else the provider's.
        strict: True refuses, before anything is sent, each model, ratio or other value that is not known for the
            provider, and each doubtful medium. False sends it with an `errors.UnknownValueWarning` or
            `errors.MediaWarning`.
        fit: `shrink` changes local images that the provider does not accept: they are turned upright, cropped, scaled
            and converted. A log record of level WARNING reports each change. It needs the extra
            `cometrunway[images]`. None sends every file unchanged.
        output_dir: the folder for files, made if it is missing, or `s3://bucket/prefix`, which needs the extra
            `cometrunway[s3]`. With None nothing is downloaded, and assets have only a URL.
        template: the names of files: text with `{key}` (the task's id if there is no key), `{id}`, `{route}` and
            `{number}` (counts the task's files from 1). A `/` makes a folder. The extension follows the content.
        poll: how often to poll, and for how long.
        retry: how often to repeat requests that are free or were refused.
        max_in_flight: how many tasks may be unfinished at once. `submit` waits while this number is reached.
        max_creates: how many create requests may be under way at once. If the gateway answers with 429s, the session
            lowers this number, and learns how many creates per second it allows, for each route and model. After a
            crash, at most this number of creates is in doubt, and one more for each further route and model.
        max_waiting: how many submissions may wait for `max_in_flight` and for the gateway's limits. One more raises
            `SubmissionQueueFullError` at once. Submissions of a `map` do not count. None is no limit.
        shared_limits: limits of creates and polls that other sessions share, such as those of a `fleet.Fleet`; None
            for none.
        budget: how many creates may be accepted or be in doubt. One more raises `BudgetError`. A `Budget` can limit
            money too. None is no limit.
        journal: a file that records what was paid for, so that a crash loses nothing. It is made if it is missing. One
            process uses it at a time. Or the `postgresql://` URL of a database that several processes share; that needs
            the extra `cometrunway[postgres]`. With a journal, a key that was submitted before is never submitted again.
        pay_again: applies to sessions without a journal, or with one that has no entries yet. If files in `output_dir`
            are named after a key, the key may have been paid for. False raises `KeyUsedError`; True submits the key,
            and pays for it again: the new files get a number, such as `cat-2`. Files that this session has made are
            not considered; a bucket is not checked. Without a journal, a key that this session has submitted returns
            its first handle; True submits it again, too. With a journal that has entries, True has no effect, and emits
            a `RuntimeWarning`.
        journal_timeout: seconds to wait while another program, such as a backup, has locked the journal. After that no
            create is sent until the journal can be written.
        journal_wait: seconds to wait, on opening, while another process uses the journal, as in a rolling restart;
            `math.inf` waits without limit.
        close_wait: seconds that closing waits for the tasks in flight; `math.inf` waits for all, 0 for none. A task
            that is unfinished then continues at the server, and the journal has it.
        close_grace: seconds that closing waits, after that, for the answers to creates under way.
        callbacks: the receiver of the gateway's posts. With it, the session learns of the end of a task at once, and
            polls rarely.
        http: an `aiohttp.ClientSession` for API calls, if you need its proxy or TLS settings. The session never closes
            it, and does not use its middlewares for creates, because a middleware that repeats requests pays twice.
        trust_env: whether to use HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR. They are
            read when the session is opened. A `.netrc` is never read.
        allow_private_assets: whether files may be downloaded from private addresses, such as 10.0.0.5, when the API
            itself is not at a private address.
        on_event: called from the event loop with each `Event`; must not block.
        telemetry: True records spans and metrics if the program has set up OpenTelemetry before the session is opened.
            False records nothing. A `Telemetry` says what to record, and with which providers.
        rng: the source of all randomness.

    Raises:
        ValueError: there is no key, the key or the origin belongs to another provider, or an option is out of its
            range. On entering: `output_dir` cannot be written, or a proxy or certificates of the environment cannot be
            used.
        TypeError: `http` is not an `aiohttp.ClientSession`, `callbacks` is not a `CallbackReceiver`, or `on_event` is a
            coroutine function.
    """

    def __init__(
        self,
        api_key: str | KeyFunction | None = None,
        *,
        provider: Provider | str = COMETAPI,
        base_url: str | None = None,
        strict: bool = False,
        fit: Fit | None = None,
        output_dir: str | os.PathLike[str] | None = "outputs",
        template: str = "{key}",
        poll: PollPolicy | None = None,
        retry: RetryPolicy | None = None,
        max_in_flight: int = 1000,
        max_creates: int = 256,
        max_waiting: int | None = None,
        shared_limits: SharedLimits | None = None,
        budget: int | Budget | None = None,
        journal: str | os.PathLike[str] | None = None,
        pay_again: bool = False,
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
            fit=fit,
            base_url=base_url,
            output_dir=output_dir,
            template=template,
            poll=poll,
            retry=retry,
            limits=Limits(max_in_flight=max_in_flight, max_creates=max_creates, max_waiting=max_waiting),
            shared_limits=shared_limits,
            budget=budget,
            journal=journal,
            pay_again=pay_again,
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
        """Open the session and return it. For places without `async with`: a framework's startup, a notebook.

        Another asyncio task of the same event loop may close it. If a background task fails by a bug, the error is
        logged, ends every wait, and is raised by `close`.

        Raises:
            RuntimeError: the session is open already.
            ValueError: `output_dir` cannot be written, or a proxy or certificates of the environment cannot be used.
            JournalInUseError: another session uses the journal, and did so for `journal_wait` seconds.
            JournalError: the journal cannot be used.
        """
        await self._lifetime.open()
        return self

    async def close(self, *, wait: float | None = None, grace: float | None = None) -> None:
        """Close the session, as leaving the `async with` block does. Does nothing if it is closed already.

        Tasks whose files are not on disk by then continue at the server. The journal has them, and `owed` lists them.
        If another asyncio task is closing the session, this call waits for it, and ends its wait after `wait` seconds.
        If this call is cancelled, it stops waiting for the tasks in flight, closes, and then raises CancelledError.

        Args:
            wait: seconds to wait for the tasks in flight; `math.inf` waits for all, 0 for none; by default
                `close_wait`.
            grace: seconds to wait, after that, for creates under way; by default `close_grace`.

        Raises:
            TasksOwedError: tasks are unfinished, and there is no journal. The session is closed nevertheless.
        """
        await self._lifetime.close(wait=wait, grace=grace)

    async def hand_over(self, *, grace: float | None = None) -> None:
        """Close the session without waiting, and leave its tasks to the other processes of a shared journal at once.

        For the end of one of several processes, as on SIGTERM: the others take the tasks over while this one waits for
        the answers to its creates.

        Args:
            grace: seconds to wait for creates under way; by default `close_grace`. A create that is not answered by
                then is in doubt.

        Raises:
            JournalRequiredError: the session has no journal.
        """
        journal = self._lifetime.parts_with_journal.journal
        # If the tasks cannot be left now, they are free when the lease of this process ends.
        closed, _ = await asyncio.gather(self.close(wait=0, grace=grace), journal.leave_all(), return_exceptions=True)
        if closed is not None:
            raise closed

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

        Waits while `max_in_flight` tasks are unfinished. If the caller is cancelled, the submission goes on: its task
        is polled and its files are downloaded.

        Args:
            request: what to make.
            key: your name for the submission. Files are named after it; errors and events carry it. A session pays
                for a key once: submitting it again returns the handle of the first submission. With a journal, this
                is true for later processes, too. A key that was refused can be submitted again.
            priority: if several submissions wait, the one with the highest priority goes first. A `map` has 0.
            budget: a limit that this submission shares with others, such as those of one user. The session's own budget
                counts too.

        Raises:
            APIError: the API refused; nothing was created.
            TransportError: the request was never sent; nothing was created.
            OutcomeUnknownError: the request was sent, and may have been accepted and billed. It is not sent again.
            KeyConflictError: the key belongs to another request; nothing was sent.
            JournalError: the journal cannot be written; nothing was sent.
            BudgetError: a budget is used up; nothing was sent.
            KeyUsedError: there is no journal, or it is new, and files in `output_dir` are named after `key`; or there
                is none, and more than 10,000 tasks have ended since the key's task. Nothing was sent.
            SubmissionQueueFullError: `max_waiting` submissions wait already; nothing was sent.
            TypeError: `request` is not a request, or `budget` is not a `Budget`.
            ValueError: `key` is not text of 1 to 500 characters, or a local file has changed since the request was
                made.
        """
        return handle_of(await self._lifetime.parts.submitter.submit(request, key, priority=priority, budget=budget))

    def map(self, requests: Requests, *, resubmit: Resubmits = never, budget: Budget | None = None) -> Batch:
        """Submit all requests (or `Shot`s, which have keys) concurrently; return their `Batch`.

        `async for handle in session.map(shots)` yields handles in the order in which they end. `await
        session.map(shots)` waits for all, and returns them in the order of the requests.

        The iterable may be sync or async, and endless: at most `max_in_flight` submissions are held that are not yet
        yielded. A refused submission is yielded as a handle with an empty `id`; awaiting it raises the refusal.

        Some refusals would meet every later request too: a wrong key, no balance, or, without a journal, an exhausted
        budget. After one of them the map takes no more input, yields all that was submitted, and raises the refusal.
        It does the same after an error of the iterable, and raises a RuntimeError if another asyncio task reads the
        map and the session is closed before all was submitted.

        Args:
            requests: what to make, or the rows of a table, as `records_to_shots` takes them. The items of a list are
                checked before anything is submitted.
            resubmit: a function that gets the journal's entry of each shot that failed or was cancelled, and returns
                whether the shot is submitted, and paid for, once more. Example: `lambda entry:
                entry.failure.retryable`. By default no shot is.
            budget: a limit that these submissions share with each other and with all others that are given it.

        Raises:
            TypeError: `requests` is not iterable, or an item of a list is not a request, a `Shot` or a row. A wrong
                item of another iterable is raised when everything before it was yielded; nothing after it is sent.
            ValueError: a row of a list is wrong, or a list has different requests under one key. In another iterable,
                the second such item fails with `KeyConflictError`. An equal request gets the handle of the first.
            JournalRequiredError: `resubmit` is given, and the session has no journal.
        """
        parts = self._lifetime.parts if resubmit is never else self._lifetime.parts_with_journal
        batch = BatchSubmission(
            requests=requests,
            submitter=parts.submitter,
            background=parts.background,
            resubmits=checked_resubmits(resubmit),
            budget=checked_budget(budget),
        )
        return Batch(batch)

    def events(self, *followed: TaskHandle | str | Batch) -> EventStream:
        """Return an async iterator over the events of some tasks, or of all: `async for event in session.events()`.

        Each call returns a new iterator. For each task that is known already, the first event has its present state.
        The iterator ends when each task that it follows has ended (DOWNLOADED, FAILED, CANCELLED, REFUSED or IN_DOUBT),
        or when the session is closed.

        A slow reader misses only progress: for each task, only the newest unread CHANGED, POLL_FAILED or RETRYING event
        is kept. A reader with more than 100,000 unread events gets a RuntimeError.

        Args:
            followed: handles, keys, or batches. A batch's shots are followed as they are taken. A key that is not yet
                known is waited for; without a journal, only the keys of the last 10,000 ended tasks are known. Without
                arguments, the iterator yields the events of the whole session from now on.
        """
        parts = self._lifetime.parts
        return EventStream(
            followed, emitter=parts.events, polled=parts.scheduler.find_by_key, ended=parts.submitter.ended
        )

    def end_events_on(self, *signals: Signals) -> None:
        """End all event iterators when one of these signals arrives; then call the signal's earlier handler.

        A web server that stops waits for open responses first, and closes the session after that. Without
        this method, a browser that follows a task would delay the stop until the task ends. Call it in the server's
        startup, after the session was opened. The browsers connect again to the next process.

        Raises:
            ValueError: this is not the main thread.
        """
        close = self._lifetime.parts.events.close
        loop = asyncio.get_running_loop()
        for number in signals:
            hear(number, lambda: loop.is_closed() or loop.call_soon_threadsafe(close))

    def attach(self, token: str, *, route: str | None = None) -> TaskHandle:
        """Return a handle on a task that was submitted elsewhere, such as in an earlier process; start polling it.

        Args:
            token: the `token` of a handle or an error; or, with `route`, a task id.
            route: the route that created the task, such as `image_to_video`.

        Raises:
            ValueError: `token` is no token and no known `route` is given, or the task belongs to another provider.
        """
        parts = self._lifetime.parts
        if route is None:
            reference = TaskReference.from_token(token)
        else:
            reference = TaskReference(id=token, route=request_type(route).route, provider=self.provider.name)
        return TaskHandle(reference, parts.existing.attach(reference))

    def resume(self) -> Resumption:
        """Continue the unfinished tasks of the journal: poll them, and download the files that are not on disk.

        `await session.resume()` returns the handles of all. `async for handle in session.resume()` continues at most
        `max_in_flight` at once, and yields each handle when its files are on disk or its failure is known.

        Raises:
            JournalRequiredError: the session has no journal.
        """
        parts = self._lifetime.parts_with_journal
        return Resumption(
            journal=parts.journal, existing=parts.existing, submitter=parts.submitter, background=parts.background
        )

    async def take_over(self, most: int = 1000) -> list[TaskHandle]:
        """Continue tasks of a shared journal for which no running process waits; return their handles.

        Call it repeatedly in a process that runs for long. Only one of several processes gets each task. With
        `callbacks`, posts about submissions that other processes left in doubt are used from then on. If the call is
        cancelled, the session still continues the tasks that it has taken.

        Args:
            most: the largest number of tasks.

        Raises:
            JournalRequiredError: the session has no journal.
            JournalError: the journal cannot be read or written.
            RuntimeError: the session is not open, or is closed meanwhile.
        """
        parts = self._lifetime.parts_with_journal
        whole("most", most, at_least=1)
        taking = parts.background.start(self._take_over(parts, most), name="cometrunway take over")
        taken = await result_of(taking, closed="the Session was closed while it took tasks over")
        if isinstance(taken, JournalError):
            raise taken
        return taken

    async def _take_over(self, parts: Parts, most: int) -> list[TaskHandle] | JournalError:
        """Return the handles, or the error of the journal: a child of the background tasks raises none."""
        if parts.journal.is_shared:
            try:  # before any task is taken, which nobody would poll after an error
                await expect_callbacks(parts.expected, parts.journal)
            except JournalError as error:
                _logger.warning("callbacks about what other processes left are not expected: %s", error)
            parts.posts.take_again()
        try:
            tasks = await parts.journal.take_over(most)
        except JournalError as error:
            return error
        handles = []
        for key, task_id in tasks.items():
            handle = await self._continued(parts, key)
            if handle is not None:
                handles.append(handle)
                continue
            with suppress(JournalError):  # it is left as soon as that can be recorded
                await parts.journal.leave(task_id)
        return handles

    async def _continued(self, parts: Parts, key: str) -> TaskHandle | None:
        """Return the handle of a task that is continued; None, with a log record, if it cannot be."""
        try:
            future = await parts.submitter.find(key)
        except (CometRunwayError, ValueError) as error:
            _logger.warning("the task of %r is left to other processes: %s", key, error)
            return None
        handle = None if future is None else handle_of(future)
        is_of_another = handle is not None and handle.provider != self.provider.name
        return None if is_of_another else handle

    async def find(self, key: str) -> TaskHandle | None:
        """Return the handle of the journal's submission with this key, finished or not; None if there is none.

        If the task has ended and its files are on disk, the handle is done; else the task is polled. If there is no
        task, because the submission is in doubt or was refused, `id` is empty, and awaiting the handle raises the
        reason.

        Raises:
            JournalRequiredError: the session has no journal.
            JournalError: the journal cannot be read.
            ValueError: `key` is no key.
        """
        check_key(key)
        future = await self._lifetime.parts_with_journal.submitter.find(key)
        return None if future is None else handle_of(future)

    async def in_doubt(self) -> Entries:
        """Return the journal's submissions in doubt: it is not known whether they were accepted and billed.

        Raises:
            JournalRequiredError: the session has no journal.
            JournalError: the journal cannot be read.
        """
        return await self._lifetime.parts_with_journal.doubts.entries()

    async def resolve(self, key: str, *, task_id: str) -> TaskHandle:
        """Record the task id of a submission in doubt, which you know from elsewhere; return a handle on the task.

        Raises:
            JournalRequiredError: the session has no journal.
            ValueError: no submission with this key is in doubt.
        """
        check_key(key)
        return handle_of(await self._lifetime.parts_with_journal.doubts.resolve(key, task_id=task_id))

    async def resubmit(self, key: str, request: Request | None = None) -> TaskHandle:
        """Submit once more what is in doubt, failed or cancelled. A submission in doubt may then be paid for twice.

        Args:
            key: the key of a submission that is in doubt, failed or cancelled.
            request: the request. It is needed if the journal does not have all of it: of local files, data URIs and
                signed URLs it has only a digest.

        Raises:
            JournalRequiredError: the session has no journal; nothing was sent.
            ValueError: no submission with this key is in doubt, failed or cancelled, or the request is needed.
            KeyConflictError: `request` differs from the one that was submitted under this key.
        """
        check_key(key)
        if request is not None:
            check_request(request)
        return handle_of(await self._lifetime.parts_with_journal.doubts.resubmit(key, request))

    async def retrieve(self, task_id: str, *, route: str = "image_to_video") -> Task:
        """Ask for the state of a task once. The task may have been submitted elsewhere.

        Raises:
            ValueError: there is no such route.
            TaskNotFoundError: the API does not know the id. A new task may be unknown for its first minute.
            CometRunwayError: no answer came.
        """
        return await self._lifetime.parts.api.retrieve(request_type(route).route, task_id)

    async def balance(self) -> Balance:
        """Ask for the account's balance.

        Raises:
            BalanceNotSupportedError: the provider has no request for it; nothing was sent.
            CometRunwayError: no answer came.
        """
        return await self._lifetime.parts.api.balance()

    async def usage(self) -> tuple[Usage, ...]:
        """Ask for the account's usage: one item for each of the last days and each model.

        Raises:
            BalanceNotSupportedError: the provider has no request for it; nothing was sent.
            CometRunwayError: no answer came.
        """
        return await self._lifetime.parts.api.usage()

    async def download(self, asset: Asset, path: str | os.PathLike[str]) -> Asset:
        """Download one file to exactly this path. For sessions with `output_dir=None`.

        Raises:
            FileExistsError: a file with this path exists; it is not changed.
            AssetExpiredError: the URL has expired; `retrieve` the task to get a new one.
            DownloadError: the file could not be downloaded completely.
        """
        if not isinstance(asset, Asset):
            raise TypeError(f"asset must be an Asset, as `[asset] = await handle` gives, got {type(asset).__name__}")
        try:
            return await self._lifetime.parts.downloader.download_as(expanded(path).absolute(), asset.url)
        except DownloadError as error:
            drop_frames(error)
            raise

    def stop_submitting(self) -> None:
        """Send no more creates in this session. Each further submission raises `BudgetError`.

        The session waits for what was submitted. A `map` ends when all that it has taken is done.
        """
        self._composition.spending.stop()
        if self._lifetime.parts_to_read is not None:
            self._lifetime.parts.submitter.end_waits()

    @property
    def provider(self) -> Provider:
        """The provider of the API."""
        return self._composition.provider

    @property
    def owed(self) -> tuple[TaskHandle, ...]:
        """The handles of all submitted tasks whose files are not on disk. Also known after the session was closed."""
        return tuple(map(handle_of, self._lifetime.owed))

    @property
    def eta(self) -> float | None:
        """The expected time in seconds until the last task submitted so far has ended at the server.

        None until it can be estimated: about a quarter of the tasks of each route and model must have ended.
        """
        parts = self._lifetime.parts_to_read
        return parts.scheduler.eta if parts else None

    @property
    def create_rate(self) -> float | None:
        """Creates per second that the gateway allows, as learned from its 429s, summed over routes and models.

        None while no create waits for this limit.
        """
        parts = self._lifetime.parts_to_read
        return parts.submitter.pace if parts else None
