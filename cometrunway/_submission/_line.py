"""Lines of submissions that wait for a limited resource, ordered by priority and then by arrival."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar

from cometrunway.errors import SubmissionQueueFullError

_T = TypeVar("_T")


class Line(Generic[_T]):
    """Waiting futures. Each gets a result when its turn comes. A cancelled future stays until it is taken."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, bool, int, asyncio.Future[_T]]] = []
        self._numbers = count()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def join(self, priority: int, *, is_late: bool = True) -> "asyncio.Future[_T]":
        """Return a future that waits after those of a higher priority, and, if not `is_late`, before equal ones."""
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (-priority, is_late, next(self._numbers), future))
        return future

    def take(self) -> "asyncio.Future[_T]":
        """Remove and return the first future."""
        return heappop(self._waiting)[-1]


async def given(future: "asyncio.Future[_T]", *, give_back: Callable[[_T], None]) -> _T:
    """Wait for the result of a future. If the waiter is cancelled after it got the result, it gives it back."""
    try:
        return await future
    except asyncio.CancelledError:
        if future.done() and not future.cancelled():
            give_back(future.result())
        raise


class WaitingLimit:
    """The limit of waiting submissions over all lines; None is no limit."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._waiting = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count one waiting submission while the block runs; `SubmissionQueueFullError` if the limit is reached."""
        if self._most is not None and self._waiting >= self._most:
            raise SubmissionQueueFullError(
                f"{self._waiting} submissions are waiting already, which is the limit max_waiting; nothing was sent. "
                "Submit it later"
            )
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1


def counted(limit: WaitingLimit | None) -> AbstractContextManager[None]:
    """Return the block in which a submission waits. A submission of a batch has no limit and is not counted."""
    return nullcontext() if limit is None else limit.one_more()


class Places:
    """A fixed number of places. Each place has one owner at a time."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._line = Line[None]()

    async def acquire(self, priority: int = 0, limit: WaitingLimit | None = None) -> None:
        """Wait for a free place and take it; `SubmissionQueueFullError` if it must wait and too many wait already."""
        if self._free:
            self._free -= 1
            return
        with counted(limit):
            await given(self._line.join(priority), give_back=lambda _: self.release())

    def release(self) -> None:
        """Release a place. The first waiter gets it."""
        while self._line:
            future = self._line.take()
            if not future.done():
                future.set_result(None)
                return
        self._free += 1
