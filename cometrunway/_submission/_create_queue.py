"""Creates wait for their turns, those of each route and model at a pace of their own, behind no other's limit."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from typing import Self, TypeVar

from attrs import define

from cometrunway._submission._pace import Begun, CreatePace

_PLACES = 1.25, 3
"""How many times the creates that may be under way, and how many more, may be written to the journal as about to be."""
_FILES = 16
"""Creates of one queue with local files, which are held in memory, encoded."""
_T = TypeVar("_T")


@define(eq=False)
class _Shared:
    """What all queues have in common."""

    most: int
    places: int = 0
    under_way: int = 0
    is_open: bool = False

    @property
    def is_scarce(self) -> bool:
        """Whether a queue may have waited for another's."""
        return max(self.places, self.under_way) >= self.most - 1


class CreateQueues:
    """The queues of a session.

    Args:
        most: creates that may be under way at once, over all.
        rng: spreads the creates that try whether a gateway accepts again.
    """

    def __init__(self, most: int, rng: Random) -> None:
        self._shared = _Shared(most)
        self._rng = rng
        self._queues: dict[tuple[str, str], CreateQueue] = {}

    def of(self, route: str, model: str) -> "CreateQueue":
        """Return the queue of a route and model."""
        queue = self._queues.get((route, model))
        if queue is None:
            queue = CreateQueue(self, self._shared, CreatePace(self._shared.most, self._rng))
            self._queues[route, model] = queue
        return queue

    def open(self) -> None:
        """Let nobody wait, now and later: what may no longer be sent is to learn of it at once."""
        self._shared.is_open = True
        self.advance()

    def advance(self) -> None:
        """Give all turns that can be given now."""
        for queue in self._queues.values():
            queue.advance()

    def paces(self, now: float) -> Iterator[float]:
        """Yield the creates per second of each queue in which creates wait because of the gateway's limit."""
        return (queue.pace.per_second(now) for queue in self._queues.values() if queue.is_held_back)


class CreateQueue:
    """The creates of one route and model.

    `async with queue` stands around all that is written of a create: over all queues at most `most` are within, and one
    more of each queue that has none. Then `turn` waits until it may be sent, and one of `accepted`, `refused` and
    `ended` tells what came of it.
    """

    def __init__(self, queues: CreateQueues, shared: _Shared, pace: CreatePace) -> None:
        self.pace = pace
        self._queues = queues
        self._shared = shared
        self.files = asyncio.Semaphore(_FILES)
        """Bounds the creates that hold local files in memory."""
        self.accepted_at = math.inf
        """When a create was accepted last, or else the first was sent; infinity before."""
        self._places = 0
        self._entering: deque[asyncio.Future[None]] = deque()
        self._refused: deque[asyncio.Future[Begun]] = deque()
        self._waiting: deque[asyncio.Future[Begun]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_held_back(self) -> bool:
        """Whether creates wait because of the gateway's limit."""
        return self.pace.is_limited and bool(self._refused or self._waiting or self._entering)

    async def __aenter__(self) -> Self:
        if self._entering or not self._has_place(_now()):
            await self._in_line(self._entering, taken_back=self._leave)
        else:
            self._enter()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    async def turn(self, *, was_refused: bool) -> Begun:
        """Wait until a create may be sent, before all others if it was refused."""
        if not (self._refused or self._waiting) and self._may_send(_now()):
            return self._begin(_now())
        return await self._in_line(self._refused if was_refused else self._waiting, taken_back=self.ended)

    def accepted(self, begun: Begun) -> None:
        """Count a create that was accepted."""
        self.accepted_at = _now()
        self.pace.accepted(begun, self.accepted_at)
        self._ended()

    def refused(self, begun: Begun, pause: float) -> None:
        """Count a create that was answered with a 429, which asked for a pause of so many seconds."""
        self.pace.refused(begun, _now(), pause)
        self._ended()

    def ended(self, begun: Begun) -> None:
        """Count a create that was not sent, or whose outcome says nothing about the limit."""
        self.pace.ended(begun)
        self._ended()

    def advance(self) -> None:
        """Give all turns and places that can be given now."""
        now = _now()
        for line in (self._refused, self._waiting):
            while line and self._may_send(now):
                future = line.popleft()
                if not future.done():
                    future.set_result(self._begin(now))
        while self._entering and self._has_place(now):
            entering = self._entering.popleft()
            if not entering.done():
                self._enter()
                entering.set_result(None)
        if self._refused or self._waiting:
            self._set_timer()

    async def _in_line(self, line: "deque[asyncio.Future[_T]]", *, taken_back: Callable[[_T], None]) -> _T:
        """Wait until it is one's turn; who is cancelled when it has come takes it back."""
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        line.append(future)
        self.advance()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                taken_back(future.result())
            raise

    def _enter(self) -> None:
        self._places += 1
        self._shared.places += 1

    def _leave(self, _: object = None) -> None:
        is_scarce = self._shared.is_scarce
        self._places -= 1
        self._shared.places -= 1
        self._advance(is_scarce)

    def _begin(self, now: float) -> Begun:
        self._shared.under_way += 1
        if self.accepted_at == math.inf:
            self.accepted_at = now
        return self.pace.begin(now)

    def _ended(self) -> None:
        is_scarce = self._shared.is_scarce
        self._shared.under_way -= 1
        self._advance(is_scarce)

    def _advance(self, is_scarce: bool) -> None:
        if is_scarce:
            self._queues.advance()
        elif self._entering or self._waiting or self._refused:
            self.advance()

    def _has_place(self, now: float) -> bool:
        if self._shared.is_open or not self._places:
            return True
        times, more = _PLACES
        return self._shared.places < self._shared.most and self._places < times * self.pace.window(now) + more

    def _may_send(self, now: float) -> bool:
        if self._shared.is_open:
            return True
        return self._shared.under_way < self._shared.most and self.pace.free_at(now) <= now

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        free_at = self.pace.free_at(_now())
        if free_at < math.inf and self._shared.under_way < self._shared.most:  # else the end of one wakes the next
            self._timer = asyncio.get_running_loop().call_at(free_at, self.advance)  # that time may have just passed


def _now() -> float:
    return asyncio.get_running_loop().time()
