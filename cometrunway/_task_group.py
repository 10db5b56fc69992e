"""The asyncio tasks of a session: all are children of one TaskGroup, and their role says how each ends.

The only module that makes asyncio tasks.
"""

import asyncio
from collections.abc import Coroutine
from enum import Enum
from types import TracebackType
from typing import Any, Self, TypeVar

_GRACE = 2.0
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

    Leaving normally waits for all children that are no service, and until as many waits have ended as were begun.
    """

    def __init__(self) -> None:
        self.is_closing = False
        """Whether the block is being left, so that nothing more can be started."""
        self._waits = 0
        self._group = asyncio.TaskGroup()
        self._by_role: dict[Role, set[asyncio.Task[Any]]] = {role: set() for role in Role}
        self._idle = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._settle()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if error is None:
            error = await _cancellation(self._drained())
        if error is not None:
            error = await _cancellation(self._creates_ended()) or error
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
        child.add_done_callback(self._settle)
        if role is not Role.SERVICE:
            self._idle.clear()
        return child

    def begin_wait(self) -> None:
        """Keep the block open until `end_wait`, for something that is no child."""
        self._waits += 1
        self._idle.clear()

    def end_wait(self) -> None:
        """End one wait that was begun."""
        self._waits -= 1
        self._settle()

    def _settle(self, _child: object = None) -> None:
        if self._waits or self._by_role[Role.WORK] or self._by_role[Role.CREATE]:
            self._idle.clear()
        else:
            self._idle.set()

    async def _drained(self) -> None:
        while not self._idle.is_set():
            await self._idle.wait()
        self.is_closing = True

    async def _creates_ended(self) -> None:
        """Cancel everything that is free, and wait within the grace for the creates under way."""
        self.is_closing = True
        self._cancel(Role.WORK, Role.SERVICE)
        creates = self._by_role[Role.CREATE]
        if creates:
            await asyncio.wait(creates, timeout=_GRACE)

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
