"""The durable record of what was paid for, for the event loop."""

import asyncio
import json
import logging
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Self, TypeVar

from attrs import asdict, frozen

from cometrunway._async_only import AsyncContext
from cometrunway._journal._commit import Change, Write
from cometrunway._journal._entry import ENDS, Entry, State, assets_to_json, storable
from cometrunway._journal._place import Place
from cometrunway._journal._pruned import Pruned, check_dates
from cometrunway._journal._store import Store
from cometrunway._journal._writer import Writer
from cometrunway._plurals import counted
from cometrunway._tasks import Asset, Task
from cometrunway.errors import JournalError, JournalInUseError, JournalUnavailableError

_logger = logging.getLogger(__name__)
_BETWEEN_LOCK_TRIES = 0.1
"""Seconds."""
_BETWEEN_LOOKUPS = 0.25
"""Seconds between two checks while another process submits the same key."""
_PAGE = 250
"""The number of rows that are read at once. Commits wait for this time, some milliseconds."""
_T = TypeVar("_T")


@frozen(kw_only=True)
class _Begun:
    """A submission under way."""

    submitted_at: float | None
    moment: float
    """A moment since which no other process could change it, as far as the store says."""


class StoredJournal(AsyncContext):
    """The submissions of one or more runs, in a store.

    A change is durable when its method returns. Changes that come while a commit is under way share the next one.

    A fact (an id, an outcome, a file) is never dropped. If it cannot be written, its method raises, and the fact
    is kept in memory and written as soon as possible, before anything newer. Ids that are still unwritten when
    the journal is closed are written to standard error and into a `JournalError`, as tokens.

    Args:
        place: the place of the journal.
        store: the store that keeps the entries.
        wait: seconds to wait, on entering, while it cannot be opened.
    """

    keeps_entries = True
    """As of every journal in a store."""

    def __init__(self, place: Place, store: Store, *, wait: float) -> None:
        self.place: Place = place
        self._wait = wait
        self._store = store
        self._writer = Writer(store.commit)
        self._begun: dict[str, _Begun] = {}
        """The submissions under way, by key."""

    async def __aenter__(self) -> Self:
        try:
            await self._locked()
            await self._writer.run(self._store.open)
        except BaseException:
            await self._writer.close(self._store.close)
            raise
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None = None, error: BaseException | None = None, _traceback: object = None
    ) -> None:
        try:
            await self._writer.settle()
        finally:
            try:
                await self._writer.close(self._store.close)
            finally:
                self._report_unrecorded(error)

    def _report_unrecorded(self, error: BaseException | None) -> None:
        tokens = self._writer.unrecorded
        if not tokens:
            return
        text = (
            f"{counted(len(tokens), 'task is', 'tasks are')} paid for and not recorded in the journal {self.place}, "
            f"which could not be written; session.attach takes each by its token: {' '.join(tokens)}"
        )
        _logger.critical("%s", text)
        with suppress(Exception):  # standard error may be closed, or on the same full disk
            sys.stderr.write(f"cometrunway: {text}\n")
            sys.stderr.flush()
        if error is not None:  # which leaves the block as it is
            error.add_note(text)
            return
        unrecorded = JournalUnavailableError(text)
        unrecorded.tokens = tokens
        raise unrecorded

    async def begin(self, entry: Entry) -> Entry | None:
        """Record that `entry` is about to be submitted, and return None; or return the entry that has its key already.

        A refused entry is replaced, also by another request. Any other entry is returned unchanged.
        """
        values = {
            "key": entry.key,
            "route": entry.route,
            "fingerprint": entry.fingerprint,
            "request": json.dumps(entry.request),
            "submitted_at": entry.submitted_at,
        }
        while True:
            begun = _Begun(submitted_at=entry.submitted_at, moment=self._store.moment())
            standing: Entry | None = await self._do(Change(entry.key, self._store.begin, values))
            if standing is None:
                self._begun[entry.key] = begun
            if standing is None or not _is_submitted_elsewhere(standing):
                return standing
            await asyncio.sleep(_BETWEEN_LOOKUPS)

    def is_held(self, key: str) -> bool:
        """Whether no other process could regard the submission with this key as abandoned since it was begun here."""
        begun = self._begun.get(key)
        return begun is None or self._store.is_held_since(begun.moment)

    async def hold(self, key: str) -> bool:
        """Make sure that no other process can; False if another one has ended or repeated the submission.

        It asks nothing of the store unless another process could, as after a time in which this one was stopped.
        """
        if self.is_held(key):
            return True
        await self._writer.run(self._store.renew)
        if key not in self._begun:  # a callback has ended it meanwhile
            return False
        begun = _Begun(submitted_at=self._begun[key].submitted_at, moment=self._store.moment())
        self._begun[key] = begun
        is_under_way = await self._do(lambda connection: self._store.is_under_way(connection, key, begun.submitted_at))
        return is_under_way and self.is_held(key)

    async def accept(self, key: str, *, task_id: str, created_at: float | None, token: str | None = None) -> None:
        """Record the id of a task that now exists; `token` is the task's token for `Session.attach`."""
        begun_at = self._pop_begun_at(key)
        await self._change(
            self._store.accept,
            token=token,
            key=key,
            task_id=task_id,
            created_at=created_at,
            submitted_at=begun_at,
        )

    async def refuse(self, key: str, reason: str) -> None:
        """Record that nothing was created, unless another process has ended or repeated the submission meanwhile."""
        await self._stop(key, State.REFUSED, reason)

    async def doubt(self, key: str, reason: str) -> None:
        """Record that it is not known whether a task was created, unless another process knows it meanwhile."""
        await self._stop(key, State.IN_DOUBT, reason)

    async def _stop(self, key: str, state: State, reason: str) -> None:
        begun_at = self._pop_begun_at(key)
        await self._change(self._store.stop, key=key, state=state.value, reason=reason, submitted_at=begun_at)

    def _pop_begun_at(self, key: str) -> float | None:
        """Return when the submission under way was begun, and forget it; None if none is under way here."""
        begun = self._begun.pop(key, None)
        return None if begun is None else begun.submitted_at

    async def end(self, key: str, task: Task, *, assets: tuple[Asset, ...] | None = None) -> None:
        """Record a final status, and the files; those in `assets` that have a path are on disk."""
        known = tuple(Asset(url=url) for url in task.outputs) if assets is None else assets
        await self._change(
            self._store.end,
            key=key,
            state=ENDS[task.status].value,
            task_id=task.id,
            accepted_at=_seconds(task.accepted_at),
            ended_at=_seconds(task.ended_at),
            failure=task.failure and json.dumps(asdict(task.failure)),
            assets=assets_to_json(known, self._store.folders),
        )

    async def deliver(
        self, key: str, assets: tuple[Asset, ...], *, task: Task | None = None, delivered_at: float | None = None
    ) -> None:
        """Record the files that are on disk, and the end of their task if it is not recorded yet."""
        await self._change(
            self._store.deliver,
            key=key,
            task_id=task and task.id,
            accepted_at=task and _seconds(task.accepted_at),
            ended_at=task and _seconds(task.ended_at),
            delivered_at=delivered_at,
            assets=assets_to_json(assets, self._store.folders),
        )

    async def resolve(self, key: str, *, task_id: str | None) -> None:
        """Record what the user found out about a submission in doubt: its task's id, or None if there is no task.

        Raises:
            ValueError: no submission with this key is in doubt, or the id belongs to another key.
        """
        entry = await self.find(key)
        if entry is None or not (entry.is_in_doubt or entry.has_reported_id):
            raise ValueError(
                f"nothing is in doubt under the key {key!r}" + (f": it is {entry.state.value}" if entry else "")
            )
        key = entry.key  # which may have been an alias
        if task_id is None:
            await self.refuse(key, "not created, as the user found out")
        else:
            other = await self.key_of(task_id)
            if other not in (None, key):
                raise ValueError(f"the id {task_id!r} belongs to the submission {other!r}")
            await self.accept(key, task_id=task_id, created_at=None)

    async def again(self, entry: Entry, *, submitted_at: float | None = None) -> bool:
        """Record the user's decision to submit once more; return False and change nothing if `entry` has changed."""
        begun = _Begun(submitted_at=submitted_at, moment=self._store.moment())
        is_begun = await self._do(lambda connection: self._store.again(connection, entry, submitted_at))
        if is_begun:
            self._begun[entry.key] = begun
        return is_begun

    async def reinstate(self, entry: Entry) -> None:
        """Record that the repeated submission was not created, and restore the entry from before it."""
        self._begun.pop(entry.key, None)
        await self._change(
            self._store.reinstate,
            key=entry.key,
            state=entry.state.value,
            task_id=entry.task_id,
            submitted_at=entry.submitted_at,
            created_at=entry.created_at,
            ended_at=entry.ended_at,
            reason=entry.reason,
            failure=entry.failure and json.dumps(asdict(entry.failure)),
        )

    async def find(self, key: str) -> Entry | None:
        """Return the entry with this key."""
        while True:
            entry = await self._do(lambda _: self._store.records.find(key))
            if entry is None or not _is_submitted_elsewhere(entry):
                return entry
            await asyncio.sleep(_BETWEEN_LOOKUPS)

    @property
    def is_shared(self) -> bool:
        """Whether other processes may write it at the same time."""
        return self._store.is_shared

    async def take(self, task_id: str) -> Entry | None:
        """Wait for a task, and return None; or return its entry, if another process waits for it or it has ended."""
        if self._store.has_taken(task_id):
            return None
        return await self._do(lambda connection: self._store.take(connection, task_id))

    async def leave(self, task_id: str, *, is_given_up: bool = False) -> None:
        """Stop waiting for a task, so that another process can; this one only after a pause, if it has given up."""
        if self.is_shared:
            leave = partial(self._store.leave, task_id=task_id, is_given_up=is_given_up)
            await self._do(leave, is_fact=True)

    async def take_over(self, most: int) -> dict[str, str]:
        """Wait for at most `most` tasks for which no live process waits; return their ids by key."""
        return await self._do(lambda connection: self._store.take_over(connection, most))

    async def leave_all(self) -> None:
        """Stop waiting for all tasks, so that other processes can wait for them.

        For the end of a process: from then on, each change waits a second at most for a server that is away.
        """
        self._store.shorten_waits()
        await self._do(self._store.leave_all)

    async def key_of(self, task_id: str) -> str | None:
        """Return the key of a submission that has this task; None if none has. It reads all of the journal."""
        keys = await self._do(lambda _: self._store.records.keys_of_task(task_id))
        return keys[0] if keys else None

    async def entries(self, states: Collection[State] = tuple(State)) -> AsyncIterator[Entry]:
        """Yield the entries in these states, in the order of submission. Changes during the iteration may be seen."""
        last = 0
        while True:
            page = await self._do(partial(self._page, states, last))
            for entry in page:
                yield entry
            if len(page) < _PAGE:
                return
            last = page[-1].number

    async def is_new(self) -> bool:
        """Return whether nothing was submitted with this journal yet."""
        return await self._do(lambda _: self._store.records.is_empty())

    def _page(self, states: Collection[State], after: int, _connection: object) -> list[Entry]:
        return list(self._store.records.entries(states, after=after, limit=_PAGE))

    async def prune(self, *, delivered_before: datetime, forget_keys_before: datetime | None = None) -> Pruned:
        """Make the journal smaller. It removes parts of submissions that were delivered long ago, and nothing else.

        Of a delivered submission it keeps the key, digest, task, times and files. So the same submission is not paid
        for again, and still returns its files. The request and the URLs are removed.

        Args:
            delivered_before: prune submissions that were delivered before this date; in a journal of an earlier
                version, those that were accepted before it.
            forget_keys_before: remove submissions that were delivered before this date completely. If they are
                submitted again, they are paid for again.

        Raises:
            ValueError: a date is in the future, or `forget_keys_before` is later than `delivered_before`.
            JournalError: the journal cannot be written. What was pruned so far stays pruned.
        """
        check_dates(delivered_before, forget_keys_before)
        await self._writer.settle()
        return await self._writer.run(self._store.prune, delivered_before, forget_keys_before)

    async def duration_history(self) -> dict[str, Any]:
        """Return the learned durations of each kind of task, in the form in which earlier sessions saved them."""
        return await self._do(self._store.durations)

    async def save_duration_history(self, learnt: Mapping[str, str]) -> None:
        """Record learned durations in a separate commit, so that no submission can fail with them."""
        await self._writer.run(self._store.commit, [lambda connection: self._store.save_durations(connection, learnt)])

    async def callback_secret(self) -> bytes:
        """Return the random bytes from which callback paths are derived; the first call makes them."""
        fresh = secrets.token_bytes()
        return await self._do(lambda connection: self._store.callback_secret(connection, fresh))

    async def _change(self, write: Write, *, key: str, token: str | None = None, **values: object) -> None:
        """Record a fact: a change of one submission."""
        stored = {name: storable(value) for name, value in values.items()}
        await self._do(Change(key, write, {"key": storable(key), **stored}), is_fact=True, token=token)

    async def _do(self, operation: Callable[[Any], _T], *, is_fact: bool = False, token: str | None = None) -> _T:
        if self._writer.is_closed:
            raise JournalError(f"the journal {self.place} is no longer open")
        return await self._writer.write(operation, is_fact=is_fact, token=token)

    async def _locked(self) -> None:
        """Take the lock for writing. Wait until the process that has it has ended."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._wait
        while True:
            try:
                await self._writer.run(self._store.lock)
            except (JournalInUseError, JournalUnavailableError):
                if loop.time() >= until:
                    raise
                await asyncio.sleep(_BETWEEN_LOCK_TRIES)
            else:
                return


def _is_submitted_elsewhere(entry: Entry) -> bool:
    """Whether another process is submitting it, so that its outcome must be waited for."""
    return entry.is_held and entry.state is State.SUBMITTING


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
