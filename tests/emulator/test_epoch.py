"""Calendar times follow the loop's clock."""

import asyncio
from datetime import UTC, datetime, timedelta

from cometrunway.emulator._epoch import Epoch


async def test_a_time_is_that_of_its_moment() -> None:
    """Of one before the start, too; on a virtual clock an hour passes at once, and the calendar goes with it."""
    wall = datetime(2026, 3, 13, 1, 52, 46, tzinfo=UTC)
    epoch = Epoch(asyncio.get_running_loop(), wall)
    assert epoch.at(epoch.now()) == wall
    await asyncio.sleep(3600)
    assert epoch.at(epoch.now()) - wall == timedelta(hours=1)
    assert epoch.at(epoch.start - 5) == wall - timedelta(seconds=5)


async def test_the_calendar_begins_now() -> None:
    """In UTC, as the times in answers are."""
    epoch = Epoch(asyncio.get_running_loop())
    assert epoch.wall.tzinfo is UTC
    assert abs(datetime.now(UTC) - epoch.at(epoch.now())) < timedelta(minutes=1)
