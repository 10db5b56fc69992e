"""The outcome of one shot so far, in the same form for a batch and for a journal."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import frozen

from cometrunway._paths import portable
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
    """One of `STATUSES`, or `waiting` if nothing was sent. `owed`: it was accepted, and its files are not on disk."""
    assets: tuple[Asset, ...] = ()
    seconds: float | None = None
    """Seconds from the create's answer to the poll that found the task's end."""
    reason: str | None = None
    """Why there are no files."""

    def to_record(self) -> dict[str, Any]:
        """Return plain values by the names of their columns. `path` is the first of several `places`."""
        paths = places(self.assets)
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


def places(assets: Iterable[Asset]) -> list[str]:
    """Return the places of files: absolute paths on this disk, and addresses of buckets."""
    return [asset.location or portable(asset.path or Path()) for asset in assets if asset.is_kept]
