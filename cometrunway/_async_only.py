"""Values that must be awaited, or used with `async for` or `async with`, with an error that says so."""

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn


class AsyncOnly:
    """A value that a plain `for`, an unpacking or an index cannot read: each is a `TypeError` with the cure."""

    __slots__ = ()

    _how_to_read: ClassVar[str]
    """The cure."""

    if not TYPE_CHECKING:  # a type checker finds the mistake by itself

        def __iter__(self) -> NoReturn:
            raise TypeError(f"{_named(self)} is not iterable: {self._how_to_read}")

        def __getitem__(self, _index: Any) -> NoReturn:
            raise TypeError(f"{_named(self)} has no items: {self._how_to_read}")


class AsyncContext:
    """A context manager of `async with`. With a plain `with` it is a `TypeError` with the cure."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __enter__(self) -> NoReturn:
            raise TypeError(f"{_named(self)} needs `async with`, within an `async def` function")

        def __exit__(self, *_: object) -> None:
            """Do nothing: `with` looks for this method before it calls `__enter__`."""


def _named(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
