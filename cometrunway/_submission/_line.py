"""Waiting submissions. The highest priority goes first; of equal ones, the first that came."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar

from cometrunway.errors import SubmissionQueueFullError

_T = TypeVar("_T")


class Line(Generic[_T]):
    """The futures of waiters. A cancelled one stays until it is taken out."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, bool, int, asyncio.Future[_T]]] = []
        self._numbers = count()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def join(self, priority: int, *, is_late: bool = True) -> "asyncio.Future[_T]":
        """Return a future that waits behind those of a higher priority. If not `late`, it goes before its equals."""
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
        """Count a waiter during the block; `SubmissionQueueFullError` if the limit is reached."""
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
    """A number of places. Each is used by one waiter at a time."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._line = Line[None]()

    async def acquire(self, priority: int = 0, limit: WaitingLimit | None = None) -> None:
        """Take a place when one is free; `SubmissionQueueFullError` if too many wait already."""
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
