"""The complete check of a journal: whether its store finds it intact, and whether each row is valid."""

import os
from collections.abc import Iterator
from itertools import islice

from cometrunway._journal._place import Place
from cometrunway._journal._reader import JournalReader
from cometrunway.errors import JournalError

_MOST = 20
"""The largest number of problems that are reported."""


def problems_of(place: str | os.PathLike[str] | Place) -> list[str]:
    """Return the problems of a journal, at most 20 of each kind of check; none if it is intact.

    It reads every page and every row, and changes nothing. Another process may write the journal meanwhile.

    Raises:
        JournalError: there is no journal, or it has another version.
    """
    with JournalReader(place) as journal:
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
