"""The entries that were read from a journal: a sequence, and a table."""

from collections.abc import Iterable
from typing import Any, Self

from cometrunway._displays import Displayed
from cometrunway._journal._entry import Entry


class Entries(Displayed, tuple[Entry, ...]):
    """A tuple of entries in the order of submission, as they were when they were read."""

    is_written: bool
    """Whether a process was writing the journal. If none was, entries that were being submitted are in doubt."""

    def __new__(cls, entries: Iterable[Entry], *, is_written: bool = False) -> Self:
        made = super().__new__(cls, entries)
        made.is_written = is_written
        return made

    def to_records(self) -> list[dict[str, Any]]:
        """Return a plain dict for each entry, for a table.

        Each has `key`, `route`, `status` (`delivered`, `failed`, `cancelled`, `owed`, `in_doubt`, `refused` or
        `submitting`), `path` (of the first file, absolute, or its address in a bucket) and `paths`, `seconds` (from
        acceptance to the end), `reason` and `task_id`.
        """
        return [entry.outcome(is_written=self.is_written).to_record() for entry in self]
