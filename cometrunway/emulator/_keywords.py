"""The hint of Python 3.13 for a misspelt option, in the versions before it."""

import sys
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from typing import Any, TypeVar

_Class = TypeVar("_Class", bound=type)


def hints_keywords(cls: _Class) -> _Class:
    """Let the constructor of a class end the `TypeError` of a misspelt option with the option that is meant."""
    if sys.version_info < (3, 13):
        _hint_at_options(cls)
    return cls


def _hint_at_options(cls: Any) -> None:
    init = cls.__init__

    @wraps(init)
    def hinting(self: object, *args: Any, **given: Any) -> None:
        __tracebackhide__ = True  # in pytest, where the user's line is what is wrong
        try:
            init(self, *args, **given)
        except TypeError as error:
            known = signature(init).parameters
            misspelt = [name for name in given if name not in known]
            close = get_close_matches(misspelt[0], known, n=1) if misspelt else []
            if not close:
                raise
            raise TypeError(f"{error}. Did you mean {close[0]!r}?") from None

    cls.__init__ = hinting
