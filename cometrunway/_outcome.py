"""The outcome of one shot so far, in the same form for a batch and for a journal."""

from typing import Any

from attrs import frozen

from cometrunway._paths import from_here, portable
from cometrunway._tasks import Asset

STATUSES = ("delivered", "failed", "cancelled", "owed", "in_doubt", "refused", "submitting")
"""What can have become of a shot, in the order in which counts are told."""


@frozen(kw_only=True)
class Outcome:
    """One shot as a row of a table."""

    key: str | None
    route: str
    task_id: str | None
    status: str
    """One of `STATUSES`. `owed` means that it was accepted and its files are not on disk."""
    assets: tuple[Asset, ...] = ()
    seconds: float | None = None
    """Seconds from the create's answer to the poll that found the task's end."""
    reason: str | None = None
    """Why there are no files."""

    def to_record(self) -> dict[str, Any]:
        """Return plain values by the names of their columns. `path` is the first of several files.

        Paths are relative to the current folder if they are in it.
        """
        paths = [portable(from_here(asset.path)) for asset in self.assets if asset.path]
        return {
            "key": self.key,
            "route": self.route,
            "status": self.status,
            "path": paths[0] if paths else None,
            "paths": paths,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "reason": self.reason,
            "task_id": self.task_id,
        }
