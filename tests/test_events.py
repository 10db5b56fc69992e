"""Events, and observers."""

from functools import partial
from typing import Any

import pytest

from cometrunway import Event, EventKind, OutcomeUnknownError, Session
from cometrunway._events import EventQueue
from cometrunway.emulator import Emulator, Fault
from tests.samples import yawn


async def test_an_observer_that_raises_affects_no_task(session: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An error in on_event is logged, and the batch goes on."""

    def broken(_event: Event) -> None:
        raise KeyError("mine")

    async with Emulator() as emulator, session(emulator, on_event=broken) as runway:
        assert await (await runway.submit(yawn()))
    assert "on_event failed" in caplog.text


async def test_an_observer_that_would_have_to_be_awaited_is_refused() -> None:
    """A coroutine function, or an object whose call is one, is refused when it is given: it would not be awaited."""

    class Observer:
        async def __call__(self, event: Event) -> None: ...

    for observer in (Observer().__call__, Observer(), partial(Observer().__call__)):
        with pytest.raises(TypeError, match=r"on_event must be a plain function.*session\.events\(\)"):
            Session("key", on_event=observer)  # type: ignore[arg-type]


async def test_log_records_name_the_task_in_fields_of_their_own(session: Any, caplog: pytest.LogCaptureFixture) -> None:
    """What is logged about a task has its id, its key and its route as fields, whatever the text says."""
    async with Emulator(duration=1, not_exist_seconds=0) as emulator:

        def fail(event: Event) -> None:
            if event.kind is EventKind.ENDED:
                raise ZeroDivisionError

        async with session(emulator, on_event=fail) as runway:
            emulator.script("create", Fault.drop_after())
            with pytest.raises(OutcomeUnknownError):
                await runway.submit(yawn(), key="lost")
            emulator.next_task(fails="INTERNAL")
            handle = await runway.submit(yawn(), key="cat")
    said = [(vars(record)["task_id"], vars(record)["key"], vars(record)["route"]) for record in caplog.records]
    assert said == [(None, "lost", yawn().route), (handle.id, "cat", yawn().route), (handle.id, "cat", yawn().route)]
    assert "ZeroDivisionError" in caplog.text


def _changed(number: int) -> Event:
    return Event(kind=EventKind.CHANGED, route="image_to_video", task_id=str(number))


async def test_a_reader_that_is_far_behind_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of unread events is limited, and the loss of events is an error."""
    monkeypatch.setattr("cometrunway._events._MOST_UNREAD", 100)
    queue = EventQueue(is_of_all=True)
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
    queue = EventQueue(is_of_all=True)
    for number in range(10_000):
        queue.put(_changed(number % 10))
    assert len(queue._unread) == 10
