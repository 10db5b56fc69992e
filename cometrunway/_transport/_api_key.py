"""The key of API calls: a fixed one, or the result of a function that is called again when the key is refused."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from inspect import isawaitable

_logger = logging.getLogger(__name__)
_SECONDS = 30.0
"""The longest time that the function may take, in seconds."""
KeyFunction = Callable[[], str | Awaitable[str]]


class ApiKey:
    """The present key.

    Args:
        source: the key, or a function that returns it: a coroutine function, or a plain one that does not block.
        check: returns the key in the form that is sent; raises `ValueError` if it is no key.
        origin: where it came from, in words: an option or a variable.
    """

    def __init__(self, source: str | KeyFunction, *, check: Callable[[object], str], origin: str = "api_key") -> None:
        self.origin = origin
        self._function = source if callable(source) else None
        self._check = check
        self.value = "" if callable(source) else check(source)
        self.number = 0
        """How many times the key has changed."""

    async def ask(self) -> None:
        """Call the function, if there is one, and use the key that it returns. Its errors are raised."""
        if self._function is None:
            return
        async with asyncio.timeout(_SECONDS):
            given = self._function()
            key = self._check(await given if isawaitable(given) else given)
        if key != self.value:
            self.value = key
            self.number += 1

    async def ask_again(self) -> None:
        """Do the same after the key was refused, but only log the function's errors: the caller raises the refusal."""
        try:
            await self.ask()
        except Exception as error:  # noqa: BLE001 - the user's function may raise anything, with a key in its text
            _logger.error("api_key failed with %s; the key stays as it is", type(error).__name__)  # noqa: TRY400
