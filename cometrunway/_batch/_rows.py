"""The outcome of each shot, as a table."""

from collections.abc import Collection, Iterable

from attrs import define

from cometrunway._submission._batch import status_after
from cometrunway._tasks import Asset
from cometrunway._terminal import printable
from cometrunway.errors import BudgetError, JournalError, KeyUsedError, TransportError, UploadError

_HEADINGS = ("shot", "route", "id", "status", "seconds", "file", "bytes")
_TO_THE_RIGHT = {_HEADINGS.index("seconds"), _HEADINGS.index("bytes")}
_SHOWN = 50
"""The largest number of rows of a table. Of a larger batch, only shots that were not delivered are listed."""


_UNSENT = (BudgetError, KeyUsedError, JournalError, TransportError, UploadError)
"""Errors of a submission with which nothing is wrong: the same command may send it later."""


@define(kw_only=True)
class Row:
    """The row of one shot."""

    key: str
    route: str
    task_id: str = ""
    status: str = "waiting"
    """One of `STATUSES`, as `cometrunway status` has it; `waiting` as long as nothing was submitted."""
    is_unsent: bool = True
    """Whether nothing was created because the run ended, or because the network or the journal failed."""
    is_found: bool = False
    """Whether an earlier run has submitted it, as the journal says."""
    seconds: float | None = None
    """Seconds from the create's answer to the poll that found the end."""
    files: tuple[str, ...] = ()
    size: int = 0
    """Bytes of all its files."""

    def deliver(self, assets: Iterable[Asset]) -> None:
        """Record the files."""
        self.status, self.is_unsent = "delivered", False
        self.files = tuple(
            asset.path.name if asset.verified else f"{asset.path.name} (not verified)" for asset in assets if asset.path
        )
        self.size = sum(asset.size or 0 for asset in assets)

    def fail(self, error: Exception) -> None:
        """Record why there are no files."""
        self.status = status_after(error, has_task=bool(self.task_id))
        self.is_unsent = self.status in {"refused", "waiting"} and isinstance(error, _UNSENT)

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        seconds = "" if self.seconds is None else f"{self.seconds:.1f}"
        size = f"{self.size:,}" if self.size else ""
        cells = self.key, self.route, self.task_id, self.status.replace("_", " "), seconds, ", ".join(self.files), size
        return tuple(map(printable, cells))


def table(rows: Collection[Row]) -> str:
    """Return the rows as a table. Of many rows it has only those that were not delivered, up to a limit."""
    shown = list(rows) if len(rows) <= _SHOWN else [row for row in rows if row.status != "delivered"]
    more = f"\n... and {len(shown) - _SHOWN:,} more that were not delivered" if len(shown) > _SHOWN else ""
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
