"""The protocol of a journal, for any store; and an empty journal."""

import secrets
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Protocol

from cometrunway._journal._entry import Entry, State
from cometrunway._tasks import Asset, Task


class JournalProtocol(Protocol):
    """Records submissions by key. A change is durable when its method returns; `JournalError` if it cannot be.

    Source: the laws on money in the design; `Journal` is the implementation in one SQLite file.
    """

    @property
    def keeps_entries(self) -> bool:
        """Whether a later session can read what is recorded. If not, a submission needs no key."""

    async def begin(self, entry: Entry) -> Entry | None:
        """Record that `entry` is about to be submitted, and return None; or return the entry that has its key already.

        A refused entry is replaced, also by another request. Any other entry is returned unchanged. While another
        process submits it, its outcome is waited for.
        """

    async def again(self, entry: Entry, *, submitted_at: float | None = None) -> bool:
        """Record the user's decision to submit once more; return False and change nothing if `entry` has changed."""

    def is_held(self, key: str) -> bool:
        """Whether no other process could regard the submission with this key as abandoned since it was begun here."""

    async def hold(self, key: str) -> bool:
        """Make sure that no other process can; False if another one has ended or repeated the submission."""

    async def accept(self, key: str, *, task_id: str, created_at: float | None, token: str | None = None) -> None:
        """Record the id of a task that now exists; `created_at` is None if the user gave the id."""

    async def refuse(self, key: str, reason: str) -> None:
        """Record that nothing was created, unless another process has ended or repeated the submission meanwhile."""

    async def doubt(self, key: str, reason: str) -> None:
        """Record that it is not known whether a task was created, unless another process knows it meanwhile."""

    async def reinstate(self, entry: Entry) -> None:
        """Record that the repeated submission was not created, and restore the entry from before it."""

    async def end(self, key: str, task: Task, *, assets: tuple[Asset, ...] | None = None) -> None:
        """Record a final status, and the URLs of the files, unless another task stands under the key.

        Where none stands there, nothing is recorded of a task that was accepted before the submission was recorded, or
        of which that is not known: it is an older one's.

        Of several files some may be on disk already: `assets` then has a path for those.
        """

    async def deliver(
        self, key: str, assets: tuple[Asset, ...], *, task: Task | None = None, delivered_at: float | None = None
    ) -> None:
        """Record the files that are on disk, and their task's end, unless `end` would record nothing of the task.

        The end that was recorded first stays.
        """

    async def find(self, key: str) -> Entry | None:
        """Return the entry with this key; while another process submits it, wait for its outcome."""

    async def key_of(self, task_id: str) -> str | None:
        """Return the key of a submission that has this task; None if none has."""

    @property
    def is_shared(self) -> bool:
        """Whether other processes may write it at the same time."""

    async def take(self, task_id: str) -> Entry | None:
        """Wait for a task, and return None; or return its entry, if another process waits for it or it has ended."""

    async def leave(self, task_id: str, *, is_given_up: bool = False) -> None:
        """Wait for a task no more, so that another process may.

        If the wait was given up, `take_over` returns the task here only after a pause, which doubles each time.
        """

    async def take_over(self, most: int) -> dict[str, str]:
        """Wait for at most `most` tasks for which no live process waits; return their ids by key."""

    async def leave_all(self) -> None:
        """Wait for no task any more, so that other processes may."""

    def entries(self, states: Collection[State] = tuple(State)) -> AsyncIterator[Entry]:
        """Yield the entries in these states, in the order of submission. Only a few are in memory at once.

        Entries that another live process submits or waits for are left out.
        """

    async def is_new(self) -> bool:
        """Whether it has no entries."""

    async def duration_history(self) -> dict[str, Any]:
        """Return the learned durations of each kind of task, in the form in which earlier sessions saved them."""

    async def save_duration_history(self, learnt: Mapping[str, str]) -> None:
        """Record learned durations, separately from submissions, so that no submission can fail with them."""

    async def callback_secret(self) -> bytes:
        """Return the random bytes from which callback paths are derived. They are always the same for a journal."""


class NoJournal:
    """Records nothing, so that a session that remembers no keys runs the same code as one with a journal."""

    keeps_entries = False

    async def begin(self, _entry: Entry) -> Entry | None:
        """Allow every submission."""
        return None

    async def again(self, _entry: Entry, *, submitted_at: float | None = None) -> bool:
        """Return False: there is nothing to submit once more."""
        return False

    def is_held(self, _key: str) -> bool:
        """Return True: no other process knows of it."""
        return True

    async def hold(self, _key: str) -> bool:
        """Return True: no other process knows of it."""
        return True

    async def accept(self, key: str, *, task_id: str, created_at: float | None, token: str | None = None) -> None:
        """Keep nothing."""

    async def refuse(self, key: str, reason: str) -> None:
        """Keep nothing."""

    async def doubt(self, key: str, reason: str) -> None:
        """Keep nothing."""

    async def reinstate(self, entry: Entry) -> None:
        """Keep nothing."""

    async def end(self, key: str, task: Task, *, assets: tuple[Asset, ...] | None = None) -> None:
        """Keep nothing."""

    async def deliver(
        self, key: str, assets: tuple[Asset, ...], *, task: Task | None = None, delivered_at: float | None = None
    ) -> None:
        """Keep nothing."""

    async def find(self, _key: str) -> Entry | None:
        """Find nothing."""
        return None

    async def key_of(self, task_id: str) -> None:
        """Find nothing."""

    is_shared = False

    async def take(self, _task_id: str) -> None:
        """Wait for a task, as no other process does."""

    async def leave(self, task_id: str, *, is_given_up: bool = False) -> None:
        """Do nothing."""

    async def take_over(self, _most: int) -> dict[str, str]:
        """Return nothing."""
        return {}

    async def leave_all(self) -> None:
        """Do nothing."""

    async def entries(self, states: Collection[State] = tuple(State)) -> AsyncIterator[Entry]:
        """Yield nothing."""
        nothing: tuple[Entry, ...] = ()
        for entry in nothing:
            yield entry

    async def is_new(self) -> bool:
        """Return True: nothing is kept."""
        return True

    async def duration_history(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    async def save_duration_history(self, learnt: Mapping[str, str]) -> None:
        """Keep nothing."""

    async def callback_secret(self) -> bytes:
        """Return new random bytes, because no later session knows these submissions."""
        return secrets.token_bytes()
