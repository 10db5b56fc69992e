"""One time limit for many concurrent blocks, with a single timer."""

import asyncio
from types import TracebackType


class TimeLimit:
    """Ends a block that takes too long with TimeoutError. Many asyncio tasks may be in a block, each in only one.

    One timer for all blocks costs less. A timer for each block needs up to a tenth of the CPU of a poll.

    Args:
        seconds: the longest time that an asyncio task may be in the block.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._inside: dict[asyncio.Task[object], tuple[float, int]] = {}
        """The time at which each task entered, the earliest first, and its number of cancellations at that time."""
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101 - it is only entered in coroutines
        self._inside[task] = loop.time(), task.cancelling()
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._on_time, loop)

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - as in `__enter__`
        _, asked_before = self._inside.pop(task)
        if task not in self._late:
            return
        self._late.remove(task)
        # A cancellation from elsewhere must continue.
        if task.uncancel() <= asked_before and error_type is asyncio.CancelledError:
            raise TimeoutError from error

    def stop(self) -> None:
        """Stop the timer, unless a task is still in a block."""
        if self._timer is not None and not self._inside:
            self._timer.cancel()
            self._timer = None

    def _on_time(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        for task, (entered, _) in self._inside.items():
            if task in self._late:
                continue
            if loop.time() < entered + self._seconds:
                self._timer = loop.call_at(entered + self._seconds, self._on_time, loop)
                return
            self._late.add(task)
            task.cancel()
