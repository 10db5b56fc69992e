"""The words of a report, which text and page share."""

import pytest

from cometrunway._report import _words as words
from cometrunway._report._figures import Figures
from tests.report.made import BEGUN, figures


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (195_100, "195.1 KB"),
        (10**9, "1.0 GB"),
        (10**16, "10,000.0 TB"),
    ],
)
def test_a_size_is_in_the_unit_that_fits(count: int, told: str) -> None:
    """A unit is a thousand of the one before it; the largest is a terabyte."""
    assert words.size(count) == told


@pytest.mark.parametrize(("seconds", "told"), [(None, ""), (0.04, "0.0 s"), (119.94, "119.9 s"), (125.0, "2:05")])
def test_a_duration_is_in_seconds_up_to_two_minutes(seconds: float | None, told: str) -> None:
    """Then in minutes and seconds; where there is none, there is no text."""
    assert words.duration(seconds) == told


def test_outcomes_are_counted_in_words() -> None:
    """Only those that occur, in the order of all reports."""
    assert words.counts(figures()) == "5 delivered, 1 failed, 1 in doubt, 1 refused"
    assert words.counts(Figures()) == "nothing was submitted"


def test_a_period_names_its_day_once() -> None:
    """The second day is named only if it is another one; a journal without times has no period."""
    made = figures()
    made.last = BEGUN
    begun, ended = words.period(made).split(" to ")
    assert begun.endswith(f" {ended}")
    made.last = BEGUN + 2 * 86_400
    begun, ended = words.period(made).split(" to ")
    assert begun[-5:] == ended[-5:]
    assert begun[:-5] < ended[:-5]
    assert words.period(Figures()) == ""


def test_what_may_not_be_billed_is_told_apart() -> None:
    """The cost of what was delivered comes first; what was pruned has no price, and is named."""
    made = figures(prices=True)
    made.unpriced = 2
    delivered, others, pruned = words.cost(made)
    assert delivered == "1,234.50 EUR for what was delivered"
    assert others.startswith("0.25 EUR more, if the gateway bills")
    assert pruned == "2 shots were pruned, and not counted in it"
    assert not list(words.cost(figures()))
