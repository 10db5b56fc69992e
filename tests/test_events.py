"""Events, and observers."""

from typing import Any

import pytest

from cometrunway import Event, EventKind
from cometrunway._events import EventQueue
from cometrunway.emulator import Emulator
from tests.samples import yawn


async def test_an_observer_that_raises_harms_nobody(session: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An error in on_event is logged, and the batch goes on."""

    def broken(_event: Event) -> None:
        raise KeyError("mine")

    async with Emulator() as emulator, session(emulator, on_event=broken) as runway:
        assert await (await runway.submit(yawn()))
    assert "on_event failed" in caplog.text


def _changed(number: int) -> Event:
    return Event(kind=EventKind.CHANGED, route="image_to_video", task_id=str(number))


async def test_a_reader_that_is_far_behind_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody reads does not grow for ever, and its loss is an error."""
    monkeypatch.setattr("cometrunway._events._MOST_UNREAD", 100)
    queue = EventQueue([])
    for number in range(100):
        queue.put(_changed(number))
    assert (await queue.get()) == _changed(0)
    for number in range(100, 102):
        queue.put(_changed(number))
    with pytest.raises(RuntimeError, match="unread"):
        await queue.get()
    assert queue.is_closed


async def test_progress_that_was_not_read_is_replaced() -> None:
    """Ten thousand polls of ten tasks take the place of ten."""
    queue = EventQueue([])
    for number in range(10_000):
        queue.put(_changed(number % 10))
    assert len(queue._unread) == 10
