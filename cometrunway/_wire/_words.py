"""The words that keys of an answer are made of, whichever way they are spelled."""

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LONGEST = 64
"""Characters of a key that says anything."""


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text, with blanks between them."""
    return frozenset(text.split())


@lru_cache(maxsize=1024)
def words(key: str) -> frozenset[str]:
    """Return the words of a key, in lower case: of `resultUrls` and `result_urls` alike `result` and `urls`."""
    return frozenset(word.lower() for word in _WORD.findall(key)) if len(key) <= _LONGEST else frozenset()


@lru_cache(maxsize=1024)
def bare(text: str) -> str:
    """Return a key or a status as it is compared: without case, spaces, hyphens and underscores."""
    return "".join(text.casefold().split()).replace("-", "").replace("_", "") if len(text) <= _LONGEST else ""
