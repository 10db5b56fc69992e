"""The journal by its place: what a user opens by name."""

import os
from pathlib import Path

from cometrunway._journal._entries import Entries
from cometrunway._journal._place import Place, place_of
from cometrunway._journal._reader import JournalReader
from cometrunway._journal._snapshots import holders_at
from cometrunway._journal._stored import StoredJournal
from cometrunway._journal._stores import store_at
from cometrunway._keywords import hints_keywords


@hints_keywords
class Journal(StoredJournal):
    """The submissions of one or more runs.

    A change is durable when its method returns. Changes that come while a commit is under way share the next one. One
    process writes a file at a time: a lock, which ends with its process, ensures this. Any number may `read`.

    What has happened (an id, an outcome, a file) is never dropped: where it cannot be written its method raises, and it
    is kept in memory and written as soon as that is possible, before anything newer. Ids that are still unwritten when
    the journal is closed go to standard error and into a `JournalError`, as tokens.

    Args:
        place: the file, made if it is missing; or the `postgresql://` URL of a database, where several processes may
            write at the same time.
        lock_timeout: seconds to wait while another program has locked the file, or the database is away.
        wait: seconds to wait, on entering, while another process writes the file, or the database is away.
        output_dir: the folder of the files of all entries; None takes the folders that were recorded.
    """

    def __init__(
        self,
        place: str | os.PathLike[str] | Place,
        *,
        lock_timeout: float = 30.0,
        wait: float = 0.0,
        output_dir: Path | None = None,
    ) -> None:
        found = place_of(place)
        super().__init__(found, store_at(found, timeout=lock_timeout, output_dir=output_dir), wait=wait)

    @classmethod
    def read(cls, place: str | os.PathLike[str] | Place) -> Entries:
        """Return all entries in the order of submission, also while another process writes. It changes nothing.

        For a large journal use a `JournalReader`, which reads only what you ask for.

        Raises:
            JournalError: there is no such journal, or it cannot be read.
        """
        with JournalReader(place) as journal:
            return Entries(journal.entries(), is_written=cls.holder(place) is not None)

    @staticmethod
    def holder(place: str | os.PathLike[str] | Place) -> int | None:
        """Return the pid of a process that is writing the journal now; None if none is."""
        found = holders_at(place_of(place))
        return found[0].pid if found else None
