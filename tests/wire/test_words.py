"""The words of keys, whichever gateway spells them."""

import pytest

from cometrunway._tasks import TaskStatus
from cometrunway._wire._words import bare, shortened, words
from tests.answers import looked


@pytest.mark.parametrize("key", ["result_urls", "resultUrls", "ResultUrls", "result-urls", "RESULT_URLS", "resultURLs"])
def test_a_key_has_the_same_words_in_any_spelling(key: str) -> None:
    """With digits, hyphens and capitals between them."""
    assert words(key) == {"result", "urls"}


def test_a_word_is_never_a_part_of_one() -> None:
    """`prompt` in `promptly`, or `url` in `curl`, decides nothing."""
    assert words("promptly_curl") == {"promptly", "curl"}
    assert words("videoURL2") == {"video", "url"}
    assert words("猫") == words("12") == words("") == frozenset()


def test_a_status_is_compared_without_its_spelling() -> None:
    """Case, spaces, hyphens and underscores say nothing."""
    assert {bare(text) for text in ("In Progress", "in-progress", "IN_PROGRESS", " inprogress\n")} == {"inprogress"}


def test_a_long_key_is_short_in_a_message() -> None:
    """A key of a megabyte may be a part of many places."""
    assert shortened("x" * 64) == "x" * 64
    assert shortened("x" * 1_000_000) == "x" * 64 + "..."


def test_no_cache_keeps_what_is_long() -> None:
    """A key or a status of any length is looked at and forgotten."""
    assert not words("x" * 100_000)
    assert not bare("x" * 100_000)
    assert looked({"id": "x", "status": "x" * 100_000, "x" * 100_000: 1}).status is TaskStatus.UNKNOWN
