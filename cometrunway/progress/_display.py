"""Progress displays that need no terminal: plain lines for progress and failures, or for failures only."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from cometrunway._events import Event, EventKind
from cometrunway._terminal import DroppingStream, printable
from cometrunway.errors import BudgetError
from cometrunway.progress._counts import BatchCounts, why_a_poll_failed

FAILURES_SHOWN = 50
"""How many failures are shown, one line each. The others are counted."""
_LINE_EACH = 100
"""In a batch of at most so many shots, each finished shot has a line."""
_BETWEEN_TROUBLES = 60.0


class ProgressDisplay:
    """Takes the events of a batch of `total` shots, and writes its progress to `stream`.

    If the stream is closed or its reader is gone, the text is dropped.
    """

    _troubles = frozenset({EventKind.RETRYING})
    """Events that are shown at times, although they do no harm."""

    def __init__(self, total: int, stream: TextIO, *, period: float) -> None:
        self.total = total
        self.eta: Callable[[], float | None] = lambda: None
        """Returns the expected seconds until all submitted tasks have ended, or None. Such as `lambda: session.eta`."""
        self.create_rate: Callable[[], float | None] = lambda: None
        """Returns the creates per second that the gateway allows, or None. Such as `lambda: session.create_rate`."""
        self.wording: Callable[[str], str] = lambda text: text
        """Returns a line as it is shown. Such as a function that translates it."""
        self._stream = DroppingStream(stream)
        self._period = period
        self._counts: BatchCounts | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._told_until: dict[tuple[EventKind, str | None], float] = {}

    def on_event(self, event: Event) -> None:
        """Take one event of the session; called from its event loop."""
        if isinstance(event.error, BudgetError):
            return  # it waits for another run
        loop = asyncio.get_running_loop()
        if self._counts is None:
            self._counts = BatchCounts(self.total, began=loop.time())
            self._timer = loop.call_later(self._period, self._tick, self._counts, loop)
        outcome = self._counts.count(event, loop.time())
        if outcome is not None:
            self._on_finish(self._counts, event, outcome)
        elif event.kind is EventKind.DISK_FULL:
            self.write(f"the disk is full, so nothing more is submitted until space is free: {event.error}")
        elif event.kind in self._troubles:
            self._on_trouble(event, loop.time())

    def stop(self) -> None:
        """Show that nothing more is submitted."""
        if self._counts is not None:
            self._counts.is_stopped = True

    def write(self, line: str) -> None:
        """Write a line that is not overwritten later."""
        self._print(printable(self.wording(line)))

    def _on_finish(self, counts: BatchCounts, event: Event, outcome: str) -> None:
        failures = counts.finished - counts.outcomes["delivered"]
        if outcome != "delivered" and failures <= FAILURES_SHOWN:
            self._write_failure(f"{_name(event)} {outcome}{_reason(event)}")
            if failures == FAILURES_SHOWN:
                self.write(f"{FAILURES_SHOWN} shots were not delivered; further ones are counted, not shown")

    def _write_failure(self, line: str) -> None:
        self.write(line)

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def _on_trouble(self, event: Event, now: float) -> None:
        """Show a retry, at most once a minute for each kind of error."""
        trouble = event.kind, getattr(event.error, "host", None)
        if now >= self._told_until.get(trouble, 0.0):
            self._told_until[trouble] = now + _BETWEEN_TROUBLES
            self.write(_trouble(event))

    def _draw(self, counts: BatchCounts, now: float) -> None:
        """Show the present counts."""

    def _tick(self, counts: BatchCounts, loop: asyncio.AbstractEventLoop) -> None:
        self._draw(counts, loop.time())
        self._timer = loop.call_later(self._period, self._tick, counts, loop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None and self._counts is not None:
            self._timer.cancel()
            self._draw(self._counts, self._timer.when())


class QuietDisplay(ProgressDisplay):
    """Shows only failures."""

    _troubles = frozenset()

    def __init__(self, total: int, stream: TextIO) -> None:
        super().__init__(total, stream, period=3600.0)


class LineDisplay(ProgressDisplay):
    """Writes a line for each finished shot of a small batch or each failure of a large one, and the counts at times."""

    _troubles = frozenset({EventKind.RETRYING, EventKind.POLL_FAILED})

    def __init__(self, total: int, stream: TextIO) -> None:
        self._is_large = total > _LINE_EACH
        super().__init__(total, stream, period=10.0 if self._is_large else 60.0)

    def _on_finish(self, counts: BatchCounts, event: Event, outcome: str) -> None:
        if self._is_large:
            super()._on_finish(counts, event, outcome)
        else:
            self.write(f"[{counts.finished}/{self.total}] {_name(event)} {outcome}{_reason(event)}")

    def _draw(self, counts: BatchCounts, now: float) -> None:
        self.write(f"[{counts.finished}/{self.total}] {summary(counts, now, self.eta(), self.create_rate())}")


def summary(counts: BatchCounts, now: float, eta: float | None, create_rate: float | None = None) -> str:
    """Return the counts, the rates and the time left, in one line."""
    in_doubt, cancelled = counts.outcomes["in doubt"], counts.outcomes["cancelled"]
    parts = [
        f"{counts.submitted:,} submitted",
        *([f"{counts.resumed:,} from the journal"] if counts.resumed else []),
        f"{counts.running:,} running",
        f"{counts.outcomes['delivered']:,} delivered",
        f"{counts.finished - counts.outcomes['delivered'] - in_doubt - cancelled:,} failed",
        *([f"{cancelled:,} cancelled"] if cancelled else []),
        *([f"{in_doubt:,} in doubt"] if in_doubt else []),
        f"{counts.rate(now) * 60:,.0f}/min",
    ]
    if counts.uploading:
        parts.append(f"{counts.uploading:,} uploading")
    if create_rate is not None:
        parts.append(f"submitting {create_rate:,.1f}/s, as the gateway allows")
    left = counts.left(now, eta)
    if left:
        parts.append(f"about {clock(left)} left")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """Return a duration in the form `0:07`, `12:30` or `3:05:00`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _name(event: Event) -> str:
    return event.key or event.task_id or event.route


def _trouble(event: Event) -> str:
    host = getattr(event.error, "host", None)
    if host:
        return f"no connection to {host}, trying again: {event.error}"
    if event.kind is EventKind.RETRYING:
        return f"a create was refused for the moment, trying again: {event.error}"
    return why_a_poll_failed(event)


def _reason(event: Event) -> str:
    return f": {getattr(event.error, 'message', event.error)}" if event.error else ""
