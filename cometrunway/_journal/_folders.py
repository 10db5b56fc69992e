"""The paths of a journal's files. They are recorded relative to an output folder, so that folders can be moved."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from attrs import field, frozen

_LONGEST_TAIL = 8
"""The number of last parts of a full path, recorded by an earlier version, that are searched in the output folder."""


@frozen(kw_only=True, eq=False, repr=False)
class Folders:
    """Converts paths to their records, and back.

    With an output folder, every file is looked for in it, even if it was recorded in another one. Without one, a file
    is looked for in its recorded folder: first at its path relative to the journal, then at its full path.
    """

    output_dir: Path | None = None
    """Absolute."""
    number: int | None = None
    """The number of the output folder in the journal."""
    known: Mapping[int, Path] = field(factory=dict)
    """The present paths of the journal's folders, by number."""

    @classmethod
    def of(cls, database: sqlite3.Connection, journal: Path) -> "Folders":
        """Return the folders of a journal that is only read; none in a journal of an earlier version."""
        [(has_any,)] = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'folder'")
        rows = database.execute("SELECT number, absolute, from_journal FROM folder") if has_any else ()
        return cls(known={number: _present(journal, *map(os.fsdecode, names)) for number, *names in rows})

    @classmethod
    def with_output(cls, database: sqlite3.Connection, journal: Path, output_dir: Path) -> "Folders":
        """Record an output folder, and return it as the place of all files."""
        output_dir = output_dir.absolute()
        absolute, relative = os.fsencode(output_dir), os.fsencode(_relative(output_dir, journal.resolve().parent))
        database.execute("INSERT OR IGNORE INTO folder (absolute, from_journal) VALUES (?, ?)", (absolute, relative))
        [(number,)] = database.execute("SELECT number FROM folder WHERE absolute = ?", (absolute,))
        return cls(output_dir=output_dir, number=number)

    def recorded(self, path: Path) -> dict[str, Any]:
        """Return the record of a file's path, as JSON."""
        path = path.absolute()
        if self.output_dir is not None:
            with suppress(ValueError):  # it is in another folder
                return {"path": path.relative_to(self.output_dir).as_posix(), "folder": self.number}
        return {"path": str(path)}

    def path(self, recorded: str, folder: int | None) -> Path:
        """Return the path of a recorded file."""
        if folder is None:
            return Path(recorded) if self.output_dir is None else _in_output(Path(recorded), self.output_dir)
        base = self.known.get(folder, Path()) if self.output_dir is None else self.output_dir
        return base / PurePath(recorded)


def _present(journal: Path, absolute: str, from_journal: str) -> Path:
    near = Path(os.path.normpath(journal.resolve().parent / from_journal))
    return near if near.is_dir() else Path(absolute)


def _relative(folder: Path, start: Path) -> str:
    try:
        return os.path.relpath(folder, start)
    except ValueError:  # on another drive
        return str(folder)


def _in_output(path: Path, output_dir: Path) -> Path:
    """Return where a file lies, or would lie, in the output folder, whose full path an earlier version recorded."""
    if path.is_relative_to(output_dir):
        return path
    tails = (
        output_dir.joinpath(*path.parts[-count:]) for count in range(min(len(path.parts) - 1, _LONGEST_TAIL), 0, -1)
    )
    return next((tail for tail in tails if tail.is_file()), output_dir / path.name)
