"""Creates wait for their turns, those of each route and model at a pace of their own, behind no other's limit."""

import asyncio
import math
from collections.abc import Iterator
from random import Random

from attrs import define, frozen

from cometrunway._submission._line import Line, Places, WaitingLimit, counted, given
from cometrunway._submission._pace import Begun, CreatePace

_PLACES = 1.25, 3
"""How many times the creates that may be under way, and how many more, may be written to the journal as about to be."""
_FILES = 16
"""Creates of one queue with local files, which are held in memory, encoded."""


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
        for queue in self._queues.values():
            queue.stop_timer()

    def advance(self) -> None:
        """Give all turns that can be given now."""
        for queue in self._queues.values():
            queue.advance()

    def paces(self, now: float) -> Iterator[float]:
        """Yield the creates per second of each queue in which creates wait because of the gateway's limit."""
        return (queue.pace.per_second(now) for queue in self._queues.values() if queue.is_held_back)


class CreateQueue:
    """The creates of one route and model.

    `async with queue.place()` stands around all that is written of a create: over all queues at most `most` are within,
    and one more of each queue that has none. Then `turn` waits until it may be sent, and one of `accepted`, `refused`
    and `ended` tells what came of it.
    """

    def __init__(self, queues: CreateQueues, shared: _Shared, pace: CreatePace) -> None:
        self.pace = pace
        self._queues = queues
        self._shared = shared
        self.files = Places(_FILES)
        """Bounds the creates that hold local files in memory."""
        self.accepted_at = math.inf
        """When a create was accepted last, or else the first was sent; infinity before."""
        self._places = 0
        self._entering = Line[None]()
        self._waiting = Line[Begun]()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_held_back(self) -> bool:
        """Whether creates wait because of the gateway's limit."""
        return self.pace.is_limited and bool(self._waiting or self._entering)

    def place(self, priority: int = 0, limit: WaitingLimit | None = None) -> "_Place":
        """Return the block in which a create is written; `SubmissionQueueFullError` on entering, if too many wait."""
        return _Place(self, priority, limit)

    async def enter(self, priority: int, limit: WaitingLimit | None) -> None:
        """Wait for a place, behind creates of a higher priority."""
        if not self._entering and self._has_place(_now()):
            self._take_place()
            return
        with counted(limit):
            entering = self._entering.join(priority)
            self.advance()
            await given(entering, give_back=self.leave)

    def leave(self, _: object = None) -> None:
        """Give a place back."""
        is_scarce = self._shared.is_scarce
        self._places -= 1
        self._shared.places -= 1
        self._advance(is_scarce)

    async def turn(self, *, was_refused: bool, priority: int = 0) -> Begun:
        """Wait until a create may be sent, behind those of a higher priority; one that was refused goes first."""
        if not self._waiting and self._may_send(_now()):
            return self._begin(_now())
        waiting = self._waiting.join(priority, is_late=not was_refused)
        self.advance()
        return await given(waiting, give_back=self.ended)

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
        while self._waiting and self._may_send(now):
            waiting = self._waiting.take()
            if not waiting.done():
                waiting.set_result(self._begin(now))
        while self._entering and self._has_place(now):
            entering = self._entering.take()
            if not entering.done():
                self._take_place()
                entering.set_result(None)
        if self._waiting:
            self._set_timer()

    def _take_place(self) -> None:
        self._places += 1
        self._shared.places += 1

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
        elif self._entering or self._waiting:
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

    def stop_timer(self) -> None:
        """Wait for no time any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        self.stop_timer()
        free_at = self.pace.free_at(_now())
        if free_at < math.inf and self._shared.under_way < self._shared.most:  # else the end of one wakes the next
            self._timer = asyncio.get_running_loop().call_at(free_at, self.advance)  # that time may have just passed


@frozen
class _Place:
    """A place in a queue, for the time of a block."""

    queue: CreateQueue
    priority: int
    limit: WaitingLimit | None

    async def __aenter__(self) -> None:
        await self.queue.enter(self.priority, self.limit)

    async def __aexit__(self, *_: object) -> None:
        self.queue.leave()


def _now() -> float:
    return asyncio.get_running_loop().time()
