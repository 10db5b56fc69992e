"""Counts of things in words."""

import pytest

from cometrunway._plurals import be, counted


@pytest.mark.parametrize(("number", "said"), [(0, "0 shots"), (1, "1 shot"), (2, "2 shots"), (1234, "1,234 shots")])
def test_one_has_a_singular(number: int, said: str) -> None:
    """And large numbers have commas."""
    assert counted(number, "shot") == said


def test_a_plural_may_be_of_its_own_and_a_verb_follows_the_count() -> None:
    """An entry and entries; one task is, two are."""
    assert [counted(number, "entry is", "entries are") for number in (1, 2)] == ["1 entry is", "2 entries are"]
    assert [be(number) for number in (0, 1, 2)] == ["are", "is", "are"]
