"""A progress display on a terminal, with rich: a bar, the counts, and a few running shots."""

from types import TracebackType
from typing import Self, TextIO, cast

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cometrunway._terminal import printable
from cometrunway.progress._counts import BatchCounts
from cometrunway.progress._display import ProgressDisplay, clock, summary

_SHOTS = 4
_PER_SECOND = 4.0
_NAME, _STATE = 32, 60
"""The widths, in columns, of a shot's name and of its state."""


def can_draw(stream: TextIO) -> bool:
    """Whether the stream is a terminal that can move its cursor."""
    console = Console(file=stream)
    return console.is_terminal and not console.is_dumb_terminal


class LiveDisplay(ProgressDisplay):
    """A display that is drawn four times per second. Failures are lines above it, which stay."""

    def __init__(self, total: int, stream: TextIO) -> None:
        super().__init__(total, stream, period=1 / _PER_SECOND)
        self._console = Console(file=cast("TextIO", self._stream))
        self._live = Live(console=self._console, auto_refresh=False, transient=False, redirect_stdout=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(error_type, error, traceback)
        self._live.stop()

    def _print(self, line: str) -> None:
        self._console.print(Text(line))

    def _write_failure(self, line: str) -> None:
        self._console.print(Text(printable(self.wording(line)), style="red"))

    def _draw(self, counts: BatchCounts, now: float) -> None:
        self._live.update(self._drawn(counts, now), refresh=True)

    def _drawn(self, counts: BatchCounts, now: float) -> Group:
        head = Table.grid(padding=(0, 2), expand=True)
        head.add_column(ratio=1)
        for _ in range(3):
            head.add_column(justify="right", no_wrap=True)
        head.add_row(
            ProgressBar(total=max(1, self.total), completed=counts.finished),
            Text(f"{counts.finished:,}/{self.total:,}", style="bold"),
            Text(f"{counts.finished / max(1, self.total):.0%}"),
            Text(clock(now - counts.began), style="dim"),
        )
        shots = Table.grid(padding=(0, 2))
        for shot in counts.interesting(_SHOTS):
            shots.add_row(
                Text(_cut(shot.name, _NAME), style="dim"),
                Text(_cut(shot.state, _STATE), style="yellow" if shot.is_in_trouble else "dim"),
                Text(clock(now - shot.since), style="dim"),
            )
        return Group(head, Text(summary(counts, now, self.eta(), self.create_rate())), shots)


def _cut(text: str, length: int) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= length else f"{line[: length - 1]}…"
