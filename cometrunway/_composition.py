"""Checks the options of a session, and connects its parts for one event loop."""

import asyncio
import os
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import aiohttp
from attrs import frozen

from cometrunway._budget import Budget
from cometrunway._callbacks._expected import ExpectedCallbacks
from cometrunway._callbacks._posts import CallbackPosts
from cometrunway._callbacks._receiver import CallbackReceiver
from cometrunway._callers import Caller
from cometrunway._delivery._delivery import Delivery
from cometrunway._delivery._downloader import Downloader
from cometrunway._delivery._earlier_files import EarlierFiles
from cometrunway._delivery._file_names import FileNames
from cometrunway._delivery._free_space import FreeSpace
from cometrunway._delivery._output_dir import output_of
from cometrunway._events import EventEmitter, Observer, checked_observer
from cometrunway._journal._protocol import JournalProtocol, NoJournal
from cometrunway._journal._session_keys import SessionKeys
from cometrunway._journal._stored import StoredJournal
from cometrunway._journal._stores import store_at, writable_place
from cometrunway._media._image_limits import Fit
from cometrunway._policies import PollPolicy, RetryPolicy, at_least_zero, flag, of_type, whole
from cometrunway._polling._duration_history import DurationHistory
from cometrunway._polling._scheduler import PollScheduler
from cometrunway._shared_tasks import SharedTasks
from cometrunway._submission._doubts import Doubts
from cometrunway._submission._existing import ExistingTasks, expect_callbacks
from cometrunway._submission._image_fit import ImageFit
from cometrunway._submission._intent import Preparation
from cometrunway._submission._limits import Limits
from cometrunway._submission._sender import Sender
from cometrunway._submission._shared_limits import SharedLimits, limited
from cometrunway._submission._spending import Spending
from cometrunway._submission._submitter import Submitter
from cometrunway._submission._uploads import Uploads
from cometrunway._task_group import BackgroundTasks, Role
from cometrunway._telemetry._options import Telemetry, checked, recorder_of
from cometrunway._transport._access import access_to
from cometrunway._transport._aiohttp import Transport
from cometrunway._transport._api import Api
from cometrunway._transport._api_key import KeyFunction
from cometrunway._transport._assets import AssetHosts
from cometrunway._transport._connections import Connections, FileRoutes
from cometrunway._transport._storage import Storage
from cometrunway._wire._provider import Provider, provider_of

_NOT_PAID_AGAIN = (
    "pay_again=True has no effect with the journal {}, which has entries and pays for a key once; leave it out, or use "
    "other keys to pay again"
)


@frozen(kw_only=True, eq=False, repr=False)
class Parts:
    """The parts of an open session. All of them belong to one event loop."""

    api: Api
    background: BackgroundTasks
    doubts: Doubts
    downloader: Downloader
    events: EventEmitter
    existing: ExistingTasks
    expected: ExpectedCallbacks
    journal: JournalProtocol
    posts: CallbackPosts
    scheduler: PollScheduler
    submitter: Submitter


class Composition:
    """Makes and connects the parts of a session each time that the session is opened.

    The arguments are the options of `Session`. The constructor makes nothing that belongs to an event loop.
    """

    def __init__(
        self,
        *,
        api_key: str | KeyFunction | None,
        provider: Provider | str,
        strict: bool,
        fit: Fit | None,
        base_url: str | None,
        output_dir: str | os.PathLike[str] | None,
        template: str,
        poll: PollPolicy | None,
        retry: RetryPolicy | None,
        limits: Limits,
        shared_limits: SharedLimits | None,
        budget: int | Budget | None,
        journal: str | os.PathLike[str] | None,
        pay_again: bool,
        journal_timeout: float,
        journal_wait: float,
        callbacks: CallbackReceiver | None,
        http: aiohttp.ClientSession | None,
        trust_env: bool,
        allow_private_assets: bool,
        on_event: Observer | None,
        telemetry: Telemetry | bool,
        rng: Random | None,
    ) -> None:
        self._connections = Connections(trust_env=flag("trust_env", trust_env))
        access = access_to(provider_of(provider), api_key=api_key, base_url=base_url)
        self.provider = access.provider
        self._strict = flag("strict", strict)
        self._image_fit = ImageFit(fit)
        self._transport = Transport(
            base=access.base,
            api_key=access.api_key,
            version=access.provider.version,
            http=http,
            connections=self._connections,
        )
        self._file_routes = FileRoutes(
            self._connections,
            api=self._transport.base,
            allow_private=flag("allow_private_assets", allow_private_assets),
        )
        self._output = output_of(output_dir)
        self._names = FileNames(template)
        self._poll = PollPolicy() if poll is None else of_type("poll", poll, PollPolicy)
        self._retry = RetryPolicy() if retry is None else of_type("retry", retry, RetryPolicy)
        self._limits = limits
        self._shared_limits = shared_limits
        if budget is not None and not isinstance(budget, Budget):
            budget = Budget(creates=whole("budget", budget, at_least=0))
        self.spending = Spending(budget)
        self._journal_place = None if journal is None else writable_place(journal)
        self._pays_again = flag("pay_again", pay_again)
        self._journal_timeout = at_least_zero("journal_timeout", journal_timeout)
        self._journal_wait = at_least_zero("journal_wait", journal_wait, or_infinite=True)
        self._callbacks = None if callbacks is None else of_type("callbacks", callbacks, CallbackReceiver)
        self._on_event = checked_observer(on_event)
        self._telemetry = checked(telemetry)
        self._rng = Random() if rng is None else of_type("rng", rng, Random)  # noqa: S311 - not used for security

    async def enter(self, lifetime: AsyncExitStack, *, interrupts: "asyncio.Task[Any] | None") -> Parts:
        """Open the parts and return them.

        Args:
            lifetime: closes all parts, except the background tasks, which must be closed before.
            interrupts: the asyncio task that a bug in a background task cancels.
        """
        await lifetime.enter_async_context(self._output)  # before anything is paid for
        await lifetime.enter_async_context(self._connections)
        await lifetime.enter_async_context(self._transport)
        await lifetime.enter_async_context(self._file_routes)
        journal = await self._journal(lifetime)
        expected = await self._expected(journal)
        parts = self._compose(journal, expected, earlier=await self._earlier_files(journal))
        history = DurationHistory(parts.journal, parts.scheduler.model)
        if parts.journal.keeps_entries:
            await history.load()
            lifetime.push_async_callback(history.save)
        lifetime.callback(parts.events.close)
        lifetime.callback(parts.scheduler.close)
        parts.background.on_bug(parts.scheduler.close)
        await parts.background.open(interrupts=interrupts)
        parts.scheduler.start()
        if self._callbacks is not None:
            lifetime.enter_context(self._callbacks.serving(parts.posts.take_soon))
        if parts.journal.keeps_entries:
            parts.background.start(history.save_regularly(), name="cometrunway history", role=Role.SERVICE)
        return parts

    async def _earlier_files(self, journal: JournalProtocol) -> EarlierFiles | None:
        """Return the existing files of the output folder, if no journal knows which keys were paid for; else None.

        A new journal knows no more than none. One that other processes write shows not all of its entries.
        """
        if self._pays_again:
            if not await journal.is_new():
                Caller.nearest().warn(_NOT_PAID_AGAIN.format(self._journal_place), RuntimeWarning)
            return None
        folder = self._output.folder
        if folder is None or journal.is_shared or not await journal.is_new():
            return None
        return EarlierFiles(folder, self._names)

    async def _journal(self, lifetime: AsyncExitStack) -> JournalProtocol:
        if self._journal_place is None:
            return NoJournal() if self._pays_again else SessionKeys()
        store = store_at(self._journal_place, timeout=self._journal_timeout, output_dir=self._output.folder)
        journal = StoredJournal(self._journal_place, store, wait=self._journal_wait)
        return await lifetime.enter_async_context(journal)

    async def _expected(self, journal: JournalProtocol) -> ExpectedCallbacks:
        """Return the expected callbacks. At first, these are the callbacks of the journal's submissions."""
        if self._callbacks is None:
            return ExpectedCallbacks(public_url=None, secret=b"")
        secret = await journal.callback_secret()
        expected = ExpectedCallbacks(public_url=self._callbacks.public_url, secret=secret)
        await expect_callbacks(expected, journal)
        return expected

    def _compose(self, journal: JournalProtocol, expected: ExpectedCallbacks, *, earlier: EarlierFiles | None) -> Parts:
        background = BackgroundTasks()
        base = self._transport.base
        recorder = recorder_of(
            self._telemetry, provider=self.provider.name, host=base.host or "", port=base.port or 443
        )
        events = EventEmitter(self._on_event, recorder=recorder, provider=self.provider.name)
        limit = self._poll.answer_limit
        api = Api(
            transport=self._transport,
            storage=Storage(self._file_routes),
            provider=self.provider,
            retry=self._retry,
            rng=self._rng,
            answer_limit=limit,
        )
        downloader = Downloader(open_asset=AssetHosts(self._file_routes).open, retry=self._retry, rng=self._rng)
        space = FreeSpace(self._output.folder, retry=self._retry, rng=self._rng, events=events)
        delivery = Delivery(
            retrieve=api.retrieve,
            downloader=downloader,
            journal=journal,
            output=self._output,
            names=self._names,
            space=space,
        )
        poll = api.poll if recorder is None else recorder.counted(api.poll)
        if self._shared_limits is not None:
            poll = limited(poll, self._shared_limits)
        shared = SharedTasks(
            journal=journal,
            poll_api=poll,
            deliver_here=delivery.deliver,
            recall=self._output.recall,
            background=background,
        )
        is_shared = journal.is_shared
        scheduler = PollScheduler(
            poll=shared.poll if is_shared else poll,
            cancel=api.cancel,
            deliver=shared.deliver if is_shared else delivery.deliver,
            policy=self._poll,
            rng=self._rng,
            background=background,
            events=events,
        )
        existing = ExistingTasks(
            scheduler=shared.scheduled_by(scheduler) if is_shared else scheduler,
            recall=self._output.recall,
            background=background,
            events=events,
            provider=self.provider,
        )
        preparation = Preparation(
            provider=self.provider,
            callbacks=expected,
            api_host=base.host or "",
            strict=self._strict,
            image_fit=self._image_fit,
            is_recorded=journal.keeps_entries,
        )
        submitter = Submitter(
            sender=Sender(
                api=api,
                retry=self._retry,
                rng=self._rng,
                journal=journal,
                spending=self.spending,
                preparation=preparation,
                uploads=Uploads(upload=api.upload, provider=self.provider, background=background, events=events),
                space=space,
                background=background,
                events=events,
            ),
            provider=self.provider,
            rng=self._rng,
            journal=journal,
            limits=self._limits,
            spending=self.spending,
            preparation=preparation,
            callbacks=expected,
            existing=existing,
            background=background,
            events=events,
            space=space,
            earlier=earlier,
            shared_limits=self._shared_limits,
        )
        doubts = Doubts(
            journal=journal,
            submitter=submitter,
            existing=existing,
            background=background,
            retrieve=api.retrieve,
        )
        return Parts(
            api=api,
            background=background,
            doubts=doubts,
            downloader=downloader,
            events=events,
            existing=existing,
            expected=expected,
            journal=journal,
            posts=CallbackPosts(
                expected=expected,
                hint=scheduler.hint,
                confirm=doubts.confirm,
                background=background,
                keeps_unknown=is_shared,
            ),
            scheduler=scheduler,
            submitter=submitter,
        )
