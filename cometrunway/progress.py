"""Live progress of a batch on a terminal: `Session(on_event=board.on_event)` inside `with board:`.

With the extra `cometrunway[cli]` and a terminal to draw on there is a bar; otherwise a line for each finished shot.
"""

import sys
from collections import Counter
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TextIO

from cometrunway import Event, EventKind

_FINISHED = {
    EventKind.DOWNLOADED: "done",
    EventKind.FAILED: "failed",
    EventKind.REFUSED: "refused",
    EventKind.IN_DOUBT: "in doubt",
}


class Board:
    """Counts what happens to `total` shots and writes a line to `stream` for each that is finished."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self.total = total
        self.counts: Counter[str] = Counter()
        self._stream = stream

    @property
    def finished(self) -> int:
        """How many shots will change no more."""
        return sum(self.counts[name] for name in _FINISHED.values())

    @property
    def running(self) -> int:
        """How many shots the server works on, or whose files are under way."""
        return self.counts["submitted"] - self.counts["done"] - self.counts["failed"]

    def on_event(self, event: Event) -> None:
        """Take one event of the session."""
        if event.kind in {EventKind.SUBMITTED, EventKind.RESUMED}:
            self.counts["submitted"] += 1
        elif event.kind in _FINISHED:
            self.counts[_FINISHED[event.kind]] += 1
            self._on_finish(event)
        self._refresh()

    def _on_finish(self, event: Event) -> None:
        reason = f": {event.error}" if event.error else ""
        line = f"[{self.finished}/{self.total}] {event.key or event.task_id} {_FINISHED[event.kind]}{reason}"
        print(line, file=self._stream, flush=True)

    def _refresh(self) -> None:
        """Show the counts anew."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None


class LiveBoard(Board):
    """A bar with counts, drawn by rich at most ten times per second; failures stay above it as lines."""

    def __init__(self, total: int, stream: TextIO) -> None:
        from rich.console import Console  # noqa: PLC0415 - an extra
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        super().__init__(total, stream)
        columns = (
            TextColumn("[bold]shots"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
        )
        self._progress: Any = Progress(*columns, console=Console(file=stream))
        self._bar = self._progress.add_task("", total=total, counts="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def _on_finish(self, event: Event) -> None:
        if event.error:
            self._progress.console.print(f"{event.key or event.task_id}: {event.error}", markup=False, style="red")

    def _refresh(self) -> None:
        counts = f"{self.running} running, {self.counts['done']} done, {self.finished - self.counts['done']} failed"
        self._progress.update(self._bar, completed=self.finished, counts=counts)


def new_board(total: int, stream: TextIO = sys.stderr) -> Board:
    """Return a live bar where rich is installed and `stream` is a terminal, else a board of plain lines."""
    if stream.isatty():
        with suppress(ImportError):
            return LiveBoard(total, stream)
    return Board(total, stream)
