"""The keys of a session without a journal."""

from collections import OrderedDict
from typing import Any

from attrs import evolve

from cometrunway._journal._entry import ENDS, Entry, State
from cometrunway._journal._protocol import NoJournal
from cometrunway._tasks import Asset, Task
from cometrunway.errors import KeyUsedError

KEPT = 10_000
"""How many entries are kept whose tasks have ended. Of the others, only the key is known."""
_ENDED = (State.DELIVERED, State.FAILED, State.CANCELLED)


class SessionKeys(NoJournal):
    """Keeps the entries of one session in memory, so that the session pays for each key once.

    An entry takes about 1.5 kilobytes. A key whose entry was dropped takes 76 bytes: a million keys take 76 MB.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        """The keys of the entries whose tasks have ended, in the order of their ends."""
        self._dropped: set[int] = set()

    async def begin(self, entry: Entry) -> Entry | None:
        """Return the entry that has the key already; None if the submission is new.

        Raises:
            KeyUsedError: the key has an entry that was dropped.
        """
        if _short(entry.key) in self._dropped:
            raise KeyUsedError(
                f"the key {entry.key!r} was submitted in this session before, and its task has ended. Without a "
                f"journal only the last {KEPT:,} ended tasks are known; nothing was sent. Use a journal: "
                "Session(journal=...). To pay again, use another key or Session(pay_again=True)",
                keys=(entry.key,),
            )
        standing = self._entries.get(entry.key)
        if standing is None:
            self._entries[entry.key] = entry
        return standing

    async def accept(self, key: str, *, task_id: str, created_at: float | None, token: str | None = None) -> None:
        """Note the id of a task that now exists."""
        self._change(key, state=State.ACCEPTED, task_id=task_id, created_at=created_at)

    async def refuse(self, key: str, reason: str) -> None:
        """Forget a submission that created nothing. Its key can be submitted again."""
        self._entries.pop(key, None)

    async def doubt(self, key: str, reason: str) -> None:
        """Note that it is not known whether a task was created."""
        self._change(key, state=State.IN_DOUBT, reason=reason)

    async def end(self, key: str, task: Task, *, assets: tuple[Asset, ...] | None = None) -> None:
        """Note a final status, and the files that are on disk already."""
        known = tuple(Asset(url=url) for url in task.outputs) if assets is None else assets
        if self._has(key, task):
            ended_at = task.ended_at and task.ended_at.timestamp()
            self._change(key, state=ENDS[task.status], failure=task.failure, ended_at=ended_at, assets=known)

    async def deliver(
        self, key: str, assets: tuple[Asset, ...], *, task: Task | None = None, delivered_at: float | None = None
    ) -> None:
        """Note the files that are on disk."""
        if task is not None and self._has(key, task):
            self._change(key, state=State.DELIVERED, delivered_at=delivered_at, assets=assets)

    async def find(self, key: str) -> Entry | None:
        """Return the entry with this key."""
        return self._entries.get(key)

    def _has(self, key: str, task: Task) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.task_id == task.id

    def _change(self, key: str, **values: Any) -> None:
        entry = self._entries.get(key)
        if entry is None:
            return
        self._entries[key] = entry = evolve(entry, **values)
        if entry.state in _ENDED:
            self._ended[key] = None
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        if len(self._ended) > KEPT:
            oldest, _ = self._ended.popitem(last=False)
            del self._entries[oldest]
            self._dropped.add(_short(oldest))


def _short(key: str) -> int:
    """Return 56 bits of a key. An integer of this size takes less memory than one of 64 bits."""
    return hash(key) >> 8
