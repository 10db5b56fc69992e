"""Progress: what is counted, what is foretold, and what is worth a line."""

import asyncio
import io
from collections.abc import Callable
from typing import TextIO

import pytest

from cometrunway import Event, EventKind, errors
from cometrunway.progress import LineDisplay, ProgressDisplay, QuietDisplay, new_display
from cometrunway.progress._counts import BatchCounts
from cometrunway.progress._display import FAILURES_SHOWN, clock, summary
from cometrunway.progress._live import LiveDisplay
from tests.progress.test_counts import ROUTE, event


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (36_000, "10:00:00")])
def test_durations_read_like_a_clock(seconds: float, said: str) -> None:
    """Minutes and seconds, and hours where there are some."""
    assert clock(seconds) == said


def test_the_summary_is_one_line() -> None:
    """Counts, rate and time left, with separators in large numbers."""
    counts = BatchCounts(12_000, began=0.0)
    counts.count(event(EventKind.SUBMITTED), 1.0)
    counts.count(event(EventKind.DOWNLOADED), 2.0)
    said = summary(counts, 60.0, 90.0)
    assert said == f"1 submitted, 0 running, 1 delivered, 0 failed, 1/min, about {clock(90 + 11_999 * 60)} left"


def test_the_summary_says_that_the_gateway_limits() -> None:
    """Who waits for a gateway is told so, with the creates per second that it allows."""
    assert "submitting 2.0/s, as the gateway allows" in summary(BatchCounts(10, began=0.0), 1.0, None, 2.04)


async def test_a_large_batch_has_no_line_for_each_shot() -> None:
    """Of 10,000 shots the display of lines tells the failures, the first fifty of them, and the counts now and then."""
    stream = io.StringIO()
    with LineDisplay(10_000, stream) as display:
        for number in range(10_000):
            display.on_event(event(EventKind.FAILED if number % 10 == 0 else EventKind.DOWNLOADED, str(number)))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "0 failed: it rains"
    assert f"{FAILURES_SHOWN} shots were not delivered; further ones are counted, not shown" in lines
    assert len(lines) <= FAILURES_SHOWN + 2


async def test_failed_looks_are_told_once_a_minute() -> None:
    """A server that is away is mentioned, not shouted about."""
    stream = io.StringIO()
    with LineDisplay(3, stream) as display:
        for _ in range(100):
            display.on_event(event(EventKind.POLL_FAILED))
            await asyncio.sleep(1)
    assert stream.getvalue().count("a poll failed, and the wait continues: it rains") == 2


async def test_a_refused_key_is_told_for_what_it_is() -> None:
    """The line of a poll that failed says that the gateway refuses the key, as the live display does."""
    stream = io.StringIO()
    refusal = errors.AuthenticationError("invalid key", status=401, body=b"{}")
    with LineDisplay(3, stream) as display:
        display.on_event(Event(kind=EventKind.POLL_FAILED, route=ROUTE, task_id="t", error=refusal))
    assert stream.getvalue().startswith("the gateway refuses the key, trying again: invalid key")


async def test_a_host_that_is_away_is_told_at_once_whatever_was_told_before() -> None:
    """Each kind of trouble has its own minute, and its line names the host; quiet is quiet."""
    error = errors.TransportError("POST /x: no connection to api.example: refused", host="api.example")
    for display_type, wanted in ((LineDisplay, 1), (QuietDisplay, 0)):
        stream = io.StringIO()
        with display_type(3, stream) as display:
            display.on_event(event(EventKind.POLL_FAILED))
            for _ in range(30):
                display.on_event(Event(kind=EventKind.RETRYING, route=ROUTE, key="cat", error=error))
                await asyncio.sleep(1)
        assert stream.getvalue().count("no connection to api.example, trying again") == wanted


async def test_quiet_shows_failures_only() -> None:
    """Success is silent."""
    stream = io.StringIO()
    with QuietDisplay(2, stream) as display:
        display.on_event(event(EventKind.DOWNLOADED))
        display.on_event(event(EventKind.FAILED))
    assert stream.getvalue() == "cat failed: it rains\n"


def test_what_is_no_terminal_gets_lines() -> None:
    """A file or a pipe is never drawn on."""
    assert isinstance(new_display(1, io.StringIO()), LineDisplay)


@pytest.mark.parametrize("display", [LineDisplay, QuietDisplay, LiveDisplay])
async def test_a_servers_words_do_not_steer_the_terminal(display: Callable[[int, TextIO], ProgressDisplay]) -> None:
    """Escape sequences in a message, and a line break that would forge a line, are shown as what they are."""
    stream = io.StringIO()
    told = Event(
        kind=EventKind.FAILED, route=ROUTE, key="a", error=errors.CometRunwayError("\x1b[31mred\n[2/2] b delivered\x9b")
    )
    with display(2, stream) as shown:
        shown.on_event(told)
    said = stream.getvalue()
    assert "\\x1b[31mred\\n" in said.replace("\n", "")
    assert not set(said) & set("\x1b\x9b")


@pytest.mark.parametrize("display", [LineDisplay, QuietDisplay, LiveDisplay])
async def test_a_stream_that_is_gone_stops_nothing(display: Callable[[int, TextIO], ProgressDisplay]) -> None:
    """A display whose stream is closed goes on counting, and raises nothing."""
    stream = io.StringIO()
    with display(2, stream) as shown:
        stream.close()
        for key in ("a", "b"):
            shown.on_event(event(EventKind.FAILED, key))
            shown.write("a line")
        await asyncio.sleep(120)
