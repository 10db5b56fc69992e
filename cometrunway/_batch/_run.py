"""One run of a batch: it submits every shot, waits for it, and adds its outcome to a table."""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence, Set
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from typing import Any

from attrs import define, field

from cometrunway._batch._cures import for_the_command
from cometrunway._batch._rows import Row
from cometrunway._events import Event, EventKind, Observer
from cometrunway._handle import TaskHandle
from cometrunway._journal._entry import Entry
from cometrunway._plurals import counted
from cometrunway._policies import PollPolicy
from cometrunway._requests._shot import Shot
from cometrunway._session import Session
from cometrunway._submission._image_fit import LOGGER as IMAGE_FIT_LOGGER
from cometrunway._submission._intent import never
from cometrunway.emulator import Emulator
from cometrunway.errors import BudgetError, CometRunwayError, JournalUnavailableError
from cometrunway.progress import ProgressDisplay

_EMULATED_POLLS = PollPolicy(first=1.5, floor=0.3, ceiling=3)


@define(kw_only=True)
class BatchRun:
    """Runs `shots`, or continues the unfinished tasks of a journal. `rows` and `owed` have the outcome at any time."""

    shots: Sequence[Shot] | None
    """None continues the unfinished tasks of the journal."""
    options: Mapping[str, Any]
    """The options of `Session`."""
    display: ProgressDisplay
    observers: Sequence[Observer] = ()
    """A further observer of each event."""
    emulated: bool = False
    """Whether to use an emulator in this process, which needs no key and costs nothing."""
    tells_balance: bool = False
    """Whether to show the account's balance before anything is submitted, if the provider has a request for it."""
    may_wait: bool = False
    """Whether the first Ctrl-C only ends the submitting, because a person reads what the second one does."""
    again: Set[str] = frozenset()
    """The keys of failed shots that are submitted, and paid for, once more."""
    rows: dict[str, Row] = field(factory=dict)
    owed: tuple[TaskHandle, ...] = ()
    stopped_by: CometRunwayError | None = None
    interrupted: bool = False
    _is_left: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self.rows = {shot.key: Row(key=shot.key, route=shot.request.route) for shot in self.shots or ()}

    @property
    def unfinished(self) -> list[Row]:
        """The rows of the shots that were not delivered."""
        return [row for row in self.rows.values() if row.status != "delivered"]

    @property
    def unsent(self) -> list[Row]:
        """The rows of shots without errors for which nothing was created."""
        return [row for row in self.rows.values() if row.is_unsent]

    @property
    def found(self) -> list[Row]:
        """The rows of the shots that an earlier run has submitted."""
        return [row for row in self.rows.values() if row.is_found]

    async def run(self) -> None:
        """Submit, wait and download.

        Raises:
            JournalError: the journal cannot be used; nothing was sent.
            ValueError: an option of the session is wrong; nothing was sent.
        """
        async with AsyncExitStack() as stack:
            session = await self._session(stack)
            self._heed_signals(session)
            self.display.wording = for_the_command
            self.display.eta = lambda: session.eta
            self.display.create_rate = lambda: session.create_rate
            stack.callback(self._note_owed, session)
            stack.enter_context(self.display)
            stack.enter_context(_told_on(self.display))
            await stack.enter_async_context(session)
            if self.tells_balance and session.provider.has_balance:
                self.display.write(await _balance(session))
            try:
                async for handle in self._handles(session):
                    await self._enter(handle)
            except CometRunwayError as error:
                self.stopped_by = None if self.interrupted else error

    async def _session(self, stack: AsyncExitStack) -> Session:
        if not self.emulated:
            return Session(**self.options, on_event=self._on_event)
        server = await stack.enter_async_context(Emulator())
        emulated = {"api_key": server.api_key, "base_url": server.base_url, "poll": _EMULATED_POLLS, "trust_env": False}
        return Session(**{**self.options, **emulated}, on_event=self._on_event)

    def _heed_signals(self, session: Session) -> None:
        this, loop = asyncio.current_task(), asyncio.get_running_loop()
        if this is None or sys.platform == "win32":
            return  # there Ctrl-C cancels this task
        leave = partial(self._leave, this)
        work = {signal.SIGINT: partial(self._interrupt, session, leave)}
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                loop.add_signal_handler(number, work.get(number, leave))

    def _leave(self, running: "asyncio.Task[Any]") -> None:
        """End the run with the grace for creates under way; without the grace at the second call."""
        if self._is_left:
            raise KeyboardInterrupt  # it goes through the event loop, and ends each task of it
        self._is_left = True
        running.cancel()

    def _interrupt(self, session: Session, leave: Callable[[], object]) -> None:
        """End the submitting at the first Ctrl-C, if a person reads the offer to wait; leave at the next."""
        was_interrupted, self.interrupted = self.interrupted, True
        if was_interrupted or not self.may_wait:
            leave()
            return
        session.stop_submitting()
        self.display.stop()
        owed = counted(len(session.owed), "task that is paid for", "tasks that are paid for")
        self.display.write(f"stopping: nothing more is submitted; waiting for {owed}. Ctrl-C again leaves at once")

    async def _handles(self, session: Session) -> AsyncIterator[TaskHandle]:
        if self.shots is not None:
            resubmit = self._resubmits if self.again else never
            async for handle in session.map(self._wanted(self.shots), resubmit=resubmit):
                yield handle
        else:
            async for handle in session.resume():
                yield handle

    def _resubmits(self, entry: Entry) -> bool:
        return entry.key in self.again

    def _wanted(self, shots: Sequence[Shot]) -> Iterator[Shot]:
        for shot in shots:
            if self.interrupted:
                return
            yield shot

    def _note_owed(self, session: Session) -> None:
        self.owed = session.owed

    def _on_event(self, event: Event) -> None:
        key = event.key or ""
        row = self.rows.setdefault(key, Row(key=key, route=event.route))
        if event.kind in {EventKind.SUBMITTED, EventKind.RESUMED}:
            row.task_id, row.status, row.is_unsent = event.task_id or "", "owed", False
            row.is_found = event.kind is EventKind.RESUMED
        elif event.kind is EventKind.IN_DOUBT and event.error is not None:
            row.fail(event.error)
        elif event.kind is EventKind.DOWNLOADED:
            row.deliver(event.assets)
        if event.seconds is not None:
            row.seconds = event.seconds
        for observe in (*self.observers, self.display.on_event):
            observe(event)

    async def _enter(self, handle: TaskHandle) -> None:
        row = self.rows[handle.key or ""]
        try:
            row.deliver(await handle)
        except JournalUnavailableError as error:
            if error.token is None:  # else its task is polled all the same, and only its record has to wait
                row.fail(error)
        except Exception as error:  # noqa: BLE001 - the others of the batch go on
            row.fail(error)
            if not isinstance(error, CometRunwayError | ValueError):
                self.display.write(f"{row.key} failed by a bug of cometrunway: {error!r}")
            if isinstance(error, BudgetError) and not self.interrupted:
                self.stopped_by = error


class _OnDisplay(logging.Handler):
    """Writes the text of log records above the progress."""

    def __init__(self, display: ProgressDisplay) -> None:
        super().__init__(logging.WARNING)
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        self._display.write(record.getMessage())


@contextmanager
def _told_on(display: ProgressDisplay) -> Iterator[None]:
    """Show what is done to images that are made to fit."""
    logger, handler = logging.getLogger(IMAGE_FIT_LOGGER), _OnDisplay(display)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


async def _balance(session: Session) -> str:
    """Say what the account has left; a batch does not fail for want of that answer."""
    try:
        balance = await session.balance()
    except CometRunwayError as error:
        return f"the balance at {session.provider.name} is not known: {error}"
    return f"the balance at {session.provider.name}: {counted(balance.credits, 'credit')}"
