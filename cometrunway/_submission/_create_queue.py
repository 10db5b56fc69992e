"""Queues of creates. Each route and model has its own pace, and does not wait for the limits of others."""

import asyncio
import math
from collections.abc import Iterator
from random import Random

from attrs import define, frozen

from cometrunway._submission._line import Line, Places, WaitingLimit, counted, given
from cometrunway._submission._pace import Begun, CreatePace

_PLACES = 1.25, 3
"""The limit of creates that the journal has as about to be sent: this factor times the limit of creates under way, plus
this number."""
_FILES = 16
"""The largest number of creates of one queue whose encoded local files are in memory."""


@define(eq=False, repr=False)
class _Shared:
    """The state that all queues share."""

    most: int
    places: int = 0
    under_way: int = 0
    is_open: bool = False

    @property
    def is_scarce(self) -> bool:
        """Whether a queue may have waited for another queue."""
        return max(self.places, self.under_way) >= self.most - 1


class CreateQueues:
    """The queues of a session.

    Args:
        most: the largest number of creates under way at once, over all queues.
        rng: spreads the creates that test whether a gateway accepts again.
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
        """End all waits, now and later, so that each create checks at once whether it may still be sent."""
        self._shared.is_open = True
        self.advance()
        for queue in self._queues.values():
            queue.stop_timer()

    def advance(self) -> None:
        """Start all creates that may be sent now."""
        for queue in self._queues.values():
            queue.advance()

    def paces(self, now: float) -> Iterator[float]:
        """Yield the creates per second of each queue in which creates wait because of the gateway's limit."""
        return (queue.pace.per_second(now) for queue in self._queues.values() if queue.is_held_back)


class CreateQueue:
    """The creates of one route and model.

    `async with queue.place()` surrounds all journal changes of a create. At most `most` creates of all queues are in
    such a block; a queue without any may have one more. Within the block, `turn` waits until the create may be sent.
    Then `accepted`, `refused` or `ended` records its outcome.
    """

    def __init__(self, queues: CreateQueues, shared: _Shared, pace: CreatePace) -> None:
        self.pace = pace
        self._queues = queues
        self._shared = shared
        self.files = Places(_FILES)
        """Limits the creates that hold local files in memory."""
        self.accepted_at = math.inf
        """The time of the last accepted create, or else of the first create that was sent; infinity before."""
        self._places = 0
        self._entering = Line[None]()
        self._waiting = Line[Begun]()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_held_back(self) -> bool:
        """Whether creates wait because of the gateway's limit."""
        return self.pace.is_limited and bool(self._waiting or self._entering)

    def place(self, priority: int = 0, limit: WaitingLimit | None = None) -> "_Place":
        """Return the block for a create's journal changes; `SubmissionQueueFullError` on entering if too many wait."""
        return _Place(self, priority, limit)

    async def enter(self, priority: int, limit: WaitingLimit | None) -> None:
        """Wait for a place. Creates of a higher priority come first."""
        if not self._entering and self._has_place(_now()):
            self._take_place()
            return
        with counted(limit):
            entering = self._entering.join(priority)
            self.advance()
            await given(entering, give_back=self.leave)

    def leave(self, _: object = None) -> None:
        """Release a place."""
        is_scarce = self._shared.is_scarce
        self._places -= 1
        self._shared.places -= 1
        self._advance(is_scarce)

    async def turn(self, *, was_refused: bool, priority: int = 0) -> Begun:
        """Wait until a create may be sent. Higher priorities come first, and then creates that were refused before."""
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
        """Count a create that was answered with a 429, which asked for a pause of `pause` seconds."""
        self.pace.refused(begun, _now(), pause)
        self._ended()

    def ended(self, begun: Begun) -> None:
        """Count a create that was not sent, or whose outcome says nothing about the limit."""
        self.pace.ended(begun)
        self._ended()

    def advance(self) -> None:
        """Give all free turns and places to waiting creates."""
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
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        self.stop_timer()
        free_at = self.pace.free_at(_now())
        if free_at < math.inf and self._shared.under_way < self._shared.most:  # else an end starts the next
            self._timer = asyncio.get_running_loop().call_at(free_at, self.advance)  # that time may have just passed


@frozen(eq=False, repr=False)
class _Place:
    """A place in a queue while a block runs."""

    queue: CreateQueue
    priority: int
    limit: WaitingLimit | None

    async def __aenter__(self) -> None:
        await self.queue.enter(self.priority, self.limit)

    async def __aexit__(self, *_: object) -> None:
        self.queue.leave()


def _now() -> float:
    return asyncio.get_running_loop().time()
