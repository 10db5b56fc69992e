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
    Python does so for every function. Before, async methods do not: each of their tracebacks would have one frame more.
    """
    if sys.version_info < (3, 13):
        for name, member in list(vars(cls).items()):
            if isfunction(member) and (name == "__init__" or _is_public_with_options(name, member)):
                setattr(cls, name, _hinting(member))
    return cls


def _is_public_with_options(name: str, method: Callable[..., Any]) -> bool:
    has_options = getattr(method, "__kwdefaults__", None) is not None
    return has_options and not name.startswith("_") and not iscoroutinefunction(method)


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

    return hinting


def _hint(function: Callable[..., Any], given: Mapping[str, Any]) -> str:
    """Return a hint for the first keyword that the function does not have, which is the one that Python names."""
    known = signature(function).parameters
    misspelt = next((name for name in given if name not in known), "")
    close = get_close_matches(misspelt, known, n=1) if misspelt else []
    return f". Did you mean {close[0]!r}?" if close else ""
