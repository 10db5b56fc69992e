"""What a journal holds, counted and listed."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cometrunway._journal._entry import Entry, State
from cometrunway._journal._sqlite import Journal
from cometrunway._paths import portable
from cometrunway._terminal import printable

_SHOWN = 50
_KINDS = ("succeeded", "failed", "owed", "in_doubt", "refused", "submitting")


class JournalReport:
    """The entries of a journal, counted and listed. Raises `JournalError` where there is no journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.holder = Journal.holder(path)
        """The pid of the process that is writing it now, if one is."""
        self.entries = Journal.read(path)

    def kind(self, entry: Entry) -> str:
        """Return `succeeded`, `failed`, `owed`, `in_doubt`, `refused`, or `submitting` while a process is at it."""
        if entry.is_owed:
            return "owed"
        if entry.is_in_doubt:
            is_under_way = entry.state.value == "submitting" and self.holder is not None
            return "submitting" if is_under_way else "in_doubt"
        return {"delivered": "succeeded"}.get(entry.state.value, entry.state.value)

    def counts(self) -> dict[str, Any]:
        """Return the totals."""
        kinds = Counter(self.kind(entry) for entry in self.entries)
        creates = Counter[str]()
        for entry in self.entries:
            creates[entry.route] += entry.creates - (entry.state is State.REFUSED)
        return {
            "total": len(self.entries),
            **{kind: kinds[kind] for kind in _KINDS},
            "creates": dict(sorted(creates.items())),
        }

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield a flat record for each entry, in the order of submission."""
        for entry in self.entries:
            yield {
                "key": entry.key,
                "route": entry.route,
                "state": self.kind(entry),
                "task_id": entry.task_id,
                "creates": entry.creates,
                "created_at": entry.created_at,
                "reason": self.reason(entry),
                "files": [portable(asset.path) for asset in entry.assets if asset.path],
                "bytes": sum(asset.size or 0 for asset in entry.assets),
                "sha256": [asset.sha256 for asset in entry.assets if asset.sha256],
                "unverified": unverified(entry),
                "request": dict(entry.request),
            }

    def text(self) -> str:
        """Return the counts, and everything that did not succeed, line by line."""
        counts = self.counts()
        kinds = ", ".join(f"{counts[kind]} {kind.replace('_', ' ')}" for kind in _KINDS)
        creates = ", ".join(f"{route} {number}" for route, number in counts["creates"].items())
        lines = [f"{self.path}: {counts['total']} submissions: {kinds}", f"creates by route: {creates or 'none'}"]
        if self.holder is not None:
            lines.append(f"being written by process {self.holder}")
        for kind in ("owed", "in_doubt", "failed", "refused"):
            lines += self._listed(kind)
        files = [f"  {entry.key}  {', '.join(unverified(entry))}" for entry in self.entries if unverified(entry)]
        lines += ["files of a kind that cannot be verified:", *_first(files)] if files else []
        return "\n".join(map(printable, lines))

    def _listed(self, kind: str) -> list[str]:
        found = [entry for entry in self.entries if self.kind(entry) == kind]
        lines = [f"  {entry.key}  {entry.route}  {entry.task_id or '-'}  {self.reason(entry)}" for entry in found]
        return [f"{kind.replace('_', ' ')}:", *_first([line.rstrip() for line in lines])] if found else []

    @staticmethod
    def reason(entry: Entry) -> str:
        """Return why it is not as it should be, in words."""
        if entry.failure is not None:
            code = f" [{entry.failure.code}]" if entry.failure.code else ""
            return f"{entry.failure.message}{code}"
        return entry.reason or ("cut short while it was being submitted" if entry.is_in_doubt else "")


def _first(lines: list[str]) -> list[str]:
    more = [f"  ... and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return lines[:_SHOWN] + more


def unverified(entry: Entry) -> list[str]:
    """Return the paths of an entry's files whose kind could not be verified."""
    return [portable(asset.path) for asset in entry.assets if asset.path and not asset.verified]
