"""Continues the unfinished tasks of a journal: all at once, or as places in flight become free."""

from collections.abc import Generator
from typing import Any

from attrs import define, field

from cometrunway._async_only import AsyncOnly
from cometrunway._callers import Caller
from cometrunway._handle import TaskHandle, handle_of
from cometrunway._journal._entry import OWED
from cometrunway._journal._protocol import JournalProtocol
from cometrunway._submission._batch import Batch
from cometrunway._submission._existing import ExistingTasks
from cometrunway._submission._map import BatchSubmission
from cometrunway._submission._submitter import Submitter
from cometrunway._task_group import BackgroundTasks


@define(kw_only=True, eq=False, repr=False)
class Resumption(AsyncOnly):
    """The unfinished tasks of the journal. `Session.resume` returns it.

    `await` continues all of them, and returns their handles in the order of submission. `async for` continues at most
    `max_in_flight` at once, and yields handles in the order in which they end. If neither is done, nothing is
    continued, and a `RuntimeWarning` says so.
    """

    _how_to_read = "write `async for handle in session.resume()`, or `handles = await session.resume()`"

    _journal: JournalProtocol
    _existing: ExistingTasks
    _submitter: Submitter
    _background: BackgroundTasks
    _caller: Caller = field(init=False, factory=Caller.nearest)
    _is_read: bool = field(init=False, default=False)

    def __await__(self) -> Generator[Any, None, tuple[TaskHandle, ...]]:
        self._is_read = True
        return self._at_once().__await__()

    def __aiter__(self) -> Batch:
        self._is_read = True
        owed = self._journal.entries(OWED)
        return Batch(BatchSubmission(requests=owed, submitter=self._submitter, background=self._background))

    def __del__(self) -> None:
        if not self._is_read:
            self._caller.warn(
                f"session.resume() was never read, so that nothing continues: {self._how_to_read}", RuntimeWarning
            )

    async def _at_once(self) -> tuple[TaskHandle, ...]:
        futures = [await self._existing.take_up(entry) async for entry in self._journal.entries(OWED)]
        return tuple(map(handle_of, futures))
