"""Where a gallery's shots come from: a journal, or a folder of files."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from attrs import evolve, frozen

from cometrunway import Entry, Journal
from cometrunway._gallery._cards import MEDIA_TYPES, Card, MediaFile
from cometrunway._journal_report import JournalReport

_SQLITE = b"SQLite format 3\0"
_OURS = slice(68, 72), b"CRWY"
"""Where the header of a database says whose it is, and how ours do."""

_ByFile = dict[tuple[str, int | None], Card]


class GalleryError(ValueError):
    """There is nothing to show, or nowhere to write it."""


@frozen(kw_only=True)
class Batch:
    """All shots of a source at one moment."""

    cards: tuple[Card, ...]
    is_written: bool = False
    """Whether a process is at it now."""


class Source(Protocol):
    """Where the shots come from."""

    @property
    def title(self) -> str:
        """What stands at the head of the page."""

    def read(self) -> Batch:
        """Return all shots.

        Raises:
            JournalError: a journal cannot be read.
            GalleryError: there is nothing to show.
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

    def read(self) -> Batch:
        """Return all submissions, in their order."""
        report = JournalReport(self.path)
        return Batch(cards=tuple(_cards(report)), is_written=report.holder is not None)

    def is_written(self) -> bool:
        """Whether a process holds its lock."""
        return Journal.holder(self.path) is not None

    def signature(self) -> object:
        """Return the times and sizes of its files: the database, what was written since, and the writer's lock."""
        return tuple(_stamp(self.path.with_name(f"{self.path.name}{suffix}")) for suffix in ("", "-wal", ".lock"))


@frozen
class FolderSource:
    """The media files of a folder; journals in it tell what they are."""

    path: Path

    @property
    def title(self) -> str:
        """The folder's name."""
        return self.path.resolve().name or str(self.path)

    def read(self) -> Batch:
        """Return a shot for each file, in the order of their names."""
        files = list(self._files())
        told: _ByFile = {}
        for path in self._journals():
            told |= _by_file(JournalReport(path))
        return Batch(cards=tuple(_card(file, told) for file in files))

    def is_written(self) -> bool:
        """Nobody can tell."""
        return False

    def signature(self) -> object:
        """Return the names, times and sizes of all that is in it."""
        return tuple((name, _stamp(self.path / name)) for name in self._names())

    def _files(self) -> Iterator[MediaFile]:
        for name in self._names():
            file = MediaFile.at(self.path / name)
            if file and file.size is not None and file.path.is_file():
                yield file

    def _journals(self) -> Iterator[Path]:
        return (self.path / name for name in self._names() if _is_journal(self.path / name))

    def _names(self) -> list[str]:
        try:
            return sorted(os.listdir(self.path))  # noqa: PTH208 - names are all that is wanted
        except OSError as error:
            raise GalleryError(f"cannot read the folder {self.path}: {error.strerror}") from error


def source_of(path: Path) -> Source:
    """Return the source that a path names: a folder of media files, or a journal.

    Raises:
        GalleryError: nothing is there, or no media file is in the folder.
        JournalError: it is a file, but no journal.
    """
    if path.is_dir():
        folder = FolderSource(path)
        if not folder.read().cards:
            kinds = " ".join(sorted(MEDIA_TYPES))
            raise GalleryError(f"no media file in the folder {path}; a gallery shows {kinds}")
        return folder
    if not path.exists():
        raise GalleryError(f"there is no {path}: name a journal (of `run --journal`) or a folder of media files")
    if path.suffix.lower() in MEDIA_TYPES:
        raise GalleryError(f"{path} is one media file: name the folder that it is in")
    journal = JournalSource(path)
    journal.read()
    return journal


def _cards(report: JournalReport) -> Iterator[Card]:
    return (_told(entry, report) for entry in report.entries)


def _told(entry: Entry, report: JournalReport) -> Card:
    status = report.kind(entry)
    is_well = status in {"submitting", "owed", "succeeded"}
    return Card.of_entry(entry, status, "" if is_well else report.reason(entry))


def _by_file(report: JournalReport) -> _ByFile:
    """Find a shot by one of its files: by name and size, for a folder may have been moved since."""
    return {
        (asset.path.name, asset.size): _told(entry, report)
        for entry in report.entries
        for asset in entry.assets
        if asset.path
    }


def _card(file: MediaFile, told: _ByFile) -> Card:
    card = told.get((file.path.name, file.size))
    if card is None:
        return Card(key=file.path.name, status="file", files=(file,), created_at=file.modified)
    return evolve(card, key=file.path.name, files=(file,))


def _is_journal(path: Path) -> bool:
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
