"""Runs blocking work in threads. If a caller is cancelled, no thread remains."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


async def in_thread(work: Callable[[], _T]) -> _T:
    """Run blocking work in a thread. A caller that is cancelled leaves only when the thread has ended.

    The work may hold files of the caller's, or make some.
    """
    thread = asyncio.get_running_loop().run_in_executor(None, work)
    cancellation: asyncio.CancelledError | None = None
    while not thread.done():
        try:
            await asyncio.wait([thread])
        except asyncio.CancelledError as error:
            cancellation = error
    if cancellation is None or thread.cancelled():
        return thread.result()
    raise cancellation from thread.exception()
