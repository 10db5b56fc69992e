"""A request and the caller's name for it."""

import re
import reprlib

from attrs import field, frozen

from cometrunway._requests._routes import Request

_LONGEST_KEY = 500

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@frozen
class Shot:
    """A request and its key: your name for it, of 1 to 500 characters. Its files are named after the key."""

    key: str = field(validator=lambda _shot, _attribute, value: check_key(value))
    request: Request = field(validator=lambda _shot, _attribute, value: check_request(value))


def check_key(key: object) -> None:
    """Check that a key can be recorded, shown on one line and used as a file name; else `ValueError`."""
    is_text = isinstance(key, str) and not _UNFIT.search(key)
    if not is_text or not 0 < len(str(key)) <= _LONGEST_KEY:
        raise ValueError(
            f"key must be a text of 1 to {_LONGEST_KEY} characters without control characters, got {reprlib.repr(key)}"
        )


def check_request(request: object) -> None:
    """Check that this is a request; else `TypeError`."""
    if not isinstance(request, Request):
        raise TypeError(
            f"what is submitted must be a request such as ImageToVideo(...), got {type(request).__name__}; "
            "request_from_dict makes one from a dict"
        )
