"""Where a gallery's shots come from: a journal, or a folder of files."""

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from attrs import evolve, frozen

from cometrunway._batch._journal_report import JournalReport
from cometrunway._gallery._cards import MEDIA_TYPES, Card, MediaFile
from cometrunway._gallery._errors import GalleryError
from cometrunway._journal._entry import Entry
from cometrunway._journal._sqlite import Journal
from cometrunway.errors import JournalError

_SQLITE = b"SQLite format 3\0"
_OURS = slice(68, 72), b"CRWY"
"""Where the header of a database says whose it is, and how ours do."""

_ByFile = dict[tuple[str, int | None], Card]


@frozen(kw_only=True)
class Batch:
    """All shots of a source at one moment."""

    cards: Iterable[Card]
    """One by one, as long as the source is being read."""
    is_written: bool = False
    """Whether a process is at it now."""
    problem: str | None = None
    """What could not be read, in words for the page."""


class Source(Protocol):
    """Where the shots come from."""

    @property
    def title(self) -> str:
        """What stands at the head of the page."""

    def reading(self) -> AbstractContextManager[Batch]:
        """Read all shots, one by one.

        Raises:
            JournalError: a journal cannot be read.
            GalleryError: there is nothing to show, or it is damaged.
        """

    def is_written(self) -> bool:
        """Whether a process is at it now."""

    def signature(self) -> object:
        """Return a value that differs once the source has changed; cheap enough to ask twice a second."""


@frozen
class JournalSource:
    """The submissions of a journal."""

    path: Path

    @property
    def title(self) -> str:
        """The journal's file name."""
        return self.path.name

    @contextmanager
    def reading(self) -> Iterator[Batch]:
        """Yield all submissions, in their order."""
        report, cards = _read(self.path)
        yield Batch(cards=cards, is_written=report.holder is not None)

    def is_written(self) -> bool:
        """Whether a process holds its lock."""
        return Journal.holder(self.path) is not None

    def signature(self) -> object:
        """Return the times and sizes of its files: the database, what was written since, and the writer's lock."""
        return tuple(_stamp(self.path.with_name(f"{self.path.name}{suffix}")) for suffix in ("", "-wal", ".lock"))


@frozen
class FolderSource:
    """The media files of a folder and of those in it; journals there tell what they are.

    Links and hidden folders are left out, and so is a journal that cannot be read.
    """

    path: Path

    @property
    def title(self) -> str:
        """The folder's name."""
        return self.path.resolve().name or str(self.path)

    @contextmanager
    def reading(self) -> Iterator[Batch]:
        """Yield a shot for each file, in the order of their names."""
        names = self._names()
        told: _ByFile = {}
        unread = []
        for name in names:
            try:
                told |= _by_file(self.path / name)
            except (JournalError, GalleryError):
                unread.append(name)
        cards = (_card(name, file, told) for name in names if (file := _file_at(self.path / name)))
        yield Batch(cards=cards, problem=f"Journals that cannot be read: {', '.join(unread)}" if unread else None)

    def is_written(self) -> bool:
        """Nobody can tell."""
        return False

    def signature(self) -> object:
        """Return the names, times and sizes of all that is in it."""
        return tuple((name, _stamp(self.path / name)) for name in self._names())

    def _names(self) -> list[str]:
        """Return the files' paths as seen from the folder."""
        names: list[str] = []
        folder = None
        for folder, inner, files in os.walk(self.path):
            inner[:] = [name for name in inner if not name.startswith(".")]
            within = Path(folder).relative_to(self.path)
            names += [(within / name).as_posix() for name in files]
        if folder is None:
            raise GalleryError(f"cannot read the folder {self.path}")
        return sorted(names)


def source_of(path: Path) -> Source:
    """Return the source that a path names: a folder of media files, or a journal.

    Raises:
        GalleryError: nothing is there, or no media file is in the folder.
        JournalError: it is a file, but no journal.
    """
    if path.is_dir():
        folder = FolderSource(path)
        with folder.reading() as batch:
            is_empty = not any(True for _ in batch.cards)
        if is_empty:
            kinds = " ".join(sorted(MEDIA_TYPES))
            raise GalleryError(f"no media file in the folder {path}; a gallery shows {kinds}")
        return folder
    if not path.exists():
        raise GalleryError(f"there is no {path}: name a journal (of `run --journal`) or a folder of media files")
    if path.suffix.lower() in MEDIA_TYPES:
        raise GalleryError(f"{path} is one media file: name the folder that it is in")
    journal = JournalSource(path)
    with journal.reading():
        return journal


def _read(path: Path) -> tuple[JournalReport, tuple[Card, ...]]:
    """Read a journal, and tell a card of each of its entries."""
    if not path.is_file():  # a pipe would be waited for
        raise GalleryError(f"there is no journal file {path}")
    try:
        report = JournalReport(path)
        return report, tuple(_told(entry, report) for entry in report.entries)
    except JournalError:
        raise
    except Exception as error:  # a damaged row may raise anything
        raise GalleryError(f"the journal {path} is damaged: {error!r}") from error


def _told(entry: Entry, report: JournalReport) -> Card:
    status = report.kind(entry)
    is_well = status in {"submitting", "owed", "succeeded"}
    return Card.of_entry(entry, status, "" if is_well else report.reason(entry))


def _by_file(path: Path) -> _ByFile:
    """Find a journal's shots by their files: where they were, or by name, for a folder may have been moved since."""
    if not _is_journal(path):
        return {}
    report, cards = _read(path)
    return {
        (name, asset.size): card
        for entry, card in zip(report.entries, cards, strict=True)
        for asset in entry.assets
        if asset.path
        for name in (str(asset.path), asset.path.name)
    }


def _file_at(path: Path) -> MediaFile | None:
    file = MediaFile.at(path)
    return None if file is None or file.size is None else file


def _card(name: str, file: MediaFile, told: _ByFile) -> Card:
    card = told.get((str(file.path.absolute()), file.size)) or told.get((file.path.name, file.size))
    if card is None:
        return Card(key=name, status="file", files=(file,), created_at=file.modified)
    verified = all(other.verified for other in card.files if other.path.name == file.path.name)
    return evolve(card, key=name, files=(evolve(file, verified=verified),))


def _is_journal(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():  # a pipe would be waited for
        return False
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:
        return False
    place, mark = _OURS
    return header.startswith(_SQLITE) and header[place] == mark


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
