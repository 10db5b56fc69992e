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

    def marks(self, *, after: int = 0) -> Iterator[tuple[int, str, int]]:
        """Yield each row's number, its state, and a mark that is another one once the row has changed."""
        rows = "SELECT number, state, * FROM submission WHERE number > ? ORDER BY number"
        with translated_errors(self.path):
            for row in self._database.execute(rows, (after,)):
                yield row[0], row[1], hash(row)

    def numbered(self, numbers: Collection[int]) -> dict[int, Entry]:
        """Return the entries that have these numbers."""
        with translated_errors(self.path):
            select = _SELECT.replace("SELECT ", "SELECT number, ")
            rows: list[tuple[int, ...]] = []
            if numbers and max(numbers) - min(numbers) < 2 * len(numbers):
                rows += self._database.execute(f"{select} WHERE number BETWEEN ? AND ?", (min(numbers), max(numbers)))
            else:
                for number in numbers:
                    rows += self._database.execute(f"{select} WHERE number = ?", (number,))
            wanted = set(numbers)
            return {number: _entry(tuple(row), self._folders) for number, *row in rows if number in wanted}
