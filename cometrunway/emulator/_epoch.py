"""Converts times of the event loop's clock to calendar times."""

import asyncio
from datetime import UTC, datetime, timedelta

from attrs import field, frozen


@frozen
class Epoch:
    """A moment that is known on both clocks. Other moments are computed from it and the loop's clock."""

    loop: asyncio.AbstractEventLoop
    wall: datetime = field(factory=lambda: datetime.now(UTC))
    start: float = field(init=False)

    @start.default
    def _start(self) -> float:
        return self.loop.time()

    def now(self) -> float:
        """The loop's time, in seconds."""
        return self.loop.time()

    def at(self, moment: float) -> datetime:
        """The UTC time of a moment of the loop's clock."""
        return self.wall + timedelta(seconds=moment - self.start)
