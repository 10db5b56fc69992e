"""The pace of one model's creates, which 429s teach; the test passes the time."""

import math
from random import Random

import pytest

from cometrunway._submission._pace import CreatePace


def limited(most: int = 1000, *, rate: float = 10.0, latency: float = 0.01) -> tuple[CreatePace, float]:
    """Return a pace that has met two 429s in a row at this rate, and the time at which it knows the limit."""
    pace, now = CreatePace(most, Random(7)), 0.0
    for _ in range(100):
        pace.accepted(pace.begin(now), now + latency)
        now += 1 / rate
    for _ in range(2):
        pace.refused(pace.begin(now), now, 0.0)
        now = max(now + 0.01, pace.free_at(now))
    pace.accepted(pace.begin(now), now)
    return pace, now


def test_before_the_first_429_only_the_window_counts() -> None:
    """Each answer to one of many at once allows one more, up to the session's limit."""
    pace = CreatePace(20, Random(7))
    assert pace.per_second(0.0) == math.inf
    windows = []
    for moment in range(10):
        begun = [pace.begin(float(moment)) for _ in range(pace.window(float(moment)))]
        assert pace.free_at(float(moment)) == math.inf
        for one in begun:
            pace.accepted(one, moment + 0.5)
        windows.append(pace.window(moment + 0.5))
    assert not pace.is_limited
    assert windows[0] > 16
    assert windows[-1] == 20


def test_one_create_at_a_time_opens_no_window() -> None:
    """Its answer says nothing about how many may be under way."""
    pace = CreatePace(1000, Random(7))
    before = pace.window(0.0)
    for moment in range(20):
        pace.accepted(pace.begin(float(moment)), moment + 0.5)
    assert pace.window(20.0) == before


def test_while_nothing_is_accepted_each_429_halves_the_pace() -> None:
    """A limit that falls far is found soon."""
    pace, now = limited()
    now = max(now + 0.01, pace.free_at(now))
    for _ in range(2):
        pace.refused(pace.begin(now), now, 0.0)
        now = max(now + 0.01, pace.free_at(now))
    paces = []
    for _ in range(3):
        pace.refused(pace.begin(now), now, 0.0)
        paces.append(pace.per_second(now))
        now = max(now + 0.01, pace.free_at(now))
    assert paces[1:] == pytest.approx([paces[0] / 2, paces[0] / 4])


def test_429s_teach_the_limit() -> None:
    """The pace is then near the number of creates per second that were accepted."""
    pace, now = limited(rate=10.0)
    assert pace.is_limited
    assert pace.per_second(now) == pytest.approx(10.0, rel=0.15)


def test_one_429_among_many_creates_does_not_lower_the_pace() -> None:
    """A gateway may refuse one in a hundred at random; two in a row lower the pace, at most by half."""
    pace, now = limited()
    for _ in range(100):
        now = max(now + 0.01, pace.free_at(now))
        pace.accepted(pace.begin(now), now)
    before = pace.per_second(now)
    pace.refused(pace.begin(now), now, 0.0)
    assert pace.per_second(now) >= 0.95 * before
    after_one = pace.per_second(now)
    now = max(now + 0.01, pace.free_at(now))
    pace.refused(pace.begin(now), now, 0.0)
    assert 0.5 * after_one <= pace.per_second(now) <= 0.96 * after_one


def test_many_429s_among_others_lower_the_pace() -> None:
    """One in four, never two in a row, is no chance: the pace falls."""
    pace, now = limited()
    before = pace.per_second(now)
    for number in range(60):
        now = max(now + 0.01, pace.free_at(now))
        begun = pace.begin(now)
        if number % 4:
            pace.accepted(begun, now)
        else:
            pace.refused(begun, now, 0.0)
    assert pace.per_second(now) < 0.9 * before


def test_429s_while_more_than_usual_are_under_way_limit_their_number() -> None:
    """If a fourth create at once is refused each time, three are under way, though the pace needs more."""
    pace, now = limited(rate=10.0)
    for number in range(100):
        now = max(now + 0.01, pace.free_at(now))
        begun = [pace.begin(now) for _ in range(3)]
        if number % 9 == 0:
            pace.refused(pace.begin(now), now + 0.01, 0.0)
        for one in begun:
            pace.accepted(one, now + 2.0)
        now += 2.0
    assert pace.per_second(now) * 2.0 > 10
    assert pace.window(now) == 3


def test_429s_at_any_number_under_way_do_not_limit_it() -> None:
    """If creates are refused as often while few are under way, as many are under way as the pace needs."""
    pace, now = limited(rate=10.0)
    for number in range(200):
        now = max(now + 0.01, pace.free_at(now))
        begun = [pace.begin(now) for _ in range(4)]
        for position, one in enumerate(begun):
            if position == number % 4:
                pace.refused(one, now + 0.01, 0.0)
            else:
                pace.accepted(one, now + 2.0)
        now += 2.0
    assert pace.window(now) > 4


def test_a_pause_that_is_asked_for_is_kept() -> None:
    """Nothing is sent before it is over, however few were refused before, and however many are meanwhile."""
    pace, now = limited()
    for _ in range(100):
        now = max(now + 0.01, pace.free_at(now))
        pace.accepted(pace.begin(now), now)
    pace.refused(pace.begin(now), now, 30.0)
    later = pace.free_at(now)
    assert now + 30.0 <= later < math.inf
    first, second = pace.begin(later), pace.begin(later)
    pace.refused(first, later, 30.0)
    pace.refused(second, later + 1.0, 40.0)
    assert later + 41.0 <= pace.free_at(later) < math.inf


def test_without_a_429_the_pace_grows_again() -> None:
    """First slowly, then faster and faster, and to ten times the estimate at most."""
    pace, now = limited()
    paces = [pace.per_second(now + seconds) for seconds in range(0, 3600, 20)]
    assert paces == sorted(paces)
    assert paces[0] < 1.05 * pace.per_second(now)
    assert paces[-1] == pytest.approx(10.0 * paces[0] / 0.95, rel=0.01)


def test_what_ended_without_an_answer_gives_its_place_back() -> None:
    """And says nothing about the limit."""
    pace = CreatePace(1, Random(7))
    begun = pace.begin(0.0)
    assert pace.free_at(0.0) == math.inf
    pace.ended(begun)
    assert pace.free_at(0.0) <= 0.0
    assert not pace.is_limited


def test_the_window_holds_the_creates_of_the_usual_latency() -> None:
    """With a quarter more and three; one answer that comes at once does not narrow it."""
    pace, now = limited(rate=10.0, latency=2.0)
    assert pace.window(now) == pytest.approx(1.25 * 10 * 2 + 3, rel=0.2)


def test_the_429s_of_one_round_trip_lower_the_pace_once() -> None:
    """Those that were sent before the pace was lowered say nothing about the lower pace."""
    pace, now = limited()
    now = max(now + 0.01, pace.free_at(now))
    first, second, *others = [pace.begin(now) for _ in range(6)]
    pace.refused(first, now + 0.1, 0.0)
    pace.refused(second, now + 0.1, 0.0)
    lowered = pace.per_second(now + 0.1)
    for begun in others:
        pace.refused(begun, now + 0.1, 0.0)
    assert pace.per_second(now + 0.1) == lowered
