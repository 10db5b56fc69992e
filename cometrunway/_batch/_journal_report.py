"""The report of a journal: counts and lists."""

from collections.abc import Iterable, Iterator
from typing import Any

from cometrunway._journal._entry import Entry, State, status_of
from cometrunway._journal._place import Place
from cometrunway._journal._reader import JournalReader
from cometrunway._journal._snapshots import holders_at
from cometrunway._outcome import STATUSES, places
from cometrunway._plurals import counted
from cometrunway._terminal import printable

_SHOWN = 50
_LISTED = ("owed", "in_doubt", "failed", "cancelled", "refused")


class JournalReport:
    """The counts and lists of a journal; `JournalError` if there is none.

    A journal may be large, so each method reads only what it needs, and holds only what it returns.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        with JournalReader(place):
            pass
        self.holders = holders_at(place)
        """The processes that are writing it now."""

    def reader(self) -> JournalReader:
        """Return what reads it."""
        return JournalReader(self.place)

    def kind(self, entry: Entry) -> str:
        """Return one of `STATUSES`; `submitting` only while a process writes the journal."""
        return self._kind(entry.state)

    def _kind(self, state: State) -> str:
        return status_of(state, is_written=bool(self.holders))

    def _states(self, kind: str) -> list[State]:
        return [state for state in State if self._kind(state) == kind]

    def counts(self) -> dict[str, Any]:
        """Return the totals."""
        with self.reader() as journal:
            return self._counts(journal)

    def _counts(self, journal: JournalReader) -> dict[str, Any]:
        states = journal.counts()
        kinds = {kind: sum(states[state] for state in self._states(kind)) for kind in STATUSES}
        return {"total": sum(states.values()), **kinds, "creates": journal.creates()}

    def entries(self) -> Iterator[Entry]:
        """Yield all entries in the order of submission."""
        with self.reader() as journal:
            yield from journal.entries()

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield a flat record for each entry, in the order of submission."""
        for entry in self.entries():
            yield {
                "key": entry.key,
                "route": entry.route,
                "state": self.kind(entry),
                "task_id": entry.task_id,
                "creates": entry.creates,
                "submitted_at": entry.submitted_at,
                "created_at": entry.created_at,
                "ended_at": entry.ended_at,
                "delivered_at": entry.delivered_at,
                "seconds": seconds(entry),
                "reason": self.reason(entry),
                "files": places(entry.assets),
                "bytes": sum(asset.size or 0 for asset in entry.assets),
                "sha256": [asset.sha256 for asset in entry.assets if asset.sha256],
                "unverified": unverified(entry),
                "request": dict(entry.request),
            }

    def text(self) -> str:
        """Return the counts as text, and one line for each shot that was not delivered, at most 50 for each status."""
        with self.reader() as journal:
            counts = self._counts(journal)
            lines = [self._summary(counts), f"creates by route: {_creates(counts['creates'])}"]
            if self.holders:
                lines.append(f"being written by {', '.join(map(str, self.holders))}")
            for kind in _LISTED:
                entries = journal.entries(self._states(kind), limit=_SHOWN)
                lines += _section(kind.replace("_", " "), map(self._line, entries), counts[kind])
            count, found = journal.unverified(_SHOWN)
            files = (f"  {entry.key}  {', '.join(unverified(entry))}" for entry in found)
            lines += _section("files of a kind that cannot be verified", files, count)
        return "\n".join(map(printable, lines))

    def _summary(self, counts: dict[str, Any]) -> str:
        kinds = ", ".join(f"{counts[kind]} {kind.replace('_', ' ')}" for kind in STATUSES)
        return f"{self.place}: {counted(counts['total'], 'submission')}: {kinds}"

    def _line(self, entry: Entry) -> str:
        return f"  {entry.key}  {entry.route}  {entry.task_id or '-'}  {self.reason(entry)}".rstrip()

    def reason(self, entry: Entry) -> str:
        """Return the reason why an entry has no files, as text."""
        return entry.outcome(is_written=bool(self.holders)).reason or ""


def _creates(by_route: dict[str, int]) -> str:
    return ", ".join(f"{route} {number}" for route, number in by_route.items()) or "none"


def _section(title: str, lines: Iterable[str], count: int) -> list[str]:
    more = [f"  ... and {count - _SHOWN} more"] if count > _SHOWN else []
    return [f"{title}:", *lines, *more] if count else []


def seconds(entry: Entry) -> float | None:
    """Return how long an entry's task took, rounded; None if it is not known."""
    return None if entry.seconds is None else round(entry.seconds, 1)


def unverified(entry: Entry) -> list[str]:
    """Return the paths of an entry's files whose kind could not be verified."""
    return places(asset for asset in entry.assets if not asset.verified)
