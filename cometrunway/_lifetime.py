"""The lifetime of a session's parts: from `open` to `close`, in one event loop of one process."""

import asyncio
import logging
import os
import threading
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from attrs import field, frozen

from cometrunway._composition import Composition, Parts
from cometrunway._displays import followed, note_open
from cometrunway._handle import TaskFuture
from cometrunway._plurals import counted
from cometrunway._policies import at_least_zero
from cometrunway._task_group import outlasting, within
from cometrunway.errors import JournalRequiredError, TasksOwedError

_logger = logging.getLogger(__name__)


@frozen(kw_only=True, eq=False, repr=False)
class _OpenedIn:
    """The event loop, thread and process in which a session was opened. It can be used only there."""

    loop: asyncio.AbstractEventLoop
    thread: str
    pid: int = field(factory=os.getpid)

    @classmethod
    def here(cls) -> Self:
        """Return the running event loop, with its thread and process."""
        return cls(loop=asyncio.get_running_loop(), thread=threading.current_thread().name)

    def check(self) -> None:
        """Raise a `RuntimeError` that says what to do, if called in another process, thread or event loop."""
        if os.getpid() != self.pid:
            raise RuntimeError(
                f"this Session was opened in process {self.pid}; process {os.getpid()} is a fork of it and cannot use "
                "its tasks and connections. Open a Session in each process, after the fork"
            )
        try:
            running: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self.loop:
            return
        if not self.loop.is_running():
            raise RuntimeError(
                "this Session was opened in an event loop that is no longer running, such as that of an earlier "
                "asyncio.run(). Open and use a Session within one asyncio.run()"
            )
        raise RuntimeError(
            f"this Session belongs to the event loop of thread {self.thread!r} and is not thread-safe. From thread "
            f"{threading.current_thread().name!r}, use asyncio.run_coroutine_threadsafe(coroutine, loop) or "
            "loop.call_soon_threadsafe(callback), or open another Session there"
        )


class Lifetime:
    """Opens and closes the parts of a session, any number of times, in any asyncio tasks of one event loop.

    Args:
        composition: makes the parts.
        wait: seconds that closing waits for the tasks in flight.
        grace: seconds that closing waits, after that, for the creates under way.
    """

    def __init__(self, composition: Composition, *, wait: float, grace: float) -> None:
        self._composition = composition
        self._wait = at_least_zero("close_wait", wait, or_infinite=True)
        self._grace = at_least_zero("close_grace", grace)
        self._stack = AsyncExitStack()
        self._opened_in: _OpenedIn | None = None
        self._opened: Parts | None = None
        self._was_open = False
        self._closed: asyncio.Event | None = None
        """Set when the closing that is under way has ended; None if no closing is under way."""
        self._owed: tuple[TaskFuture, ...] = ()

    @property
    def parts(self) -> Parts:
        """The parts; `RuntimeError` if the session is not open, or not open here."""
        if self._opened is None or self._opened_in is None:
            state = "was closed" if self._was_open else "is not open"
            raise RuntimeError(
                f"this Session {state}: use it within `async with Session() as runway:`, or `await session.open()` "
                "first"
            )
        self._opened_in.check()
        return self._opened

    @property
    def parts_with_journal(self) -> Parts:
        """The parts; `JournalRequiredError` if the session has no journal."""
        parts = self.parts
        if not parts.journal.keeps_entries:
            raise JournalRequiredError(
                'this needs a journal, and this Session has none: make it as Session(journal="shots.db"); nothing was '
                "sent"
            )
        return parts

    @property
    def parts_to_read(self) -> Parts | None:
        """The parts, also in another thread or event loop; None if the session is not open."""
        return self._opened

    @property
    def owed(self) -> tuple[TaskFuture, ...]:
        """The futures of the tasks whose files are not on disk. Also known after closing."""
        return self._opened.scheduler.owed if self._opened else self._owed

    async def open(self, *, interrupts: "asyncio.Task[object] | None" = None) -> None:
        """Make the parts. A bug in one of their background tasks cancels `interrupts`.

        Raises:
            RuntimeError: the session is open already.
        """
        if self._opened_in is not None:
            self._opened_in.check()
            raise RuntimeError("this Session is open already; make another one")
        self._opened_in = _OpenedIn.here()
        stack = AsyncExitStack()
        stack.push(self._say_what_is_owed)
        try:
            parts = await self._composition.enter(stack, interrupts=interrupts)
        except BaseException as error:
            self._opened_in = None
            closing = stack.__aexit__(type(error), error, error.__traceback__)
            await outlasting(
                closing, on_cancel=lambda: None
            )  # what was opened is closed, however often it is cancelled
            raise
        self._stack = stack
        self._opened = parts
        self._was_open = True
        note_open(self)

    async def close(
        self, *, wait: float | None = None, grace: float | None = None, error: BaseException | None = None
    ) -> None:
        """Close the parts. Do nothing if they are closed. If another asyncio task is closing them, wait for it.

        Args:
            wait: seconds to wait for the tasks in flight, also if another asyncio task is closing; None for the option.
            grace: seconds to wait, after that, for the creates under way; None for the option.
            error: the error that leaves the session. With an error, tasks in flight are not waited for.

        Raises:
            TasksOwedError: tasks are unfinished, and there is no journal.
        """
        wait = self._wait if wait is None else at_least_zero("wait", wait, or_infinite=True)
        grace = self._grace if grace is None else at_least_zero("grace", grace)
        if error is not None:
            wait = 0.0
        if self._opened is None:
            return
        parts = self.parts  # checks the event loop, too
        if (closed := self._closed) is not None:
            await within(wait, closed)
            parts.background.leave()
            await closed.wait()
            return
        self._closed = closed = asyncio.Event()
        self._stack.push_async_callback(parts.background.close, wait=wait, grace=grace)
        closing = self._stack.__aexit__(*((type(error), error, error.__traceback__) if error else (None, None, None)))
        try:
            await followed(outlasting(closing, on_cancel=parts.background.leave), *parts.scheduler.waiting)
        finally:
            self._owed = parts.scheduler.owed
            self._opened = self._opened_in = self._closed = None
            closed.set()

    def _say_what_is_owed(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Report the tasks that are in no journal: by an error, or by a note on the error that leaves the session."""
        if self._opened is None or self._opened.journal.keeps_entries:
            return
        tokens = tuple(future.reference.to_token() for future in self._opened.scheduler.waiting)
        if not tokens:
            return
        text = (
            f"{counted(len(tokens), 'unfinished task is', 'unfinished tasks are')} paid for, not cancelled at the "
            f"server, and in no journal; session.attach(token) continues each: {' '.join(tokens)}"
        )
        _logger.error("%s", text)
        if error is None:
            raise TasksOwedError(text, tokens=tokens)
        error.add_note(text)
