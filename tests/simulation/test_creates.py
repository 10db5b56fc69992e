"""The pace of creates against gateways that limit them; `python -m tests.simulation.creates` prints all figures."""

from random import Random

import pytest

from tests.simulation.creates import LATENCIES, RATES, Figures, Run, cases, simulate
from tests.simulation.gateways import GATEWAYS, Chance

FIRM = [
    "bucket, a second's burst",
    "bucket, a minute's burst, Retry-After",
    "windows of a minute, Retry-After",
    "sliding 10 seconds, Retry-After",
]
"""Limits that each rate and latency of `QUICK` reaches with any seed."""
QUICK = [(rate, latency) for rate in RATES[:2] for latency in LATENCIES[:2]]


@pytest.mark.parametrize("name", FIRM)
def test_a_limit_is_used_and_seldom_hit(name: str) -> None:
    """After the first minute at least 90 % of the limit is used, and at most 5 % of the creates are refused."""
    for rate, latency in QUICK:
        assert simulate(name, rate, latency).are_good, (rate, latency)


@pytest.mark.parametrize("name", ["bucket, a second's burst", "windows of a second"])
def test_a_high_limit_is_used(name: str) -> None:
    """So it is with 200 creates per second, at a second of latency."""
    assert simulate(name, 200.0, 1.0).are_good


@pytest.mark.parametrize("name", ["bucket, a tenth's burst", "windows of a second", "sliding second"])
def test_few_creates_under_way_at_first_limit_no_pace(name: str) -> None:
    """At five seconds of latency, too, though only few creates were under way when the first 429s came."""
    for rate in RATES[:2]:
        assert simulate(name, rate, 5.0, seed=2).used > 0.85, rate


@pytest.mark.parametrize(("rate", "latency"), [(2.0, 1.0), (2.0, 5.0), (20.0, 1.0)])
def test_a_limit_of_creates_at_once_is_learned(rate: float, latency: float) -> None:
    """A gateway that accepts two, ten or twenty creates at once is used, and seldom refuses one."""
    assert simulate("creates at once", rate, latency).are_good


def test_a_pace_does_not_swing_with_tasks_that_end_late() -> None:
    """Where unfinished tasks of half a minute are limited, it neither falls far, nor rises until many are refused."""
    figures = simulate("unfinished tasks of 30 s", 20.0, 0.1)
    assert figures.used > 0.85
    assert figures.refused < 0.06


@pytest.mark.parametrize("name", GATEWAYS)
def test_every_kind_of_limit_is_used_for_the_most_part(name: str) -> None:
    """Whatever it counts, and however its answers jitter: at least 75 % is used, and at most 6 % are refused."""
    for rate, latency in cases(name):
        if rate < 200:
            figures = simulate(name, rate, latency, seed=2)
            assert figures.used > 0.75, (rate, latency, figures)
            assert figures.refused < 0.06, (rate, latency, figures)


@pytest.mark.parametrize("change", [0.5, 2.0])
@pytest.mark.parametrize("latency", [0.1, 1.0])
def test_a_limit_that_changes_is_learned_anew(change: float, latency: float) -> None:
    """A minute after a limit was halved or doubled, the new one is used."""
    figures = simulate("bucket, a second's burst", 20.0, latency, change=change)
    assert figures.used > 0.85
    assert figures.refused < 0.05


@pytest.mark.parametrize("rate", RATES[:2])
@pytest.mark.parametrize("name", ["bucket, a second's burst", "windows of a second", "sliding 10 seconds, Retry-After"])
def test_two_processes_share_a_limit(name: str, rate: float) -> None:
    """Of two processes that begin at different times each gets a fair part, and together they use the limit."""
    run = Run(GATEWAYS[name](rate, 1.0, Random(1)), latency=1.0)
    clients = [run.client(), run.client(starts_at=13.0)]
    run.until(240.0)
    parts = [client.per_second(73.0, 240.0) / rate for client in clients]
    assert min(parts) > 0.15
    assert sum(parts) > 0.85


def test_no_limit_means_no_wait() -> None:
    """Without a 429 as many creates are under way as may be, after few round trips."""
    run = Run(GATEWAYS["bucket, a minute's burst"](1e6, 0.1, Random(1)), latency=0.1)
    client = run.client()
    run.until(15.0)
    assert len(client.accepted) > 10_000
    assert client.refused == []


def test_refusals_by_chance_do_not_slow_down_for_ever() -> None:
    """Where each twentieth create is refused, whatever its pace, it is still above 10 per second after four minutes."""
    run = Run(Chance(0.05, Random(5)), latency=0.1)
    client = run.client()
    run.until(240.0)
    assert client.per_second(180.0, 240.0) > 10


def test_the_same_seed_gives_the_same_figures() -> None:
    """A simulation is repeatable to the digit."""
    first, second = (simulate("sliding second", 20.0, 0.1) for _ in range(2))
    assert isinstance(first, Figures)
    assert first == second
