"""Submissions that wait for something scarce: the most urgent first, and of equal urgency the one that came first."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar

from cometrunway.errors import SubmissionQueueFullError

_T = TypeVar("_T")


class Line(Generic[_T]):
    """Futures, each of which is to be given what it waits for; one that is cancelled stays until it is taken."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, bool, int, asyncio.Future[_T]]] = []
        self._numbers = count()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def join(self, priority: int, *, is_late: bool = True) -> "asyncio.Future[_T]":
        """Return a future that waits behind those of a higher priority; one that is not late goes before its equals."""
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (-priority, is_late, next(self._numbers), future))
        return future

    def take(self) -> "asyncio.Future[_T]":
        """Take the first future out."""
        return heappop(self._waiting)[-1]


async def given(future: "asyncio.Future[_T]", *, give_back: Callable[[_T], None]) -> _T:
    """Wait for what a future is given; a waiter that is cancelled when it was given it gives it back."""
    try:
        return await future
    except asyncio.CancelledError:
        if future.done() and not future.cancelled():
            give_back(future.result())
        raise


class WaitingLimit:
    """How many submissions may wait at once, over all lines; None is no limit."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._waiting = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count one that waits in the block; `SubmissionQueueFullError` if as many wait as may."""
        if self._most is not None and self._waiting >= self._most:
            raise SubmissionQueueFullError(
                f"as many submissions wait already as max_waiting allows, {self._waiting}; nothing was sent: submit it "
                "later"
            )
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1


def counted(limit: WaitingLimit | None) -> AbstractContextManager[None]:
    """Return the block in which a submission waits: one of a batch, which has no limit, is not counted."""
    return nullcontext() if limit is None else limit.one_more()


class Places:
    """So many places, each of one at a time."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._line = Line[None]()

    async def acquire(self, priority: int = 0, limit: WaitingLimit | None = None) -> None:
        """Take a place, once there is one; `SubmissionQueueFullError` if it would have to wait, and too many do."""
        if self._free:
            self._free -= 1
            return
        with counted(limit):
            await given(self._line.join(priority), give_back=lambda _: self.release())

    def release(self) -> None:
        """Give a place to the first that waits for one."""
        while self._line:
            future = self._line.take()
            if not future.done():
                future.set_result(None)
                return
        self._free += 1
