"""An event loop with a virtual clock, which jumps to the next timer when nothing else can happen before it."""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any


class _JumpingSelector(selectors.DefaultSelector):
    """Polls real sockets. Instead of waiting for a timer it advances the loop's clock."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or timeout == 0:
            return events
        if timeout is None or self.loop.threads:
            return super().select(timeout)
        self.loop.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop for simulations. Waiting takes no real time, and the same program always does the same steps.

    `asyncio.Runner(loop_factory=VirtualLoop)` runs a coroutine on it. The emulator and its clients must run on the same
    loop. Sockets within one thread work, because loopback delivers at once. The clock begins at 0. It does not advance
    while the loop's executor works.
    """

    def __init__(self) -> None:
        selector = _JumpingSelector()
        super().__init__(selector)
        selector.loop = self
        self.now: float = 0.0
        self.threads: int = 0

    def time(self) -> float:
        return self.now

    def run_in_executor(  # type: ignore[override]  # typeshed's own is stricter than the protocol needs
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        self.threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_ended)
        return future

    async def shutdown_default_executor(self, *_: Any) -> None:
        self.threads += 1  # joining the threads happens in a thread of its own
        try:
            await super().shutdown_default_executor()
        finally:
            self.threads -= 1

    def _thread_ended(self, _future: object) -> None:
        self.threads -= 1
