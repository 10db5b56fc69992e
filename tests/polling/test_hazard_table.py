"""The hazard table: what polls teach about when tasks end, and when the next poll is worth its price."""

import math
from copy import deepcopy

import pytest

from cometrunway._polling._hazard_table import HazardTable

EDGES = tuple(float(second) for second in range(100))


def taught(*ends: float, step: float = 1.0) -> HazardTable:
    """Return a table that saw tasks end at these ages, polled in steps."""
    table = HazardTable(EDGES, prior_median=20.0)
    for end in ends:
        age = 0.0
        while age + step < end:
            table.learn(age, age + step, ended=False)
            age += step
        table.learn(age, age + step, ended=True)
    return table


def surprise(table: HazardTable, start: float, end: float, *, ended: bool) -> float:
    """Return how much a poll would surprise the table, which does not see it."""
    return deepcopy(table).learn(start, end, ended=ended)


def test_the_first_poll_waits_for_the_first_ends() -> None:
    """Where all tasks end at 30, the poll that pays comes shortly before or after 30."""
    pause, _ = taught(*[30.0] * 200).pause(0.0, 0.25, 60.0)
    assert 26 < pause < 32


def test_the_pause_solves_its_equation() -> None:
    """With a hazard that does not change, the pause is the root of twice the price over the hazard, and all slack."""
    table = HazardTable(EDGES, prior_median=20.0)
    of_each = {"events": [1e8] * len(EDGES), "exposure": [1e9] * len(EDGES)}
    table.restore({**table.snapshot(), "ends": 1e10, **of_each}, at_most=1e10)
    for age, price in ((0.0, 0.001), (3.3, 0.2), (7.0, 5.0), (42.9, 20.0)):
        pause = (2 * price / 0.1) ** 0.5
        assert table.pause(age, price, 60.0) == pytest.approx((pause, pause))


@pytest.mark.parametrize("age", [0.0, 11.5, 29.0, 40.25, 98.0, 500.0])
@pytest.mark.parametrize("price", [0.001, 0.3, 4.0])
def test_a_poll_comes_when_it_would_save_its_price(age: float, price: float) -> None:
    """The lag that a poll can be expected to save has grown to its price when the pause is over."""
    table = taught(*[12.0, 30.0, 31.0, 32.0, 45.0, 90.0] * 20)
    pause, _ = table.pause(age, price, math.inf)
    step = pause / 500
    risks = (surprise(table, age, age + (number + 0.5) * step, ended=False) for number in range(500))
    assert sum(risks) * step == pytest.approx(price, rel=1e-3)


@pytest.mark.parametrize("price", [0.001, 0.3, 4.0])
def test_a_table_however_steep_gives_a_pause(price: float) -> None:
    """Where nearly all ended at once and what was left hardly ever did, sums lose digits, but no wait fails."""
    table = HazardTable(EDGES, prior_median=20.0)
    amounts = {"events": [1e11] * 3, "exposure": [0.0] * 5 + [9e11] * (len(EDGES) - 5)}
    table.restore({**table.snapshot(), "ends": 1e6, **amounts}, at_most=1e12)
    for age in range(200):
        pause, slack = table.pause(age * 0.37, price, 30.0)
        assert 0 < pause <= 30
        assert slack > 0


def test_a_part_of_the_slack_matters_little() -> None:
    """A twentieth of the slack earlier or later saves or costs a tenth of a poll, however long the pause."""
    table = taught(*[28.0, 29.0, 30.0, 31.0] * 50)
    pause, slack = table.pause(0.0, 0.25, 60.0)
    assert slack < pause / 4
    for part in (-0.05, 0.05):
        lag = 0.25 * (1 + 2 * part)
        assert table.pause(0.0, lag, 60.0)[0] == pytest.approx(pause + part * slack, abs=0.01 * slack)


def test_a_dearer_poll_comes_later() -> None:
    """The higher the price of a poll, the longer the pause."""
    table = taught(*[30.0, 40.0, 50.0] * 30)
    pauses = [table.pause(25.0, price, 60.0)[0] for price in (0.01, 0.1, 1.0, 10.0)]
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[-1]


def test_a_pause_has_an_end() -> None:
    """Where nothing ever ends, the pause is the longest that is allowed."""
    table = HazardTable(EDGES, prior_median=20.0)
    for _ in range(1000):
        table.learn(0.0, 90.0, ended=False)
    assert table.pause(0.0, 0.25, 17.0)[0] == 17.0


def test_what_was_foretold_is_no_surprise() -> None:
    """A table is less surprised by an end where it has seen ends, and by none where it has seen none."""
    table = taught(*[30.0] * 100)
    assert surprise(table, 28.0, 31.0, ended=True) < surprise(table, 10.0, 13.0, ended=True)
    assert surprise(table, 10.0, 13.0, ended=False) < surprise(table, 28.0, 31.0, ended=False)


def test_old_polls_are_forgotten() -> None:
    """After tasks became slower, the table follows."""
    table = taught(*[20.0] * 500, *[60.0] * 500)
    assert table.pause(30.0, 0.25, 60.0)[0] > 20


def test_an_end_is_learnt_where_it_is_likely() -> None:
    """Of a task that was not polled for long, the end is put where those of others lay, not evenly over the time."""
    table = taught(*[30.0] * 50)
    before = surprise(table, 5.0, 25.0, ended=False)
    for _ in range(50):
        table.learn(0.0, 40.0, ended=True)
    assert surprise(table, 5.0, 25.0, ended=False) < before + 0.05


def test_polls_at_the_same_moment_teach_nothing() -> None:
    """No time passed between two polls, or next to none: no division fails, and no end is lost."""
    table = taught(30.0)
    table.learn(30.0, 30.0, ended=True)
    table.learn(30.0, 30.0 + 1e-14, ended=True)
    assert table.ends == 2


def test_the_end_is_foretold_from_what_was_seen() -> None:
    """Where tasks end evenly from 1 to 99, nine of ten have ended by about 90, and of those aged 50 by about 95."""
    table = taught(*[float(end) for end in range(1, 100)] * 5)
    assert table.within(0.0, 10.0) == pytest.approx(90, abs=2)
    assert table.within(50.0, 10.0) == pytest.approx(45, abs=2)


def test_what_outlives_all_that_is_known_is_not_put_off_for_ever() -> None:
    """Where next to no end was seen for long, a task is expected to last a few times as long as it did."""
    table = taught(*[30.0] * 50)
    for _ in range(50):
        table.learn(0.0, 60.0, ended=False)
    table._events[59] = 1e-9
    within = table.within(60.0, 10.0)
    assert within is not None
    assert 30 < within < 60 * 20


def test_tiny_hazards_after_a_steep_beginning_are_no_obstacle() -> None:
    """Whatever a snapshot says of what follows the first ends, an end is foretold."""
    table = HazardTable(EDGES, prior_median=20.0)
    bins = len(EDGES)
    events, exposure = [30.0] * 30 + [1e-300] * (bins - 30), [100.0] * 30 + [9e11] * (bins - 30)
    snapshot = {**table.snapshot(), "ends": 100, "events": events, "exposure": exposure}
    table.restore(snapshot, at_most=100.0)
    within = table.within(0.0, 1e6)
    assert within is not None
    assert math.isfinite(within)


def test_nothing_is_foretold_before_a_quarter_has_ended() -> None:
    """Of a hundred that go together, the first ends say little about the last."""
    table = HazardTable(EDGES, prior_median=20.0)
    known = []
    for age in range(50):
        for task in range(100 - age):
            table.learn(float(age), age + 1.0, ended=task == 0)
        known.append(table.within(age + 1.0, 10.0) is not None)
    assert known.index(True) == pytest.approx(25, abs=3)
    assert all(known[known.index(True) :])


def test_beyond_the_last_edge_nothing_is_unknown_where_enough_have_passed() -> None:
    """Tasks that were older than all bins say of every age that it is reached unfinished."""
    table = HazardTable((0.0, 1.0, 2.0), prior_median=1.0)
    for _ in range(20):
        table.learn(0.0, 100.0, ended=False)
    assert table.known_until(0.0) == table.known_until(50.0) == math.inf
