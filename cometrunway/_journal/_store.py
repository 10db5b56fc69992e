"""The protocols of a journal's storage: a store that one thread writes, and records that are read. Each has two forms.

`_sqlite.py` and `_records.py` are those of a file; `_postgres` has those of a database server.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen

from cometrunway._journal._commit import Write
from cometrunway._journal._entry import Entry, State
from cometrunway._journal._folders import Folders
from cometrunway._journal._pruned import Pruned
from cometrunway._journal._writer import Operation

LONGEST_HISTORY = 100_000
"""The number of characters of a kind's durations from which on they are not read: ten times what a session saves."""


class RecordsProtocol(Protocol):
    """The queries on the submissions of a journal."""

    @property
    def folders(self) -> Collection[Path]:
        """The output folders of all runs, as they lie now."""

    def find(self, key: str) -> Entry | None:
        """Return what stands under a key."""

    def entries(self, states: Collection[State] = tuple(State), *, after: int = 0, limit: int = -1) -> Iterator[Entry]:
        """Yield the entries in these states after this number, in the order of submission; a negative limit is all."""

    def unverified(self, limit: int) -> Iterator[Entry]:
        """Yield the first entries that have a file whose kind could not be verified."""

    def unverified_count(self) -> int:
        """Return how many submissions have a file whose kind could not be verified."""

    def counts(self) -> dict[State, int]:
        """Return how many submissions are in each state."""

    def creates(self) -> dict[str, int]:
        """Return how many creates of each route were accepted, or are in doubt."""

    def fingerprints(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the digest of each submission that is not refused, in the order of submission."""

    def requests(self) -> Iterator[Mapping[str, Any]]:
        """Yield what was asked for, row by row."""

    def keys_of_task(self, task_id: str) -> list[str]:
        """Return the keys of the submissions of a task."""

    def integrity(self, limit: int) -> list[str]:
        """Return what the store itself finds wrong: at most so many things."""

    def numbered(self, numbers: Collection[int]) -> dict[int, Entry]:
        """Return the entries that have these numbers."""

    def marks(self, *, after: int = 0) -> Iterator[tuple[int, str, int]]:
        """Yield each row's number, its state, and a mark that is another one once the row has changed."""

    def rows(self) -> Iterator[Entry | str]:
        """Yield each entry; where a row is damaged, what is wrong with it."""


class Store(Protocol):
    """One journal, opened to be written: everything here runs in the writer's thread.

    What a commit runs is given the connection of that moment.
    """

    folders: Folders

    @property
    def is_shared(self) -> bool:
        """Whether several processes may write it at the same time."""

    @property
    def begin(self) -> Write:
        """Records that entries are about to be submitted; gives for each None, or what stands under its key already."""

    @property
    def accept(self) -> Write:
        """Records the ids of tasks."""

    @property
    def stop(self) -> Write:
        """Records that nothing was created, or that it is not known."""

    @property
    def end(self) -> Write:
        """Records the ends of tasks."""

    @property
    def deliver(self) -> Write:
        """Records the files of tasks."""

    @property
    def reinstate(self) -> Write:
        """Records that entries stand as they did before they were submitted once more."""

    @property
    def records(self) -> RecordsProtocol:
        """The queries on the journal; `JournalError` if it is not open."""

    def lock(self) -> None:
        """Become one that may write; `JournalInUseError` or `JournalUnavailableError` while it cannot."""

    def open(self) -> None:
        """Open it, once it is locked."""

    def close(self) -> None:
        """Close it, and let others in."""

    def commit(self, operations: list[Operation]) -> list[Any]:
        """Run the operations as one transaction: all of them become durable, or none.

        Raises:
            JournalUnavailableError: it cannot be written now.
        """

    def again(self, connection: Any, entry: Entry, submitted_at: float | None) -> bool:
        """Record that an entry is submitted once more; False if it is no longer what it was."""

    def has_taken(self, task_id: str) -> bool:
        """Whether this session waits for a task, as far as it knows; may be asked in any thread."""

    def take(self, connection: Any, task_id: str) -> Entry | None:
        """Wait for a task, and return None; or return its entry, if another session waits for it or it has ended."""

    def take_over(self, connection: Any, most: int) -> list[str]:
        """Wait for at most so many tasks for which no session that lives waits; return their keys."""

    def leave_all(self, connection: Any) -> None:
        """Wait for no task any more, so that other sessions may."""

    def leave(self, connection: Any, task_id: str) -> None:
        """Wait for a task no more, so that another session may."""

    def durations(self, connection: Any) -> dict[str, Any]:
        """Return what was saved of each kind of task; None in the place of what is far too long."""

    def save_durations(self, connection: Any, learnt: Mapping[str, str]) -> None:
        """Save what was learnt of each kind."""

    def callback_secret(self, connection: Any, fresh: bytes) -> bytes:
        """Return the secret of the journal, which is `fresh` if it had none."""

    def prune(self, delivered_before: datetime, forget_keys_before: datetime | None) -> Pruned:
        """Keep little of what was delivered long ago."""


@frozen(kw_only=True)
class Snapshot:
    """A journal that is only read, as it is at one moment."""

    records: RecordsProtocol
    translated_errors: Callable[[], AbstractContextManager[None]]
    """Turns the exceptions of what keeps it into ours."""


@frozen(kw_only=True)
class Holder:
    """A process that writes a journal."""

    pid: int
    host: str | None = None
    """The name of its machine; None if it is this one."""

    def __str__(self) -> str:
        return f"process {self.pid}" + (f" on {self.host}" if self.host else "")
