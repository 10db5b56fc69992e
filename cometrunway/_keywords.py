"""The hint of Python 3.13 for a misspelt keyword argument, in the versions before it."""

import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import wraps
from inspect import iscoroutinefunction, isfunction, signature
from typing import Any, TypeVar

_Class = TypeVar("_Class", bound=type)


def hints_keywords(cls: _Class) -> _Class:
    """Let the constructor of a class, and its public methods with options, tell which keyword a misspelt one means.

    `Session(ouput_dir="clips")` is then a `TypeError` that ends with "Did you mean 'output_dir'?". From Python 3.13 on,
    Python does so for every function.
    """
    if sys.version_info < (3, 13):
        for name, member in list(vars(cls).items()):
            has_options = isfunction(member) and member.__kwdefaults__ is not None and not name.startswith("_")
            if has_options or (name == "__init__" and isfunction(member)):
                setattr(cls, name, _hinting(member))
    return cls


def _hinting(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def hinting(*args: Any, **given: Any) -> Any:
        __tracebackhide__ = True  # in pytest, which would show the arguments, and so a key
        try:
            return function(*args, **given)
        except TypeError as error:
            hint = _hint(function, given)
            if not hint:
                raise
            raise TypeError(f"{error}{hint}") from None

    @wraps(function)
    async def awaited(*args: Any, **given: Any) -> Any:
        __tracebackhide__ = True
        return await hinting(*args, **given)

    return awaited if iscoroutinefunction(function) else hinting


def _hint(function: Callable[..., Any], given: Mapping[str, Any]) -> str:
    """Return a hint for the first keyword that the function does not have, which is the one that Python names."""
    known = signature(function).parameters
    misspelt = next((name for name in given if name not in known), "")
    close = get_close_matches(misspelt, known, n=1) if misspelt else []
    return f". Did you mean {close[0]!r}?" if close else ""
