"""The words that keys of an answer are made of, whichever way they are spelled."""

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LONGEST = 64
"""Characters of a key that says anything."""


def shortened(key: str) -> str:
    """Return a key as it is shown: a long one costs nothing where it is a part of many places."""
    return key if len(key) <= _LONGEST else f"{key[:_LONGEST]}..."


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text, with blanks between them."""
    return frozenset(text.split())


def words(key: str) -> frozenset[str]:
    """Return the words of a key, in lower case: of `resultUrls` and `result_urls` alike `result` and `urls`."""
    return _words(key) if len(key) <= _LONGEST else frozenset()


def bare(text: str) -> str:
    """Return a key or a status as it is compared: without case, spaces, hyphens and underscores."""
    return _bare(text) if len(text) <= _LONGEST else ""


@lru_cache(maxsize=1024)  # of short keys only: a cache keeps what it was asked
def _words(key: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(key.replace("URLs", "Urls")))


@lru_cache(maxsize=1024)
def _bare(text: str) -> str:
    return "".join(text.casefold().split()).replace("-", "").replace("_", "")
