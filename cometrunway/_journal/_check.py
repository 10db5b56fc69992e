"""All of a journal, read: whether SQLite finds it whole, and whether each row says what a row can say."""

import os
from collections.abc import Iterator
from itertools import islice

from cometrunway._journal._reader import JournalReader
from cometrunway.errors import JournalError

_MOST = 20
"""Problems that are told."""


def problems_of(path: str | os.PathLike[str]) -> list[str]:
    """Return what is wrong with a journal, the first 20 of each kind of check; nothing if it is whole.

    Reads every page and every row, however many there are, and changes nothing. Also while another process writes.

    Raises:
        JournalError: there is no journal, or one of another version.
    """
    with JournalReader(path) as journal:
        try:
            found = journal.integrity(_MOST)
        except JournalError as error:
            return [str(error)]
        return found or list(islice(_of_rows(journal), _MOST))


def _of_rows(journal: JournalReader) -> Iterator[str]:
    for row in journal.rows():
        if isinstance(row, str):
            yield row
        elif row.is_owed and not row.task_id:
            yield f"the row of {row.key!r} is {row.state.value}, and has no task"
