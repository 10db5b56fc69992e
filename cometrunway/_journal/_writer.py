"""The thread that writes a journal. Changes that come at the same time share a commit, and no fact is dropped."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from typing import Any, TypeVar

from attrs import define

from cometrunway.errors import JournalError

_logger = logging.getLogger(__name__)
_BETWEEN_RETRIES = 1.0
"""Seconds between two attempts to write what could not be written."""
_CYCLE = 0.005
"""The shortest time from the beginning of a commit to the next. Changes in between share one commit."""
_T = TypeVar("_T")
Operation = Callable[[Any], Any]
"""A function that runs with the connection of a store."""
Commit = Callable[[list[Operation]], list[Any]]
"""Runs operations durably, in the thread, and returns their results. An exception is the result of one operation."""


@define(kw_only=True, eq=False, repr=False)
class _Job:
    operation: Operation
    outcome: "asyncio.Future[Any]"
    is_fact: bool
    """Whether it records what has happened already. Such an operation is kept until it is written."""
    token: str | None
    """The token of the task whose id it records, if the id is not recorded yet."""


class Writer:
    """Runs operations in a thread, in order. Those that wait at the same time are one commit.

    A fact that could not be written is kept and tried again every second, before anything newer.
    """

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cometrunway journal")
        self._waiting: list[_Job] = []
        self._unwritten: list[_Job] = []
        """Facts that could not be written yet, the oldest first."""
        self._retry: asyncio.TimerHandle | None = None
        self._next: asyncio.Handle | None = None
        self._next_at = 0.0
        """The time of the event loop at which the next commit may begin."""
        self._is_unavailable = False
        self._under_way: asyncio.Future[Any] | None = None
        """The work of the thread whose outcome is not yet processed."""
        self.is_closed = False

    @property
    def unrecorded(self) -> tuple[str, ...]:
        """The tokens of tasks whose ids are not recorded."""
        return tuple(job.token for job in self._unwritten if job.token)

    async def run(self, work: Callable[..., _T], *arguments: Any) -> _T:
        """Run something else in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def write(self, operation: Callable[[Any], _T], *, is_fact: bool = False, token: str | None = None) -> _T:
        """Return an operation's result when it is durable.

        Raises:
            JournalError: it failed. A fact is kept, and written later.
        """
        future = asyncio.get_running_loop().create_future()
        job = _Job(operation=operation, outcome=future, is_fact=is_fact, token=token)
        self._waiting.append(job)
        self._flush_soon()
        try:
            outcome: _T = await future
        except asyncio.CancelledError:
            if not is_fact and job in self._waiting:  # an operation that was not begun is dropped
                self._waiting.remove(job)
            raise
        return outcome

    async def settle(self) -> None:
        """Write all waiting operations, and try again to write what could not be written."""
        await self._idle()
        self._flush()
        await self._idle()

    async def close(self, work: Callable[[], None]) -> None:
        """Run the last work of the thread. Nothing is written after it."""
        self.is_closed = True
        if self._retry is not None:
            self._retry.cancel()
        closing = self._in_thread(work)
        self._thread.shutdown(wait=False)
        await self._idle()
        closing.result()

    async def _idle(self) -> None:
        """Write all waiting operations, and only then pass on a cancellation, because the id of a task may wait."""
        try:
            while self._waiting or self._under_way is not None:
                self._flush()
                if self._under_way is not None:
                    await asyncio.wait([self._under_way])
                    await asyncio.sleep(0)  # until its outcome is processed
        except asyncio.CancelledError:
            await self._idle()
            raise

    def _flush_soon(self) -> None:
        """Begin a commit as soon as possible, but not at once, so that it has all operations of the loop's turn."""
        if self._next is None and self._under_way is None:
            loop = asyncio.get_running_loop()
            is_free = self._next_at <= loop.time()
            self._next = loop.call_soon(self._flush) if is_free else loop.call_at(self._next_at, self._flush)

    def _flush(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        jobs = [*self._unwritten, *self._waiting]
        if not jobs or self._under_way is not None:
            return
        self._unwritten, self._waiting = [], []
        self._next_at = asyncio.get_running_loop().time() + _CYCLE
        commit = self._in_thread(self._commit, [job.operation for job in jobs])
        commit.add_done_callback(lambda done: self._on_commit(jobs, done))

    def _in_thread(self, work: Callable[..., _T], *arguments: Any) -> "asyncio.Future[_T]":
        """Start work in the thread. To keep the order, no other work starts until its outcome is processed."""
        self._under_way = future = asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        future.add_done_callback(self._on_done)
        return future

    def _on_done(self, _future: object) -> None:
        self._under_way = None

    def _on_commit(self, jobs: list[_Job], done: "asyncio.Future[list[Any]]") -> None:
        error = None if done.cancelled() else done.exception()
        if error is None:
            self._is_unavailable = False
            if self._waiting:
                self._flush_soon()
        else:
            self._keep([job for job in jobs if job.is_fact], error)
            if self._waiting:
                self._flush_soon()
        for number, job in enumerate(jobs):
            if job.outcome.done():
                continue
            outcome = error or done.result()[number]
            if isinstance(outcome, BaseException):
                job.outcome.set_exception(_own(outcome))
            else:
                job.outcome.set_result(outcome)

    def _keep(self, facts: list[_Job], error: BaseException) -> None:
        """Keep the operations that could not be written, and try again soon."""
        self._unwritten = facts
        if not self._is_unavailable:
            _logger.warning("%s", error)
        self._is_unavailable = True
        if self._retry is not None:
            self._retry.cancel()
        if facts and not self.is_closed:
            self._retry = asyncio.get_running_loop().call_later(_BETWEEN_RETRIES, self._flush)


def _own(error: BaseException) -> BaseException:
    """Return a copy of an error. Each of several submissions that it ends gets its own, which names its task."""
    if not isinstance(error, JournalError):
        return error
    own = copy(error)
    own.__cause__ = error.__cause__
    return own
