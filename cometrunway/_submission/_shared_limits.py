"""Limits of creates and polls that several processes share."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Literal, Protocol, Self

from attrs import frozen

from cometrunway._handle import Asked
from cometrunway._policies import asked_pause
from cometrunway._submission._create_queue import CreateQueue
from cometrunway._task_group import BackgroundTasks
from cometrunway._tasks import Task
from cometrunway.errors import CometRunwayError, RateLimitedError

Poll = Callable[[str, str, Asked], Awaitable[Task]]


@frozen
class Turn:
    """When one create may be sent, by the clock of the event loop."""

    at: float
    """It is sent at this time, and not before."""
    until: float
    """After this time another turn is needed."""


ANY_TIME = Turn(-math.inf, math.inf)
"""The turn of a create whose rate is not limited."""


class SharedLimits(Protocol):
    """Limits that several sessions share, such as those of all workers of a fleet.

    All methods are called in the event loop of the session.
    """

    async def create(self) -> Turn:
        """Wait for the turn of one more create. After it, `created` is called once, unless it raises."""

    def created(self) -> None:
        """The create has its answer, or was not sent: another one may take its place."""

    async def poll(self) -> None:
        """Wait until one more poll may be sent."""

    def refused(self, what: Literal["creates", "polls"], pause: float) -> None:
        """The gateway answered with a 429, and asked for a pause of `pause` seconds; 0 if it named none."""


class CreatePlace:
    """A place for one create of a queue under limits that several processes share, while a block runs.

    Args:
        queue: of the create's route and model.
        limits: None is no limits.
        background: of the session.
    """

    def __init__(self, queue: CreateQueue, limits: SharedLimits | None, background: BackgroundTasks) -> None:
        self.queue = queue
        self._limits = limits
        self._background = background
        self._is_held = False
        self._turn = ANY_TIME

    async def take(self) -> None:
        """Wait for the place, anew for each request that is sent; end the wait if the session is being closed."""
        if self._limits is None:
            return
        self._release()
        try:
            await self._background.unless_closing(self._taken(self._limits), name="cometrunway shared limits")
        except BaseException:
            self._release()
            raise

    async def turn(self) -> None:
        """Wait for the time of the turn. If it passed while the create was recorded, take another one."""
        if self._turn.until < asyncio.get_running_loop().time():
            await self.take()
        if self._turn is not ANY_TIME:
            await self._background.pause(self._turn.at - asyncio.get_running_loop().time())

    def refused(self, error: CometRunwayError) -> None:
        """Tell the others of a pause that a 429 asks for."""
        if self._limits is not None and isinstance(error, RateLimitedError):
            self._limits.refused("creates", asked_pause(error) or 0.0)

    async def _taken(self, limits: SharedLimits) -> None:
        self._turn = await limits.create()
        self._is_held = True

    def _release(self) -> None:
        if self._is_held and self._limits is not None:
            self._is_held = False
            self._limits.created()

    async def __aenter__(self) -> Self:
        await self.take()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._release()


def limited(poll: Poll, limits: SharedLimits) -> Poll:
    """Return a function that polls when the shared limits allow it."""

    async def limited_poll(route: str, task_id: str, asked: Asked) -> Task:
        await limits.poll()
        try:
            return await poll(route, task_id, asked)
        except RateLimitedError as error:
            limits.refused("polls", asked_pause(error) or 0.0)
            raise

    return limited_poll
