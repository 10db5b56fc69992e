"""Progress: what is counted, what is foretold, and what is worth a line."""

import asyncio
import io
from collections.abc import Callable
from typing import TextIO

import pytest

from cometrunway import Event, EventKind, Task, TaskStatus, errors
from cometrunway.progress import Board, LineBoard, QuietBoard, new_board
from cometrunway.progress._board import FAILURES_SHOWN, clock, summary
from cometrunway.progress._live import LiveBoard
from cometrunway.progress._tally import Tally

ROUTE = "image_to_video"


def event(kind: EventKind, key: str = "cat", **more: object) -> Event:
    """Return an event of one shot."""
    error = errors.CometRunwayError("it rains") if kind in {EventKind.FAILED, EventKind.POLL_FAILED} else None
    return Event(kind=kind, route=ROUTE, key=key, task_id=f"id-{key}", error=error, **more)  # type: ignore[arg-type]  # tests


def seen(progress: float | None) -> Task:
    """Return a look at a running task."""
    return Task(id="t", status=TaskStatus.RUNNING, progress=progress)


def test_each_shot_is_counted_once_where_it_is() -> None:
    """Waiting, running and finished add up to the total, whatever happens in between."""
    tally = Tally(4, began=0.0)
    for kind, key in (
        (EventKind.SUBMITTED, "a"),
        (EventKind.RESUMED, "b"),
        (EventKind.POLL_FAILED, "a"),
        (EventKind.ENDED, "a"),
        (EventKind.DOWNLOADED, "a"),
        (EventKind.REFUSED, "c"),
    ):
        tally.count(event(kind, key), 1.0)
    assert (tally.waiting, tally.running, tally.finished) == (1, 1, 2)
    tally.count(event(EventKind.FAILED, "b"), 2.0)
    tally.count(event(EventKind.IN_DOUBT, "d"), 2.0)
    assert (tally.waiting, tally.running, tally.finished) == (0, 0, 4)
    assert tally.counts == {"done": 1, "failed": 1, "refused": 1, "in doubt": 1}


def test_the_rate_is_that_of_the_last_minute() -> None:
    """A burst long ago is forgotten."""
    tally = Tally(1000, began=0.0)
    for _ in range(100):
        tally.count(event(EventKind.DOWNLOADED), 10.0)
    assert tally.rate(20.0) == pytest.approx(5.0)
    assert tally.rate(71.0) == 0.0


def test_what_is_left_is_the_running_ones_and_then_the_waiting_ones() -> None:
    """The end of the batch is foretold from the running tasks and, at the rate so far, those yet to be submitted."""
    tally = Tally(100, began=0.0)
    for number in range(20):
        tally.count(event(EventKind.SUBMITTED, str(number)), 1.0)
    assert tally.left(10.0, None) is None
    assert tally.left(10.0, 30.0) is None  # nothing has finished, so nobody knows how fast the others go
    for number in range(10):
        tally.count(event(EventKind.DOWNLOADED, str(number)), 10.0)
    assert tally.left(10.0, 30.0) == pytest.approx(30.0 + 80 / 1.0)
    tally.is_stopped = True
    assert tally.left(10.0, 30.0) == 30.0


def test_the_most_interesting_are_in_trouble_or_run_the_longest() -> None:
    """What cannot be looked at comes first, then what began first; a look that succeeds ends the trouble."""
    tally = Tally(5, began=0.0)
    for number in range(5):
        tally.count(event(EventKind.SUBMITTED, str(number)), float(number))
    tally.count(event(EventKind.POLL_FAILED, "3"), 6.0)
    assert [shot.name for shot in tally.interesting(3)] == ["3", "0", "1"]
    assert tally.interesting(1)[0].state == "looks fail: it rains"
    tally.count(event(EventKind.CHANGED, "3", task=seen(0.5)), 7.0)
    assert [shot.name for shot in tally.interesting(2)] == ["0", "1"]
    assert {shot.state for shot in tally.interesting(5)} == {"submitted", "running 50%"}


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (36_000, "10:00:00")])
def test_durations_read_like_a_clock(seconds: float, said: str) -> None:
    """Minutes and seconds, and hours where there are some."""
    assert clock(seconds) == said


def test_the_summary_is_one_line() -> None:
    """Counts, rate and time left, with separators in large numbers."""
    tally = Tally(12_000, began=0.0)
    tally.count(event(EventKind.SUBMITTED), 1.0)
    tally.count(event(EventKind.DOWNLOADED), 2.0)
    said = summary(tally, 60.0, 90.0)
    assert said == f"1 submitted, 0 running, 1 done, 0 failed, 1/min, about {clock(90 + 11_999 * 60)} left"


async def test_a_large_batch_has_no_line_for_each_shot() -> None:
    """Of 10,000 shots the board of lines tells the failures, the first fifty of them, and the counts now and then."""
    stream = io.StringIO()
    with LineBoard(10_000, stream) as board:
        for number in range(10_000):
            board.on_event(event(EventKind.FAILED if number % 10 == 0 else EventKind.DOWNLOADED, str(number)))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "0 failed: it rains"
    assert f"{FAILURES_SHOWN} shots did not succeed; further ones are counted, not shown" in lines
    assert len(lines) <= FAILURES_SHOWN + 2


async def test_failed_looks_are_told_once_a_minute() -> None:
    """A server that is away is mentioned, not shouted about."""
    stream = io.StringIO()
    with LineBoard(3, stream) as board:
        for _ in range(100):
            board.on_event(event(EventKind.POLL_FAILED))
            await asyncio.sleep(1)
    assert stream.getvalue().count("a look failed, and the wait goes on: it rains") == 2


async def test_quiet_shows_failures_only() -> None:
    """Success is silent."""
    stream = io.StringIO()
    with QuietBoard(2, stream) as board:
        board.on_event(event(EventKind.DOWNLOADED))
        board.on_event(event(EventKind.FAILED))
    assert stream.getvalue() == "cat failed: it rains\n"


def test_what_is_no_terminal_gets_lines() -> None:
    """A file or a pipe is never drawn on."""
    assert isinstance(new_board(1, io.StringIO()), LineBoard)


@pytest.mark.parametrize("board", [LineBoard, QuietBoard, LiveBoard])
async def test_a_servers_words_do_not_steer_the_terminal(board: Callable[[int, TextIO], Board]) -> None:
    """Escape sequences in a message, and a line break that would forge a line, are shown as what they are."""
    stream = io.StringIO()
    told = Event(
        kind=EventKind.FAILED, route=ROUTE, key="a", error=errors.CometRunwayError("\x1b[31mred\n[2/2] b done\x9b")
    )
    with board(2, stream) as shown:
        shown.on_event(told)
    said = stream.getvalue()
    assert "\\x1b[31mred\\n" in said.replace("\n", "")
    assert not set(said) & set("\x1b\x9b")


@pytest.mark.parametrize("board", [LineBoard, QuietBoard, LiveBoard])
async def test_a_stream_that_is_gone_harms_nobody(board: Callable[[int, TextIO], Board]) -> None:
    """A board whose stream is closed goes on counting, and raises nothing."""
    stream = io.StringIO()
    with board(2, stream) as shown:
        stream.close()
        for key in ("a", "b"):
            shown.on_event(event(EventKind.FAILED, key))
            shown.write("a line")
        await asyncio.sleep(120)


def test_an_end_that_was_none_is_not_counted() -> None:
    """A shot that is submitted again, or whose file comes at last, counts as what it became in the end."""
    tally = Tally(2, began=0.0)
    for kind in (EventKind.REFUSED, EventKind.SUBMITTED, EventKind.FAILED, EventKind.RESUMED, EventKind.DOWNLOADED):
        tally.count(event(kind, "a"), 1.0)
    assert (tally.finished, tally.counts["done"], tally.running) == (1, 1, 0)
