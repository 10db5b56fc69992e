"""Figures of very many values in little memory."""

from collections import Counter
from itertools import pairwise
from random import Random
from statistics import quantiles

import pytest

from cometrunway._report._distribution import Durations, Timeline


def test_quantiles_are_right_to_one_per_cent(rng: Random) -> None:
    """Of durations from tenths of a second to hours."""
    values = [rng.lognormvariate(3, 2) for _ in range(10_000)]
    durations = Durations()
    for value in values:
        durations.add(value)
    exact = quantiles(values, n=100)
    for part in (0.05, 0.5, 0.95):
        assert durations.quantile(part) == pytest.approx(exact[round(100 * part) - 1], rel=0.012)


def test_without_durations_there_is_no_quantile() -> None:
    """And no bar; a duration of nothing is one all the same."""
    assert Durations().quantile(0.5) is None
    assert Durations().shares(1, 10, 3) == [0, 0, 0]
    durations = Durations()
    durations.add(0.0)
    assert durations.quantile(0.5) == pytest.approx(0.001, rel=0.02)


def test_spans_become_longer_as_the_time_does(rng: Random) -> None:
    """Nothing is lost, there are never more than 240, and none between the first and the last is left out."""
    timeline, ends = Timeline(), [1.7e9 + rng.uniform(0, 40 * 86400) for _ in range(1000)]
    for end in ends:
        timeline.add(end, "delivered")
    spans = timeline.spans()
    assert sum((kinds for _, kinds in spans), Counter()) == {"delivered": 1000}
    assert 100 < len(spans) <= 240
    assert {after - before for (before, _), (after, _) in pairwise(spans)} == {timeline.width}
    assert spans[0][0] <= min(ends) < max(ends) < spans[-1][0] + timeline.width
