"""The shared poll budget: a rate that 429s halve and time restores."""

import pytest

from cometrunway._budget import PollBudget


def spend(budget: PollBudget, *, start: float, seconds: float) -> int:
    """Poll as fast as the budget allows for so long; return how many polls left."""
    now, polls = max(start, budget.free_at()), 0
    while now < start + seconds:
        budget.take(now)
        polls += 1
        now = max(now, budget.free_at())
    return polls


def test_the_rate_is_kept() -> None:
    """Over ten seconds at 20 per second, 200 polls leave, and half a second's worth as the first burst."""
    assert spend(PollBudget(20), start=100.0, seconds=10) == pytest.approx(210, abs=1)


def test_a_lull_is_not_saved_up() -> None:
    """After an hour of silence the burst is still half a second's worth."""
    budget = PollBudget(20)
    spend(budget, start=0.0, seconds=1)
    assert spend(budget, start=3600.0, seconds=0.001) == pytest.approx(11, abs=1)


def test_a_429_pauses_for_as_long_as_it_asked() -> None:
    """No poll leaves before Retry-After has passed."""
    budget = PollBudget(100)
    budget.refused(10.0, 7.0)
    assert budget.free_at() == 17.0


def test_a_429_that_names_no_pause_costs_a_second() -> None:
    """A bare 429 pauses all polls for a second."""
    budget = PollBudget(100)
    budget.refused(10.0, None)
    assert budget.free_at() == 11.0


def test_a_429_halves_the_rate_and_it_recovers() -> None:
    """After a 429 about half the polls leave per second; half a minute later, all of them."""
    budget = PollBudget(100)
    spend(budget, start=0.0, seconds=10)
    budget.refused(10.0, 1.0)
    assert spend(budget, start=11.0, seconds=5) < 400
    assert spend(budget, start=60.0, seconds=10) > 990


def test_the_429s_of_one_burst_count_once() -> None:
    """A hundred polls that were under way when the limit struck halve the rate once."""
    once, often = PollBudget(100), PollBudget(100)
    for budget, answers in ((once, 1), (often, 100)):
        for _ in range(answers):
            budget.refused(10.0, 2.0)
    assert spend(once, start=12.0, seconds=5) == spend(often, start=12.0, seconds=5)


def test_the_rate_never_falls_to_nothing() -> None:
    """However many 429s come, a sixteenth of the rate is left."""
    budget = PollBudget(160)
    for second in range(100):
        budget.refused(float(second * 2), 1.0)
    assert spend(budget, start=200.0, seconds=1) >= 10
