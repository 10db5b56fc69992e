"""The shared poll budget: a rate that 429s halve and time restores."""

import pytest

from cometrunway._polling._rate_limit import PollRateLimit


def spend(budget: PollRateLimit, *, start: float, seconds: float) -> int:
    """Poll as fast as the budget allows for so long; return how many polls left."""
    now, polls = max(start, budget.free_at()), 0
    while now < start + seconds:
        budget.take(now)
        polls += 1
        now = max(now, budget.free_at())
    return polls


def test_the_rate_is_kept() -> None:
    """Over ten seconds at 20 per second, 200 polls leave, and half a second's worth as the first burst."""
    assert spend(PollRateLimit(20), start=100.0, seconds=10) == pytest.approx(210, abs=1)


def test_a_lull_is_not_saved_up() -> None:
    """After an hour of silence the burst is still half a second's worth."""
    budget = PollRateLimit(20)
    spend(budget, start=0.0, seconds=1)
    assert spend(budget, start=3600.0, seconds=0.001) == pytest.approx(11, abs=1)


def test_a_429_pauses_for_as_long_as_it_asked() -> None:
    """No poll leaves before Retry-After has passed."""
    budget = PollRateLimit(100)
    budget.refused(10.0, 7.0)
    assert budget.free_at() == 17.0


def test_a_429_that_names_no_pause_pauses_nothing() -> None:
    """Without Retry-After only the rate falls."""
    budget = PollRateLimit(100)
    budget.refused(10.0, None)
    assert budget.free_at() <= 10.0


def answer(budget: PollRateLimit, *, refused: float) -> None:
    """Answer 2,000 polls, this part of them with 429."""
    for number in range(2000):
        if number % 20 < refused * 20:
            budget.refused(0.0, None)
        else:
            budget.answered()


@pytest.mark.parametrize("refused", [0.05, 0.1])
def test_a_few_429s_hardly_slow_the_rate(refused: float) -> None:
    """While fewer than one poll in seven is refused, the rate holds its own."""
    budget = PollRateLimit(100)
    answer(budget, refused=refused)
    assert spend(budget, start=100.0, seconds=10) > 950


def test_many_429s_slow_the_rate_down_to_a_sixteenth() -> None:
    """When half of the polls are refused the rate falls, but never to nothing."""
    budget = PollRateLimit(160)
    answer(budget, refused=0.5)
    assert spend(budget, start=100.0, seconds=10) == pytest.approx(105, abs=15)


def test_the_rate_recovers_by_itself() -> None:
    """After a storm of 429s, a few hundred answers bring the full rate back."""
    budget = PollRateLimit(100)
    for _ in range(1000):
        budget.refused(0.0, None)
    for _ in range(300):
        budget.answered()
    assert spend(budget, start=100.0, seconds=10) == pytest.approx(1050, abs=3)
