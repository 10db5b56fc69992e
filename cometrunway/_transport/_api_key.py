"""The key of API calls: given once, or by a function that is called again when the key is refused."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from inspect import isawaitable

_logger = logging.getLogger(__name__)
_SECONDS = 30.0
"""For how long a function may run."""
KeyFunction = Callable[[], str | Awaitable[str]]


class ApiKey:
    """The key, as it is now.

    Args:
        source: the key, or a function that returns it: a coroutine function, or a plain one that does not block.
        check: returns the key in the form that is sent; raises `ValueError` if it is no key.
    """

    def __init__(self, source: str | KeyFunction, *, check: Callable[[object], str]) -> None:
        self._function = source if callable(source) else None
        self._check = check
        self.value = "" if callable(source) else check(source)
        self.number = 0
        """How many other keys there were before."""

    async def ask(self) -> None:
        """Call the function, if there is one, and use the key that it returns; raise what it raises."""
        if self._function is None:
            return
        async with asyncio.timeout(_SECONDS):
            given = self._function()
            key = self._check(await given if isawaitable(given) else given)
        if key != self.value:
            self.value = key
            self.number += 1

    async def ask_again(self) -> None:
        """Do so after the key was refused; only log an error of the function, for the caller raises the refusal."""
        try:
            await self.ask()
        except Exception as error:  # noqa: BLE001 - the user's function may raise anything, with a key in its text
            _logger.error("api_key failed with %s; the key stays as it is", type(error).__name__)  # noqa: TRY400
