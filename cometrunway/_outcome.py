"""What has become of one shot so far, said alike by a batch and by a journal."""

from typing import Any

from attrs import frozen

from cometrunway._paths import from_here, portable
from cometrunway._tasks import Asset

STATUSES = ("succeeded", "failed", "cancelled", "owed", "in_doubt", "refused", "submitting")
"""What can have become of a shot, in the order in which counts are told."""


@frozen(kw_only=True)
class Outcome:
    """One shot as a table has it."""

    key: str | None
    route: str
    task_id: str | None
    status: str
    """One of `STATUSES`; `owed` is what was accepted and whose files are not on disk."""
    assets: tuple[Asset, ...] = ()
    seconds: float | None = None
    """From the create's answer to the poll that found the task's end."""
    reason: str | None = None
    """Why there are no files."""

    def to_record(self) -> dict[str, Any]:
        """Return plain values by the names of their columns; of several files, `path` is the first.

        Paths are relative to the current folder where they are in it.
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
