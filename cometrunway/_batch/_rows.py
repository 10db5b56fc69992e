"""The outcome of each shot, as a table."""

from collections.abc import Collection, Iterable

from attrs import define

from cometrunway import errors
from cometrunway._tasks import Asset
from cometrunway._terminal import printable
from cometrunway.errors import JournalError, OutcomeUnknownError

_HEADINGS = ("shot", "route", "id", "status", "seconds", "file", "bytes")
_TO_THE_RIGHT = {_HEADINGS.index("seconds"), _HEADINGS.index("bytes")}
_SHOWN = 50
"""The largest number of rows of a table. Of a larger batch, only shots that did not succeed are listed."""


_FAILURES: dict[type[Exception], str] = {
    OutcomeUnknownError: "in doubt",
    errors.BudgetError: "not submitted",
    errors.ModerationError: "moderated",
    errors.TaskCancelledError: "cancelled",
    errors.TaskTimeoutError: "timed out",
    errors.DownloadError: "no download",
    errors.UploadError: "no upload",
    errors.APIError: "refused",
    JournalError: "no record",
    errors.TransportError: "not sent",
    ValueError: "refused",
}
"""The words for failures. Special ones come before general ones."""
_UNSENT = frozenset({"not submitted", "not sent", "no record", "no upload"})


@define(kw_only=True)
class Row:
    """The row of one shot."""

    key: str
    route: str
    task_id: str = ""
    status: str = "not submitted"
    seconds: float | None = None
    """Seconds from the create's answer to the poll that found the end."""
    files: tuple[str, ...] = ()
    size: int = 0
    """Bytes of all its files."""

    def succeed(self, assets: Iterable[Asset]) -> None:
        """Record the files."""
        self.status = "succeeded"
        self.files = tuple(
            asset.path.name if asset.verified else f"{asset.path.name} (not verified)" for asset in assets if asset.path
        )
        self.size = sum(asset.size or 0 for asset in assets)

    def fail(self, error: Exception) -> None:
        """Record why there are no files."""
        self.status = next((words for cls, words in _FAILURES.items() if isinstance(error, cls)), "failed")

    @property
    def is_unsent(self) -> bool:
        """Whether nothing was created because the run ended, or because the network or the journal failed."""
        return self.status in _UNSENT

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        seconds = "" if self.seconds is None else f"{self.seconds:.1f}"
        size = f"{self.size:,}" if self.size else ""
        cells = self.key, self.route, self.task_id, self.status, seconds, ", ".join(self.files), size
        return tuple(map(printable, cells))


def table(rows: Collection[Row]) -> str:
    """Return the rows as a table. Of many rows it has only those that did not succeed, up to a limit."""
    shown = list(rows) if len(rows) <= _SHOWN else [row for row in rows if row.status != "succeeded"]
    more = f"\n... and {len(shown) - _SHOWN:,} more that did not succeed" if len(shown) > _SHOWN else ""
    return _aligned([_HEADINGS, *(row.cells for row in shown[:_SHOWN])]) + more if shown else ""


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number in _TO_THE_RIGHT else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
