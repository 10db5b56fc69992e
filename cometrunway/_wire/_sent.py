"""The URLs and files that were sent for a task. An answer may repeat them; they are not outputs."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from cometrunway._media._data_urls import inline_content
from cometrunway._media._inputs import digest_of
from cometrunway._media._urls import is_data_url, normalised_url, scheme, without_query

_DIGEST = "sha256"


class Sent:
    """The URLs and files of a request. It is made for each poll, and reads the request only when `has` is called.

    Args:
        asked: the request, or its description from a journal. A description has only digests of files and signed URLs.
        makes: the requested kind: `video` or `image`.
    """

    __slots__ = ("_asked", "_known", "makes")

    def __init__(self, asked: "attrs.AttrsInstance | Mapping[str, Any]", makes: str) -> None:
        self._asked = asked
        self._known: dict[bool, frozenset[str]] = {}
        self.makes = makes

    def has(self, url: str) -> bool:
        """Whether a URL was sent, as it is, normalised, or without its query; or whether the file in it was sent."""
        is_file = is_data_url(url)
        if is_file not in self._known:
            asked = self._asked if isinstance(self._asked, Mapping) else attrs.asdict(self._asked)
            self._known[is_file] = frozenset(_digests(asked, files=is_file))
        return not self._known[is_file].isdisjoint(_digests_of_file(url) if is_file else [_digest(url)])


def _digests(value: object, *, files: bool) -> Iterator[str]:
    """Yield the digests of the web URLs in a request, or those of its files."""
    if isinstance(value, str) and is_data_url(value):
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
    """Yield the digest of a `data:` URL, and the digest of the file in it."""
    yield _digest(data_url)
    digest = hashlib.sha256()
    try:
        for piece in inline_content(data_url):
            digest.update(piece)
    except ValueError:  # it contains no file
        return
    yield digest.hexdigest()


def _digest_of_content(source: Path | bytes) -> Iterator[str]:
    try:
        yield digest_of(source)
    except ValueError:  # the file was moved: its copy in the answer cannot be recognised
        return


def _digest(content: str | bytes) -> str:
    return hashlib.sha256(content if isinstance(content, bytes) else content.encode("utf-8", "replace")).hexdigest()
