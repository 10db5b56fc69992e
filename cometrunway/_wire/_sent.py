"""What was sent for a task: its URLs and files, which an answer may repeat, are no outputs."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import attrs

from cometrunway._media._urls import normalised_url, scheme, without_query

_DIGEST = "sha256"
_STANDARD = bytes.maketrans(b"-_", b"+/")


class Sent:
    """The URLs and files of a request. Made for each poll, so they are looked at only where one is asked for.

    Args:
        asked: the request; or its description from a journal, which has of a file and of a signed URL only the digest.
        makes: what was asked for: `video` or `image`.
    """

    __slots__ = ("_asked", "_known", "makes")

    def __init__(self, asked: "attrs.AttrsInstance | Mapping[str, Any]", makes: str) -> None:
        self._asked = asked
        self._known: dict[bool, frozenset[str]] = {}
        self.makes = makes

    def has(self, url: str) -> bool:
        """Whether a URL was sent: as it was written, as it is normalised, or without its query; or the file in it."""
        is_file = url[:5].lower() == "data:"
        if is_file not in self._known:
            asked = self._asked if isinstance(self._asked, Mapping) else attrs.asdict(self._asked)
            self._known[is_file] = frozenset(_digests(asked, files=is_file))
        return not self._known[is_file].isdisjoint(_digests_of_file(url) if is_file else [_digest(url)])


def _digests(value: object, *, files: bool) -> Iterator[str]:
    """Yield the digests of the web URLs in a request, or those of its files."""
    if isinstance(value, str) and scheme(value) == "data":
        yield from _digests_of_file(value) if files else ()
    elif isinstance(value, str) and scheme(value) in {"http", "https"}:
        url = normalised_url(value) or value
        yield from () if files else map(_digest, (value, url, without_query(value), without_query(url)))
    elif isinstance(value, Path | bytes):
        yield from _digest_of_content(value) if files else ()
    elif isinstance(value, Mapping):
        if isinstance(value.get(_DIGEST), str):
            yield value[_DIGEST]
        for member in value.values():
            yield from _digests(member, files=files)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _digests(member, files=files)


def _digests_of_file(data_url: str) -> Iterator[str]:
    """Yield the digest of a `data:` URL as it is written, and that of the file in it."""
    yield _digest(data_url)
    head, _, content = data_url.partition(",")
    if head.rstrip().lower().endswith(";base64"):
        try:
            yield _digest(base64.b64decode(content.encode("ascii", "ignore").translate(_STANDARD)))
        except ValueError:  # of a length that base64 does not have
            return
    else:
        yield _digest(unquote_to_bytes(content))


def _digest_of_content(source: Path | bytes) -> Iterator[str]:
    try:
        yield _digest(source if isinstance(source, bytes) else source.read_bytes())
    except OSError:  # moved since: an echo of it is not known
        return


def _digest(content: str | bytes) -> str:
    return hashlib.sha256(content if isinstance(content, bytes) else content.encode("utf-8", "replace")).hexdigest()
