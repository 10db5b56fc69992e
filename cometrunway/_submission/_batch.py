"""The batch of a user: handles in the order in which they end, a table, and counts."""

from collections import Counter
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, Protocol, Self

from cometrunway._async_only import AsyncOnly
from cometrunway._displays import Displayed, followed
from cometrunway._handle import TaskFuture, TaskHandle, handle_of
from cometrunway._outcome import Outcome
from cometrunway.errors import BudgetError, OutcomeUnknownError, TaskCancelledError, TaskFailedError

Take = Callable[[TaskFuture], None]
KEPT = 10_000
"""A batch keeps all unfinished shots, and at least this number of ended shots."""


class BatchFutures:
    """The futures of a batch, by the position of their requests."""

    def __init__(self, total: int | None = None) -> None:
        self.total = total
        """How many requests there are; None for an input that does not know its length."""
        self.are_all_kept = False
        self._futures: dict[int, TaskFuture] = {}
        self._forgotten: Counter[str] = Counter()
        self._is_complete = False
        self._followers: dict[object, tuple[Take, Callable[[], None]]] = {}

    def follow(self, take: Take, end: Callable[[], None]) -> Callable[[], None]:
        """Call `take` with each present and later future, and `end` after the last; return a function that stops it."""
        for future in self._futures.values():
            take(future)
        follower = object()
        if self._is_complete:
            end()
        else:
            self._followers[follower] = take, end
        return partial(self._unfollow, follower)

    def complete(self) -> None:
        """Record that there will be no more futures."""
        self._is_complete = True
        for _, end in tuple(self._followers.values()):
            end()

    def _unfollow(self, follower: object) -> None:
        self._followers.pop(follower, None)

    def add(self, place: int, future: TaskFuture) -> None:
        """Keep a future. If very many have ended, drop the first of them."""
        self._futures[place] = future
        for take, _ in tuple(self._followers.values()):
            take(future)
        if len(self._futures) >= 2 * KEPT and not self.are_all_kept:
            for ended in [place for place, future in self._futures.items() if future.done()][:-KEPT]:
                self._forgotten[outcome_of(self._futures.pop(ended)).status] += 1

    def in_order(self) -> list[TaskFuture]:
        """Return all futures, in the order of the requests."""
        if self._forgotten:
            raise RuntimeError(
                f"a batch keeps the last {KEPT:,} shots that have ended, and this one had "
                f"{self._forgotten.total():,} before them: await the batch and do not iterate over it, or read its "
                "journal"
            )
        return self.kept()

    def kept(self) -> list[TaskFuture]:
        """Return the futures that were not dropped, in the order of the requests."""
        return [self._futures[place] for place in sorted(self._futures)]

    @property
    def waiting(self) -> int:
        """How many requests have no task yet, if that is known."""
        return max(0, (self.total or 0) - len(self._futures) - self._forgotten.total())

    def counts(self) -> Counter[str]:
        """Return how many shots have each status."""
        return self._forgotten + Counter(outcome_of(future).status for future in self._futures.values())


class Submission(Protocol):
    """Submits the requests of a batch."""

    futures: BatchFutures

    async def next(self) -> TaskFuture | None:
        """Return a future when it is done, or None after the last one; raise the error that ended the input."""

    def warn_unread(self) -> None:
        """Warn that nothing was submitted, because the batch was never read."""

    def stop(self) -> None:
        """Take no more requests. It may be called from any thread."""


class Batch(AsyncOnly, Displayed):
    """Many requests in one session. `Session.map` returns it.

    `async for` yields the handle of each shot when its files are on disk or its failure is known. `await` waits for
    all, and returns their handles in the order of the requests. Nothing is submitted before one of these begins; a
    batch that is never read emits a `RuntimeWarning`. If the reader is cancelled, such as by the interrupt of a
    notebook, no handle is lost: the batch takes no further request until it is read again, and the session waits for
    what was submitted.
    """

    _how_to_read = "write `async for handle in batch`, or `handles = await batch`"

    def __init__(self, submission: Submission) -> None:
        self._submission = submission
        self._is_read = False
        self._is_closed = False

    @property
    def total(self) -> int | None:
        """How many requests there are; None for an input that does not know its length."""
        return self.futures.total

    @property
    def futures(self) -> BatchFutures:
        """The futures of the requests that were submitted so far."""
        return self._submission.futures

    @property
    def handles(self) -> tuple[TaskHandle, ...]:
        """The handles of the shots taken so far, ended or not, in the order of the requests.

        Raises:
            RuntimeError: more than 10,000 have ended, and the first of them were dropped.
        """
        return tuple(map(handle_of, self.futures.in_order()))

    @property
    def counts(self) -> dict[str, int]:
        """How many shots have each status of `to_records`; those without a task yet are `waiting`."""
        return dict(self.futures.counts() + Counter(waiting=self.futures.waiting))

    def to_records(self) -> list[dict[str, Any]]:
        """Return a plain dict for each shot taken so far, in the order of the requests, for a table.

        Each has `key`, `route`, `status` (`delivered`, `failed`, `cancelled`, `owed`, `in_doubt`, `refused`, or
        `waiting` if a budget kept it from being sent), `path` (of the first file, absolute, or its address in a bucket)
        and `paths`, `seconds` (from acceptance to the end), `reason` and `task_id`.

        Raises:
            RuntimeError: more than 10,000 have ended, and the first of them were dropped.
        """
        return [outcome_of(future).to_record() for future in self.futures.in_order()]

    def follow(self, take: Callable[[TaskHandle], None], end: Callable[[], None]) -> Callable[[], None]:
        """Call `take` with the handle of each present and later shot, and `end` when there will be no more.

        Returns a function that ends the calls. `Session.events` follows a batch with it.
        """
        return self.futures.follow(lambda future: take(handle_of(future)), end)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> TaskHandle:
        self._is_read = True
        future = None if self._is_closed else await followed(self._submission.next(), self.futures)
        if future is None:
            raise StopAsyncIteration
        return handle_of(future)

    def __await__(self) -> Generator[Any, None, tuple[TaskHandle, ...]]:
        return self._all().__await__()

    async def _all(self) -> tuple[TaskHandle, ...]:
        self.futures.are_all_kept = True
        async for _ in self:
            pass
        return self.handles

    async def aclose(self) -> None:
        """Take no more requests, and yield no more handles. The session waits for what was submitted."""
        self._is_closed = True
        self._submission.stop()

    def __del__(self) -> None:
        self._submission.stop()
        if not (self._is_read or self._is_closed):
            self._submission.warn_unread()

    def __repr__(self) -> str:
        counts = ", ".join(f"{number:,} {status}" for status, number in self.counts.items()) or "nothing submitted"
        return f"<Batch {counts}>"


def outcome_of(future: TaskFuture) -> Outcome:
    """Return the outcome of a task, or of a submission without a task."""
    error = future.exception() if future.done() and not future.cancelled() else None
    is_delivered = future.done() and not future.cancelled() and error is None
    return Outcome(
        key=future.key,
        route=future.route,
        task_id=future.id or None,
        status="delivered" if is_delivered else _status(future, error),
        assets=future.result() if is_delivered else (),
        seconds=future.task.seconds if future.task else None,
        reason=_reason(error),
    )


def _status(future: TaskFuture, error: BaseException | None) -> str:
    return status_after(error, has_task=bool(future.id))


def status_after(error: BaseException | None, *, has_task: bool) -> str:
    """Return the status of a shot without files, as `Outcome` has it; `error` is why there are none, if known."""
    if isinstance(error, TaskFailedError):
        return "failed"
    if isinstance(error, TaskCancelledError):
        return "cancelled"
    if isinstance(error, OutcomeUnknownError):
        return "in_doubt"
    if isinstance(error, BudgetError):
        return "waiting"
    return "owed" if has_task else "refused"


def _reason(error: BaseException | None) -> str | None:
    if isinstance(error, TaskFailedError | TaskCancelledError) and error.task.failure:
        return str(error.task.failure)
    return None if error is None else str(getattr(error, "message", error))
