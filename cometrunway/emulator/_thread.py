"""Runs a server in a thread with its own event loop, for synchronous code."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial
from threading import Thread
from typing import Any, TypeVar

_Server = TypeVar("_Server", bound=AbstractAsyncContextManager[Any, None])
_Opened = Future[Callable[[], object]]
"""How to close what was opened; or why it could not be opened."""


@contextmanager
def open_in_thread(server: _Server, *, name: str) -> Iterator[_Server]:
    """Enter `server` in a new thread, and leave it at the end of the block. Raise the error of entering."""
    opened: _Opened = Future()
    thread = Thread(target=lambda: asyncio.run(_hold_open(server, opened)), name=name, daemon=True)
    thread.start()
    close = opened.result()
    try:
        yield server
    finally:
        close()
        thread.join()


async def _hold_open(server: AbstractAsyncContextManager[Any, None], opened: _Opened) -> None:
    closing = asyncio.Event()
    try:
        async with server:
            opened.set_result(partial(asyncio.get_running_loop().call_soon_threadsafe, closing.set))
            await closing.wait()
    except BaseException as error:
        if opened.done():
            raise
        opened.set_exception(error)
