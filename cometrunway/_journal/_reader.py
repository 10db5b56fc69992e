"""A journal that is only read, also while another process writes it."""

import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from typing import Self

from cometrunway._journal._entry import _SELECT, Entry, _entry, entries
from cometrunway._journal._file import check_file, reading, translated_errors
from cometrunway._journal._folders import Folders
from cometrunway._paths import expanded
from cometrunway.errors import JournalError


class JournalReader:
    """Stands in for the one of the branch `million`, of which it has the names."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = expanded(path)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        check_file(self.path)
        if not self.path.exists():
            raise JournalError(f"there is no journal {self.path}")
        self._database: sqlite3.Connection = self._stack.enter_context(reading(self.path))
        self._folders = Folders.of(self._database, self.path)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def entries(self) -> Iterator[Entry]:
        """Yield all entries in the order of submission."""
        with translated_errors(self.path):
            yield from entries(self._database, self._folders)

    def marks(self) -> Iterator[tuple[int, str, int]]:
        """Yield each row's number, its state, and a mark that is another one once the row has changed."""
        with translated_errors(self.path):
            for row in self._database.execute("SELECT number, state, * FROM submission ORDER BY number"):
                yield row[0], row[1], hash(row)

    def numbered(self, numbers: Collection[int]) -> dict[int, Entry]:
        """Return the entries that have these numbers."""
        with translated_errors(self.path):
            found = {}
            for number in numbers:
                row = self._database.execute(f"{_SELECT} WHERE number = ?", (number,)).fetchone()
                if row is not None:
                    found[number] = _entry(row, self._folders)
            return found
