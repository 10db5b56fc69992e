"""What was sent for a task: its URLs, which an answer may repeat, are no outputs."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from cometrunway._media._urls import normalised_url

_DIGEST = "sha256"
_SCHEME = re.compile("(?:https?|data):", re.IGNORECASE)


class Sent:
    """The URLs and `data:` URLs of a request. Made for each poll, so they are looked at only where one is asked for.

    Args:
        asked: the request; or its description from a journal, which has of a signed URL only the digest.
        makes: what was asked for: `video` or `image`.
    """

    __slots__ = ("_asked", "makes")

    def __init__(self, asked: "attrs.AttrsInstance | Mapping[str, Any]", makes: str) -> None:
        self._asked = asked
        self.makes = makes

    def digests(self) -> frozenset[str]:
        """Return the digests of the URLs, as they were written and as they are normalised."""
        return frozenset(_digests(self._asked if isinstance(self._asked, Mapping) else attrs.asdict(self._asked)))


def digest(url: str) -> str:
    """Return the digest by which a URL is known."""
    return hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()


def _digests(value: object) -> Iterator[str]:
    if isinstance(value, str) and _SCHEME.match(value):
        yield digest(value)
        if normalised := normalised_url(value):
            yield digest(normalised)
    elif isinstance(value, Mapping):
        if isinstance(value.get(_DIGEST), str):
            yield value[_DIGEST]
        for member in value.values():
            yield from _digests(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _digests(member)
