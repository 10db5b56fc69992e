"""The media files of a folder and its subfolders."""

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from heapq import nlargest
from pathlib import Path

from attrs import define, evolve, field, frozen

from cometrunway._gallery._cards import Card, MediaFile
from cometrunway._gallery._data_scripts import in_groups
from cometrunway._gallery._errors import GalleryError
from cometrunway._gallery._journal_source import JournalSource, opened
from cometrunway._gallery._source import Id, IsKnown, Scan, Seen, Snapshot
from cometrunway._paths import stamp
from cometrunway.errors import JournalError

_SQLITE = b"SQLite format 3\0"
_OURS = slice(68, 72), b"CRWY"
"""The position and the value of the application id in the header of a journal's database."""
_MOST_WATCHED = 100
_AT_ONCE = 500
"""The number of files that are read together."""


@frozen
class _Row:
    """The place of a journal's entry about a file."""

    journal: Path
    number: int
    mark: int


_Told = dict[tuple[str, int | None], _Row]
"""Rows by the path or name of a file, and its size."""


@define
class FolderSource:
    """The media files of a folder and its subfolders, identified by their paths. Journals there describe them.

    Links, hidden folders and unreadable journals are ignored.
    """

    path: Path
    _told: _Told = field(factory=dict)
    """The signature at the last reading or scan of the folder."""
    _names: list[str] = field(factory=list)
    _problem: str | None = None
    """Both belong to the present scan."""
    _newest: list[tuple[float, str]] = field(factory=list)
    """The most recently written files."""
    _watched: list[Path] = field(factory=list)
    """The folders and the journals."""

    @property
    def title(self) -> str:
        """The folder's name."""
        return self.path.resolve().name or str(self.path)

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """Read one shot for each file, ordered by name."""
        names, problem = self._prepared()
        yield Snapshot(cards=filter(None, self.cards(names)), problem=problem)

    @contextmanager
    def scanning(self, is_known: IsKnown, after: Id | None = None) -> Iterator[Scan]:
        """Read the files that are new, have changed, or have a changed description in a journal."""
        if after is None:
            self._names, self._problem = self._prepared()
        names = self._names[bisect_right(self._names, str(after or "")) :]
        yield Scan(shots=self._scanned(names, is_known), problem=self._problem)

    def cards(self, ids: Sequence[Id]) -> Iterator[Card | None]:
        """Yield one shot for each of these names."""
        for names in in_groups(map(str, ids), _AT_ONCE):
            files = [_file_at(self.path / name) for name in names]
            rows = [None if file is None else self._row(file) for file in files]
            known = _cards_of({row for row in rows if row})
            for name, file, row in zip(names, files, rows, strict=True):
                yield None if file is None else _card(name, file, known.get(row) if row else None)

    def is_written(self) -> bool:
        """Return False, because a folder does not show whether a process writes to it."""
        return False

    def signature(self) -> object:
        """Return the times and sizes of the folders, of the journals, and of the most recently written files.

        A file that is added or removed changes the time of its folder. An old file is rarely written again.
        """
        return tuple(map(stamp, [*self._watched, *(self.path / name for _, name in self._newest)]))

    def _prepared(self) -> tuple[list[str], str | None]:
        """Return the files' names, and what could not be read. Look up their entries in the journals."""
        folders, names = self._found()
        self._told = {}
        self._watched, self._newest = folders, []
        unread = []
        for path in filter(_is_journal, map(self.path.joinpath, names)):
            self._watched += [path, path.with_name(f"{path.name}-wal")]
            try:
                self._told |= _told_by(path)
            except (JournalError, GalleryError):
                unread.append(path.relative_to(self.path).as_posix())
        return names, f"Journals that cannot be read: {', '.join(unread)}" if unread else None

    def _found(self) -> tuple[list[Path], list[str]]:
        """Return the folders, and the files' paths relative to this folder."""
        folders: list[Path] = []
        names: list[str] = []
        for folder, inner, files in os.walk(self.path):
            inner[:] = [name for name in inner if not name.startswith(".")]
            folders.append(Path(folder))
            within = folders[-1].relative_to(self.path)
            names += [(within / name).as_posix() for name in files]
        if not folders:
            raise GalleryError(f"cannot read the folder {self.path}")
        return folders, sorted(names)

    def _scanned(self, names: list[str], is_known: IsKnown) -> Iterator[Seen]:
        for some in in_groups(names, _AT_ONCE):
            files = {name: file for name in some if (file := _file_at(self.path / name))}
            times = ((file.modified or 0.0, name) for name, file in files.items())
            self._newest = nlargest(_MOST_WATCHED, [*self._newest, *times])
            marks = {name: self._mark(file) for name, file in files.items()}
            changed = [name for name, mark in marks.items() if not is_known(name, mark)]
            cards = dict(zip(changed, self.cards(changed), strict=True))
            for name, mark in marks.items():
                if name not in cards or cards[name]:
                    yield Seen(name, mark, cards.get(name))

    def _mark(self, file: MediaFile) -> int:
        row = self._row(file)
        return hash((file.size, file.modified, row and row.mark))

    def _row(self, file: MediaFile) -> _Row | None:
        """Find the entry about a file, by its path, or by its name if the folder was moved."""
        return self._told.get((str(file.path.absolute()), file.size)) or self._told.get((file.path.name, file.size))


def _told_by(path: Path) -> _Told:
    """Return a journal's entries about files."""
    found: _Told = {}
    with opened(path) as (journal, _):
        for some in in_groups(journal.marks(), _AT_ONCE):
            entries = journal.numbered([number for number, _, _ in some])
            for number, _, mark in some:
                row = _Row(path, number, mark)
                paths = [(asset.path, asset.size) for asset in entries[number].assets if asset.path]
                found |= {(name, size): row for file, size in paths for name in (str(file), file.name)}
    return found


def _cards_of(rows: set[_Row]) -> dict[_Row, Card]:
    found: dict[_Row, Card] = {}
    for path in {row.journal for row in rows}:
        some = [row for row in rows if row.journal == path]
        cards = JournalSource(path).cards([row.number for row in some])
        found |= {row: card for row, card in zip(some, cards, strict=True) if card}
    return found


def _file_at(path: Path) -> MediaFile | None:
    file = MediaFile.at(path)
    return None if file is None or file.size is None else file


def _card(name: str, file: MediaFile, card: Card | None) -> Card:
    if card is None:
        return Card(key=name, status="file", files=(file,), created_at=file.modified)
    verified = all(other.verified for other in card.files if other.path.name == file.path.name)
    return evolve(card, key=name, files=(evolve(file, verified=verified),))


def _is_journal(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():  # opening a pipe would block
        return False
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:
        return False
    place, mark = _OURS
    return header.startswith(_SQLITE) and header[place] == mark
