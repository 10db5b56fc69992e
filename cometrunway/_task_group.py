"""The asyncio tasks of a session: all are children of one TaskGroup, and their role says how each ends.

The only module that makes asyncio tasks.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Any, Self, TypeVar

_GRACE = 20.0
"""Seconds that creates under way get to bring in their ids when the block is left on an error."""
_T = TypeVar("_T")


class Role(Enum):
    """What a child is for, and so how it ends when the block is left."""

    CREATE = "create"
    """Submits a paid task. Waited for; on an error it gets a grace, and is then cancelled."""
    WORK = "work"
    """Waited for; cancelled at once on an error."""
    SERVICE = "service"
    """Serves the others; cancelled once there is nothing left to wait for."""


class BackgroundTasks:
    """Runs coroutines until the block is left. A child catches its own errors: one that escapes ends all.

    Leaving normally waits for all children that are no service, and until as many waits have ended as were begun. The
    group lives in a task of its own, so that one task may open the block and another one leave it.
    """

    def __init__(self) -> None:
        self._waits = 0
        self._group = asyncio.TaskGroup()
        self._by_role: dict[Role, set[asyncio.Task[Any]]] = {role: set() for role in Role}
        self._idle = asyncio.Event()
        self._closing = asyncio.Event()
        self._ended = asyncio.Event()
        self._opener: asyncio.Task[Any] | None = None
        self._has_interrupted = False
        self._is_left = False
        self._owner: asyncio.Task[None] | None = None
        self._on_closing: Callable[[], None] = lambda: None

    @property
    def has_waits(self) -> bool:
        """Whether something that is no child keeps the block open: a task that is polled."""
        return self._waits > 0

    @property
    def is_closing(self) -> bool:
        """Whether the block is being left, so that nothing more can be started."""
        return self._closing.is_set()

    async def __aenter__(self) -> Self:
        self._opener = asyncio.current_task()
        opened = asyncio.Event()
        self._owner = asyncio.get_running_loop().create_task(self._own(opened), name="cometrunway session")
        try:
            await opened.wait()
        except BaseException:
            self._owner.cancel()
            raise
        self._settle()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._is_left = True
        try:
            if error is None:
                await self._drained()
            if error is not None or self._closing.is_set():
                await self._creates_ended()
        finally:
            self._close()
            self._cancel(*Role)
            self._ended.set()
            if self._has_interrupted and self._opener is not None:
                self._opener.uncancel()
            assert self._owner is not None  # noqa: S101 - the block was entered
            await self._owner

    def leave(self) -> None:
        """End the wait of who leaves normally, as an error would; the grace for creates stays."""
        self._close()
        self._idle.set()

    def on_closing(self, callback: Callable[[], None]) -> None:
        """Call it once the block is being left."""
        self._on_closing = callback

    def start(self, work: Coroutine[Any, Any, _T], *, name: str, role: Role = Role.WORK) -> asyncio.Task[_T]:
        """Run `work` as a child; `RuntimeError` while the block is being left."""
        if self._closing.is_set():
            work.close()
            raise RuntimeError("the Session is being left; nothing more can be started in it")
        child = self._group.create_task(work, name=name)
        self._by_role[role].add(child)
        child.add_done_callback(self._by_role[role].discard)
        child.add_done_callback(self._settle)
        if role is not Role.SERVICE:
            self._idle.clear()
        return child

    def begin_wait(self) -> None:
        """Keep the block open until `end_wait`, for something that is no child."""
        self._waits += 1
        if not self._closing.is_set():
            self._idle.clear()

    def end_wait(self) -> None:
        """End one wait that was begun."""
        self._waits -= 1
        self._settle()

    async def pause(self, seconds: float) -> None:
        """Wait for so many seconds, or until the block is being left; let others go on in any case."""
        if seconds <= 0:
            await asyncio.sleep(0)  # several that go on together wake the network up once
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    async def _own(self, opened: asyncio.Event) -> None:
        """Hold the group open. A bug that escapes from a child interrupts the task that opened the block."""
        try:
            async with self._group:
                opened.set()
                await self._ended.wait()
        except BaseExceptionGroup:
            self.leave()
            if not self._is_left and self._opener is not None:
                self._has_interrupted = self._opener.cancel()
            raise

    def _close(self) -> None:
        if not self._closing.is_set():
            self._closing.set()
            self._on_closing()

    def _settle(self, _child: object = None) -> None:
        is_busy = self._waits or self._by_role[Role.WORK] or self._by_role[Role.CREATE]
        if not is_busy or self._closing.is_set():
            self._idle.set()
        else:
            self._idle.clear()

    async def _drained(self) -> None:
        while not self._idle.is_set():
            await self._idle.wait()

    async def _creates_ended(self) -> None:
        """Cancel everything that is free, and wait within the grace for the creates under way."""
        self._close()
        self._cancel(Role.WORK, Role.SERVICE)
        creates = self._by_role[Role.CREATE]
        if creates:
            await asyncio.wait(creates, timeout=_GRACE)

    def _cancel(self, *roles: Role) -> None:
        for role in roles:
            for child in tuple(self._by_role[role]):
                child.cancel()


async def outlasting(work: Coroutine[Any, Any, _T], *, on_cancel: Callable[[], None]) -> _T:
    """Run `work` to its end in a task of its own, however often the caller is cancelled; then raise that.

    anyio cancels again at each await of a scope that has ended, so that nothing awaited there directly is waited for.
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
