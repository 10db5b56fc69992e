"""The asyncio tasks of a session. All are children of one TaskGroup. The role of a child decides how it ends.

Only this module makes asyncio tasks.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from enum import Enum
from functools import partial
from typing import Any, TypeVar

_logger = logging.getLogger(__name__)
_T = TypeVar("_T")


class Role(Enum):
    """The purpose of a child. It decides how the child ends when the group is closed."""

    CREATE = "create"
    """Submits a paid task. Closing waits for it, then for the grace, and then cancels it."""
    WORK = "work"
    """Closing waits for it, and then cancels it."""
    SERVICE = "service"
    """Serves the other children. Closing does not wait for it, and cancels it at the end."""


class BackgroundTasks:
    """Runs coroutines until it is closed. A child catches its own errors. An error that escapes is a bug, and ends all.

    Closing waits for all children except services, and for all waits that were begun. The group has its own asyncio
    task, so that one task may open it and another one may close it.
    """

    def __init__(self) -> None:
        self._waits = 0
        self._group = asyncio.TaskGroup()
        self._by_role: dict[Role, set[asyncio.Task[Any]]] = {role: set() for role in Role}
        self._idle = asyncio.Event()
        self._closing = asyncio.Event()
        self._ended = asyncio.Event()
        self._interrupts: asyncio.Task[Any] | None = None
        self._has_interrupted = False
        self._is_left = False
        self._owner: asyncio.Task[None] | None = None
        self._on_closing: Callable[[], None] = lambda: None
        self._on_bug: Callable[[], None] = lambda: None
        self._context = copy_context()  # of all callbacks, because each object makes the garbage collector slower

    @property
    def has_waits(self) -> bool:
        """Whether polled tasks, which are not children, keep the group open."""
        return self._waits > 0

    @property
    def is_closing(self) -> bool:
        """Whether the group is being closed, so that no child can be started."""
        return self._closing.is_set()

    async def open(self, *, interrupts: "asyncio.Task[Any] | None" = None) -> None:
        """Open the group. A bug that escapes from a child cancels the task `interrupts`, and is raised by `close`."""
        self._interrupts = interrupts
        opened = asyncio.Event()
        self._owner = asyncio.get_running_loop().create_task(self._own(opened), name="cometrunway session")
        try:
            await opened.wait()
        except BaseException:
            self._owner.cancel()
            raise
        self._settle()

    async def close(self, *, wait: float = math.inf, grace: float = 0.0) -> None:
        """End all children, and raise a bug that escaped from one.

        Args:
            wait: seconds to wait for the work under way.
            grace: seconds to wait, after that, for the creates under way.
        """
        self._is_left = True
        try:
            await self._drained(wait)
            await self._creates_ended(grace)
        finally:
            self._close()
            self._cancel(*Role)
            self._ended.set()
            if self._has_interrupted and self._interrupts is not None:
                self._interrupts.uncancel()
            assert self._owner is not None  # noqa: S101 - it was opened
            await self._owner

    def leave(self) -> None:
        """End the wait of `close`, also of a later call. The grace for creates remains."""
        self._close()
        self._idle.set()

    def on_closing(self, callback: Callable[[], None]) -> None:
        """Call `callback` when closing begins, so that no child can be started any more."""
        self._on_closing = callback

    def on_bug(self, callback: Callable[[], None]) -> None:
        """Call `callback` when a bug has escaped from a child and all other children were cancelled."""
        self._on_bug = callback

    def start(
        self,
        work: Coroutine[Any, Any, _T],
        *,
        name: str,
        role: Role = Role.WORK,
        on_end: Callable[[asyncio.Task[_T]], None] | None = None,
    ) -> asyncio.Task[_T]:
        """Run `work` as a child; `RuntimeError` if the group is being closed. At its end `on_end(child)` is called."""
        if self._closing.is_set():
            work.close()
            raise RuntimeError("the Session is being closed; nothing more can be started in it")
        child = self._group.create_task(work, name=name)
        children = self._by_role[role]
        children.add(child)
        child.add_done_callback(partial(self._on_end, children, on_end), context=self._context)
        if role is not Role.SERVICE:
            self._idle.clear()
        return child

    def begin_wait(self) -> None:
        """Keep the group open until `end_wait`, for work that is not a child."""
        self._waits += 1
        if not self._closing.is_set():
            self._idle.clear()

    def end_wait(self) -> None:
        """End one wait."""
        self._waits -= 1
        self._settle()

    async def pause(self, seconds: float) -> None:
        """Wait for `seconds`, or until the group is being closed. Let other asyncio tasks run in any case."""
        if seconds <= 0:
            await asyncio.sleep(0)  # several tasks that continue together cause one wakeup for the network
            return
        await within(seconds, self._closing)

    async def unless_closing(self, work: Coroutine[Any, Any, object], *, name: str) -> None:
        """Run `work` to its end; cancel it if the group is being closed before that."""
        loop = asyncio.get_running_loop()
        running = loop.create_task(work, name=name)
        closing = loop.create_task(self._closing.wait(), name=name)
        try:
            await asyncio.wait({running, closing}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
        finally:
            running.cancel()
            closing.cancel()
            await asyncio.wait({running, closing})

    async def _own(self, opened: asyncio.Event) -> None:
        """Hold the group open. Log a bug that escapes from a child while the group is not being closed."""
        try:
            async with self._group:
                opened.set()
                await self._ended.wait()
        except BaseExceptionGroup:
            self.leave()
            if not self._is_left:
                _logger.exception("a bug of cometrunway ended the session; close it")
                self._on_bug()
                self._has_interrupted = self._interrupts is not None and self._interrupts.cancel()
            raise

    def _close(self) -> None:
        if not self._closing.is_set():
            self._closing.set()
            self._on_closing()

    def _on_end(
        self,
        children: set[asyncio.Task[Any]],
        on_end: Callable[[asyncio.Task[Any]], None] | None,
        child: asyncio.Task[Any],
    ) -> None:
        children.discard(child)
        self._settle()
        if on_end is not None:
            on_end(child)

    def _settle(self) -> None:
        is_busy = self._waits or self._by_role[Role.WORK] or self._by_role[Role.CREATE]
        if not is_busy or self._closing.is_set():
            self._idle.set()
        else:
            self._idle.clear()

    async def _drained(self, wait: float) -> None:
        """Wait until nothing keeps the group open, at most `wait` seconds."""
        if wait <= 0:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_as_timeout(wait)):
                while not self._idle.is_set():
                    await self._idle.wait()

    async def _creates_ended(self, grace: float) -> None:
        """Cancel all children that cost nothing, and wait at most `grace` seconds for the creates under way."""
        self._close()
        self._cancel(Role.WORK, Role.SERVICE)
        creates = self._by_role[Role.CREATE]
        if creates:
            await asyncio.wait(creates, timeout=_as_timeout(grace))

    def _cancel(self, *roles: Role) -> None:
        for role in roles:
            for child in tuple(self._by_role[role]):
                child.cancel()


async def within(seconds: float, event: asyncio.Event) -> None:
    """Wait for an event, at most `seconds`; `math.inf` means no limit."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_as_timeout(seconds)):
            await event.wait()


async def result_of(child: "asyncio.Task[_T]", *, closed: str) -> _T:
    """Wait for a child, which goes on if the caller is cancelled.

    Raises:
        RuntimeError: the child was cancelled because its group was closed. The text is `closed`.
    """
    try:
        return await asyncio.shield(child)
    except asyncio.CancelledError:
        if not child.cancelled() or is_cancelled():
            raise
        raise RuntimeError(closed) from None


def is_cancelled() -> bool:
    """Whether the current asyncio task itself is being cancelled, and not only the future that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _as_timeout(seconds: float) -> float | None:
    return seconds if seconds < math.inf else None


async def outlasting(work: Coroutine[Any, Any, _T], *, on_cancel: Callable[[], None]) -> _T:
    """Run `work` to its end in its own asyncio task. If the caller is cancelled, raise the cancellation after the end.

    The separate task is needed because anyio cancels again at each await of a scope that has ended.
    """
    task = asyncio.get_running_loop().create_task(work, name="cometrunway close")
    cancellation: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancellation = error
            on_cancel()
    if cancellation is None:
        return task.result()
    if not task.cancelled():
        raise cancellation from task.exception()
    raise cancellation
