"""What a journal still owes, taken up: all at once, or as places become free."""

from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from typing import Any

from attrs import field, frozen

from cometrunway._handle import TaskHandle


@frozen(kw_only=True)
class Resumption:
    """What `Session.resume` returns.

    Awaited, it takes up everything, and gives the handles in the order of submission. Iterated, it takes up at most
    `max_in_flight` tasks at once, and yields handles in the order of their ends.
    """

    _at_once: Callable[[], Coroutine[Any, Any, tuple[TaskHandle, ...]]] = field(repr=False)
    _in_turn: Callable[[], AsyncIterator[TaskHandle]] = field(repr=False)

    def __await__(self) -> Generator[Any, None, tuple[TaskHandle, ...]]:
        return self._at_once().__await__()

    def __aiter__(self) -> AsyncIterator[TaskHandle]:
        return self._in_turn()
