"""The submissions of a journal."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from cometrunway._batch._journal_report import JournalReport
from cometrunway._gallery._cards import Card
from cometrunway._gallery._data_scripts import in_groups
from cometrunway._gallery._errors import GalleryError
from cometrunway._gallery._source import Id, IsKnown, Scan, Seen, Snapshot
from cometrunway._journal._entry import Entry, State
from cometrunway._journal._place import Place
from cometrunway._journal._reader import JournalReader
from cometrunway._journal._snapshots import holders_at, signature_at
from cometrunway.errors import JournalError

_AT_ONCE = 500
"""The number of rows that are held at the same time."""


@frozen
class JournalSource:
    """The submissions of a journal, identified by their row numbers."""

    place: Place

    @property
    def title(self) -> str:
        """The journal's name."""
        return self.place.name

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """Read all submissions in order."""
        with opened(self.place) as (journal, report):
            cards = (told(entry, report) for entry in journal.entries())
            yield Snapshot(cards=cards, is_written=bool(report.holders))

    @contextmanager
    def scanning(self, is_known: IsKnown, after: Id | None = None) -> Iterator[Scan]:
        """Read the submissions that are new or have changed."""
        with opened(self.place) as (journal, report):
            shots = _scanned(journal, report, is_known, int(after or 0))
            yield Scan(shots=shots, is_written=bool(report.holders))

    def cards(self, ids: Sequence[Id]) -> Iterator[Card | None]:
        """Yield the submissions with these numbers."""
        with opened(self.place) as (journal, report):
            for some in in_groups(ids, _AT_ONCE):
                found = journal.numbered([number for number in some if isinstance(number, int)])
                yield from (told(found[id_], report) if id_ in found else None for id_ in some)

    def is_written(self) -> bool:
        """Whether a process writes it."""
        return bool(holders_at(self.place))

    def signature(self) -> object:
        """Return what is another one after a change, and costs little to find out."""
        return signature_at(self.place)


@contextmanager
def opened(place: Place) -> Iterator[tuple[JournalReader, JournalReport]]:
    """Open a journal to read its rows.

    Raises:
        JournalError: it cannot be read.
        GalleryError: there is no journal, or one of its rows is damaged.
    """
    if isinstance(place, Path) and not place.is_file():  # opening a pipe would block
        raise GalleryError(f"there is no journal file {place}")
    try:
        report = JournalReport(place)
        with JournalReader(place) as journal:
            yield journal, report
    except (JournalError, GalleryError, OSError):
        raise
    except Exception as error:  # a damaged row may raise anything
        raise GalleryError(f"the journal {place} is damaged: {error!r}") from error


def told(entry: Entry, report: JournalReport) -> Card:
    """Return the card of an entry."""
    status = report.kind(entry)
    is_well = status in {"submitting", "owed", "delivered"}
    return Card.of_entry(entry, status, "" if is_well else report.reason(entry))


def _scanned(journal: JournalReader, report: JournalReport, is_known: IsKnown, after: int) -> Iterator[Seen]:
    for some in in_groups(journal.marks(after=after), _AT_ONCE):
        marks = {number: hash((mark, _is_under_way(state, report))) for number, state, mark in some}
        found = journal.numbered([number for number, mark in marks.items() if not is_known(number, mark)])
        for number, mark in marks.items():
            yield Seen(number, mark, told(found[number], report) if number in found else None)


def _is_under_way(state: str, report: JournalReport) -> bool:
    return state == State.SUBMITTING.value and bool(report.holders)
