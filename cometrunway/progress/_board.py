"""Boards that need no terminal: a line now and then, or only for what went wrong."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from cometrunway._events import Event, EventKind
from cometrunway._terminal import DroppingStream, printable
from cometrunway.errors import BudgetError
from cometrunway.progress._tally import Tally

FAILURES_SHOWN = 50
"""How many failures get a line of their own; the others are counted."""
_LINE_EACH = 100
"""Up to how many shots each finished one has a line."""
_BETWEEN_TROUBLES = 60.0


class Board:
    """Takes the events of a batch of `total` shots, and writes to `stream` what people want to know of them.

    What the stream does not take, because it is closed or its reader is gone, is dropped.
    """

    def __init__(self, total: int, stream: TextIO, *, period: float) -> None:
        self.total = total
        self.eta: Callable[[], float | None] = lambda: None
        """Tells how many more seconds what was submitted will take, or None; such as `lambda: session.eta`."""
        self._stream = DroppingStream(stream)
        self._period = period
        self._tally: Tally | None = None
        self._timer: asyncio.TimerHandle | None = None

    def on_event(self, event: Event) -> None:
        """Take one event of the session; called from its event loop."""
        if isinstance(event.error, BudgetError):
            return  # it waits for another run
        loop = asyncio.get_running_loop()
        if self._tally is None:
            self._tally = Tally(self.total, began=loop.time())
            self._timer = loop.call_later(self._period, self._tick, self._tally, loop)
        outcome = self._tally.count(event, loop.time())
        if outcome is not None:
            self._on_finish(self._tally, event, outcome)
        elif event.kind is EventKind.POLL_FAILED:
            self._on_failed_look(event, loop.time())

    def stop(self) -> None:
        """Take note that nothing more is submitted."""
        if self._tally is not None:
            self._tally.is_stopped = True

    def write(self, line: str) -> None:
        """Write a line that stays, whatever else is shown."""
        self._print(printable(line))

    def _on_finish(self, tally: Tally, event: Event, outcome: str) -> None:
        failures = tally.finished - tally.counts["done"]
        if outcome != "done" and failures <= FAILURES_SHOWN:
            self._write_failure(f"{_name(event)} {outcome}{_reason(event)}")
            if failures == FAILURES_SHOWN:
                self.write(f"{FAILURES_SHOWN} shots did not succeed; further ones are counted, not shown")

    def _write_failure(self, line: str) -> None:
        self.write(line)

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def _on_failed_look(self, event: Event, now: float) -> None:
        """Say that a look failed, which harms nothing."""

    def _draw(self, tally: Tally, now: float) -> None:
        """Show the counts anew."""

    def _tick(self, tally: Tally, loop: asyncio.AbstractEventLoop) -> None:
        self._draw(tally, loop.time())
        self._timer = loop.call_later(self._period, self._tick, tally, loop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None and self._tally is not None:
            self._timer.cancel()
            self._draw(self._tally, self._timer.when())


class QuietBoard(Board):
    """Shows only what went wrong."""

    def __init__(self, total: int, stream: TextIO) -> None:
        super().__init__(total, stream, period=3600.0)


class LineBoard(Board):
    """A line for each finished shot of a small batch, for each failure of a large one, and the counts now and then."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self._is_large = total > _LINE_EACH
        self._next_trouble = 0.0
        super().__init__(total, stream, period=10.0 if self._is_large else 60.0)

    def _on_finish(self, tally: Tally, event: Event, outcome: str) -> None:
        if self._is_large:
            super()._on_finish(tally, event, outcome)
        else:
            self.write(f"[{tally.finished}/{self.total}] {_name(event)} {outcome}{_reason(event)}")

    def _on_failed_look(self, event: Event, now: float) -> None:
        if now >= self._next_trouble:
            self._next_trouble = now + _BETWEEN_TROUBLES
            self.write(f"a look failed, and the wait goes on: {event.error}")

    def _draw(self, tally: Tally, now: float) -> None:
        self.write(f"[{tally.finished}/{self.total}] {summary(tally, now, self.eta())}")


def summary(tally: Tally, now: float, eta: float | None) -> str:
    """Return the counts, the rate and the time left, in one line."""
    in_doubt = tally.counts["in doubt"]
    parts = [
        f"{tally.submitted:,} submitted",
        f"{tally.running:,} running",
        f"{tally.counts['done']:,} done",
        f"{tally.finished - tally.counts['done'] - in_doubt:,} failed",
        *([f"{in_doubt:,} in doubt"] if in_doubt else []),
        f"{tally.rate(now) * 60:,.0f}/min",
    ]
    left = tally.left(now, eta)
    if left:
        parts.append(f"about {clock(left)} left")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """Return a duration as people read it off a clock: `0:07`, `12:30`, `3:05:00`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _name(event: Event) -> str:
    return event.key or event.task_id or event.route


def _reason(event: Event) -> str:
    return f": {getattr(event.error, 'message', event.error)}" if event.error else ""
