"""The asyncio tasks of a session: all of them children of one TaskGroup, and what leaving means for each."""

import asyncio
from collections.abc import Callable, Coroutine
from enum import Enum
from types import TracebackType
from typing import Any, Self, TypeVar

_LAST_WORDS = 2.0
"""Seconds that creates under way get to bring their ids home when the block is left on an error."""
_T = TypeVar("_T")


class Role(Enum):
    """What a child is for, and so how it ends when the block is left."""

    CREATE = "create"
    """Buys; waited for, and on an error given a moment for its last words."""
    WORK = "work"
    """Waited for; cancelled on an error."""
    SERVICE = "service"
    """Serves the others; cancelled once there is nothing left to wait for."""


class Children:
    """Runs coroutines until the block is left. They must end quietly: what escapes from one is a bug, and ends all.

    Args:
        is_waiting: whether something other than a child is still waited for; `settle` must be called when that changes.
    """

    def __init__(self, *, is_waiting: Callable[[], bool]) -> None:
        self.is_closing = False
        """Whether the block is being left, so that nothing more can be started."""
        self._is_waiting = is_waiting
        self._group = asyncio.TaskGroup()
        self._by_role: dict[Role, set[asyncio.Task[Any]]] = {role: set() for role in Role}
        self._idle = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self.settle()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if error is None:
            error = await _cancellation(self._drained())
        if error is not None:
            error = await _cancellation(self._last_words()) or error
        self._cancel(*Role)
        if isinstance(error, asyncio.CancelledError):
            await self._group.__aexit__(type(error), error, error.__traceback__)
        else:  # the group would wrap the user's own exception; without it, that leaves the block bare
            await self._group.__aexit__(None, None, None)

    def start(self, work: Coroutine[Any, Any, _T], *, name: str, role: Role = Role.WORK) -> asyncio.Task[_T]:
        """Run `work` as a child; `RuntimeError` while the block is being left."""
        if self.is_closing:
            work.close()
            raise RuntimeError("the Session is being left; nothing more can be started in it")
        child = self._group.create_task(work, name=name)
        self._by_role[role].add(child)
        child.add_done_callback(self._by_role[role].discard)
        child.add_done_callback(self.settle)
        if role is not Role.SERVICE:
            self._idle.clear()
        return child

    def settle(self, _child: object = None) -> None:
        """Look whether anything is still waited for."""
        if self._is_waiting() or self._by_role[Role.WORK] or self._by_role[Role.CREATE]:
            self._idle.clear()
        else:
            self._idle.set()

    async def _drained(self) -> None:
        while not self._idle.is_set():
            await self._idle.wait()
        self.is_closing = True

    async def _last_words(self) -> None:
        """Stop everything that is free at once, and let creates under way bring their ids home."""
        self.is_closing = True
        self._cancel(Role.WORK, Role.SERVICE)
        creates = self._by_role[Role.CREATE]
        if creates:
            await asyncio.wait(creates, timeout=_LAST_WORDS)

    def _cancel(self, *roles: Role) -> None:
        for role in roles:
            for child in tuple(self._by_role[role]):
                child.cancel()


async def _cancellation(work: Coroutine[Any, Any, object]) -> asyncio.CancelledError | None:
    """Return the cancellation that ended `work`, if one did."""
    try:
        await work
    except asyncio.CancelledError as error:
        return error
    return None
