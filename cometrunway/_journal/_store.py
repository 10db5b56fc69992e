"""The protocols of a journal's storage: a store that one thread writes, and the records that are read from it.

`_sqlite.py` and `_records.py` implement them for a file, and `_postgres` for a database server.
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
"""The largest number of characters of the saved durations of one kind. Longer ones are not read. A session saves at
most a tenth of it."""


class RecordsProtocol(Protocol):
    """The queries of the submissions in a journal."""

    @property
    def folders(self) -> Collection[Path]:
        """The present paths of the output folders of all runs."""

    def find(self, key: str) -> Entry | None:
        """Return the entry with this key; None if there is none."""

    def entries(self, states: Collection[State] = tuple(State), *, after: int = 0, limit: int = -1) -> Iterator[Entry]:
        """Yield the entries in these states, in the order of submission.

        Args:
            states: the states.
            after: yield only entries whose number is larger.
            limit: the largest number of entries; a negative one means all.
        """

    def unverified(self, limit: int) -> Iterator[Entry]:
        """Yield the first entries that have a file whose kind could not be verified."""

    def unverified_count(self) -> int:
        """Return how many submissions have a file whose kind could not be verified."""

    def is_empty(self) -> bool:
        """Whether there is no submission. No row is decoded."""

    def counts(self) -> dict[State, int]:
        """Return how many submissions are in each state."""

    def creates(self) -> dict[str, int]:
        """Return how many creates of each route were accepted, or are in doubt."""

    def fingerprints(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the digest of each submission that is not refused, in the order of submission."""

    def requests(self) -> Iterator[Mapping[str, Any]]:
        """Yield the request of each submission, as the journal has it."""

    def keys_of_task(self, task_id: str) -> list[str]:
        """Return the keys of the submissions with this task."""

    def integrity(self, limit: int) -> list[str]:
        """Return the errors that the database finds in its own storage, at most `limit`."""

    def numbered(self, numbers: Collection[int]) -> dict[int, Entry]:
        """Return the entries with these numbers, by number."""

    def marks(self, *, after: int = 0) -> Iterator[tuple[int, str, int]]:
        """Yield for each row its number, its state, and a mark, which is different after the row has changed."""

    def rows(self) -> Iterator[Entry | str]:
        """Yield each entry, or a text about the damage if its row is damaged."""


class Store(Protocol):
    """One journal that is open for writing. Its methods are called in the writer's thread.

    The methods with a parameter `connection` are called within a commit, with the connection of that commit.
    """

    folders: Folders

    @property
    def is_shared(self) -> bool:
        """Whether several processes can write it at the same time."""

    @property
    def begin(self) -> Write:
        """Records that entries are about to be submitted. Its result is None, or the entry that has the key."""

    @property
    def accept(self) -> Write:
        """Records the ids of tasks."""

    @property
    def stop(self) -> Write:
        """Records refusals and doubts."""

    @property
    def end(self) -> Write:
        """Records the ends of tasks."""

    @property
    def deliver(self) -> Write:
        """Records the files of tasks."""

    @property
    def reinstate(self) -> Write:
        """Records entries again as they were before they were submitted once more."""

    @property
    def records(self) -> RecordsProtocol:
        """The queries of the journal; `JournalError` if it is not open."""

    def lock(self) -> None:
        """Get the right to write.

        Raises:
            JournalInUseError: another session writes it.
            JournalUnavailableError: it cannot be reached now.
        """

    def open(self) -> None:
        """Open it after `lock`."""

    def close(self) -> None:
        """Close it, and give up the right to write."""

    def commit(self, operations: list[Operation]) -> list[Any]:
        """Run the operations in one transaction: all of them become durable, or none. Return their results.

        Raises:
            JournalUnavailableError: it cannot be written now.
        """

    def again(self, connection: Any, entry: Entry, submitted_at: float | None) -> bool:
        """Record that an entry is submitted once more. Return False if it has changed meanwhile."""

    def is_held_since(self, moment: float) -> bool:
        """Whether no other session could regard this one as gone since a moment of `moment`. For any thread."""

    def moment(self) -> float:
        """Return the present moment, of a clock that never stops. For any thread."""

    def renew(self) -> None:
        """Say that this session lives."""

    def is_under_way(self, connection: Any, key: str, submitted_at: float | None) -> bool:
        """Whether the submission that this session has begun then stands under the key as it was begun."""

    def has_taken(self, task_id: str) -> bool:
        """Whether this session has taken a task, as far as it knows. It may be called in any thread."""

    def take(self, connection: Any, task_id: str) -> Entry | None:
        """Take a task, so that no other session polls it, and return None.

        If another session has taken it, or the task has ended, return its entry.
        """

    def take_over(self, connection: Any, most: int) -> dict[str, str]:
        """Wait for at most so many tasks for which no session that lives waits; return their ids by key."""

    def shorten_waits(self) -> None:
        """Wait little for a server that is away, from now on, for the process ends. It may be called in any thread."""

    def leave_all(self, connection: Any) -> None:
        """Wait for no task any more, so that other sessions may."""

    def leave(self, connection: Any, task_id: str, *, is_given_up: bool) -> None:
        """Wait for a task no more, so that another session can take it; if it was given up, not this one at once."""

    def durations(self, connection: Any) -> dict[str, Any]:
        """Return the saved durations of each kind of task; None for a text that is longer than `LONGEST_HISTORY`."""

    def save_durations(self, connection: Any, learnt: Mapping[str, str]) -> None:
        """Save the durations of each kind of task, as text."""

    def callback_secret(self, connection: Any, fresh: bytes) -> bytes:
        """Return the secret of the journal. If it has none, `fresh` becomes its secret."""

    def prune(self, delivered_before: datetime, forget_keys_before: datetime | None) -> Pruned:
        """Remove parts of submissions that were delivered before a date; see `Journal.prune`."""


@frozen(kw_only=True)
class Snapshot:
    """The state of a journal at one moment, for reading."""

    records: RecordsProtocol
    translated_errors: Callable[[], AbstractContextManager[None]]
    """Translates the exceptions of the database into ours."""


@frozen(kw_only=True)
class Holder:
    """A process that writes a journal."""

    pid: int
    host: str | None = None
    """The name of its machine; None if it is this one."""

    def __str__(self) -> str:
        return f"process {self.pid}" + (f" on {self.host}" if self.host else "")
