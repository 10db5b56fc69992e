"""Splits the keys of an answer into words, for any spelling."""

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LONGEST = 64
"""The largest number of characters of a key that is read."""


def shortened(key: str) -> str:
    """Return a key in a short form for messages. A long key may be a part of many places."""
    return key if len(key) <= _LONGEST else f"{key[:_LONGEST]}..."


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text that are separated by blanks."""
    return frozenset(text.split())


def words(key: str) -> frozenset[str]:
    """Return the words of a key in lower case: `result` and `urls` for both `resultUrls` and `result_urls`."""
    return _words(key) if len(key) <= _LONGEST else frozenset()


def bare(text: str) -> str:
    """Return a key or a status in the form for comparison: without case, spaces, hyphens and underscores."""
    return _bare(text) if len(text) <= _LONGEST else ""


@lru_cache(maxsize=1024)  # only short keys: the cache keeps its arguments
def _words(key: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(key.replace("URLs", "Urls")))


@lru_cache(maxsize=1024)
def _bare(text: str) -> str:
    return "".join(text.casefold().split()).replace("-", "").replace("_", "")
