"""A request and the caller's name for it."""

import re
import reprlib
from collections.abc import Coroutine, Mapping

from attrs import field, frozen

from cometrunway._keywords import hints_keywords
from cometrunway._requests._routes import Request

_LONGEST_KEY = 500

_UNFIT = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"


@hints_keywords
@frozen
class Shot:
    """A request and its key: your name for it, of 1 to 500 characters. Its files are named after the key."""

    key: str = field(validator=lambda _shot, _attribute, value: check_key(value))
    request: Request = field(validator=lambda _shot, _attribute, value: check_request(value))


def check_key(key: object) -> None:
    """Check that a key can be recorded, shown on one line and used as a file name; else `ValueError`."""
    is_text = isinstance(key, str) and not re.search(_UNFIT, key)
    if not is_text or not 0 < len(str(key)) <= _LONGEST_KEY:
        raise ValueError(
            f"key must be a text of 1 to {_LONGEST_KEY} characters without control characters, got {reprlib.repr(key)}"
        )


def check_request(request: object) -> None:
    """Check that this is a request; else `TypeError`."""
    if not isinstance(request, Request):
        raise TypeError(f"what is submitted must be a request such as ImageToVideo(...), got {got(request)}")


def got(item: object) -> str:
    """Return what was given in the place of a request, and what helps."""
    name = type(item).__name__
    match item:
        case Shot():
            told = "a Shot: write submit(shot.request, key=shot.key), or map([shot])"
        case str():
            told = f"the text {reprlib.repr(item)}: a prompt is a field of a request, as ImageToVideo(prompt_text=...)"
        case Mapping():
            told = f"a {name}: request_from_dict makes a request of one"
        case type() if issubclass(item, Request):
            told = f"the class {item.__name__}: write {item.__name__}(...)"
        case (_, Request()):
            told = f"a {name}: write Shot(key, request)"
        case list() | tuple():
            told = f"a {name}: map takes several requests, submit takes one"
        case Coroutine():
            item.close()  # else Python warns that it was never awaited
            told = "a coroutine: await it first"
        case _:
            told = name
    return told
