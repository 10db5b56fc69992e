"""Laws of the learned rule, held by the real scheduler against known distributions. `report` prints all the figures."""

from random import Random
from statistics import fmean

import pytest

from cometrunway import PollPolicy
from tests.simulation.baselines import Optimum, fixed, sample
from tests.simulation.run import Outcome, simulate
from tests.simulation.workloads import STATIONARY, WORKLOADS, Draw, Work

ROUNDING = 1e-6
LEARNED = PollPolicy(per_second=1e9, deadline=None)


def beside_fixed(draw: Draw, outcome: Outcome) -> float:
    """Return the polls beside those of a fixed rule with the same mean lag."""
    return outcome.polls / fixed([seconds for _, seconds in sample(draw, 1000)], outcome.mean)


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_stream_costs_a_fifth_less_than_a_fixed_rule(name: str) -> None:
    """Where tasks come three per second, the polls at equal mean lag are at most four fifths of a fixed rule's."""
    outcome = simulate(WORKLOADS[name], LEARNED, tasks=1000, per_second=3)
    assert beside_fixed(WORKLOADS[name], outcome) < 0.8


@pytest.mark.parametrize("name", STATIONARY)
def test_little_is_lost_to_who_knows_the_distribution(name: str) -> None:
    """All that is learnt on the way costs at most a tenth more polls than the optimum needs, at equal mean lag."""
    optimum = Optimum(STATIONARY[name], longest=LEARNED.ceiling)
    for per_second in (0, 3):
        outcomes = [simulate(STATIONARY[name], LEARNED, per_second=per_second, seed=10 * seed) for seed in range(1, 9)]
        best = fmean(optimum.polls(outcome.works, outcome.mean) for outcome in outcomes)
        assert fmean(outcome.polls for outcome in outcomes) < 1.1 * best


@pytest.mark.parametrize("name", STATIONARY)
def test_good_progress_halves_the_polls(name: str) -> None:
    """Where the API reports percents, the polls at equal mean lag are at most half of a fixed rule's."""
    outcome = simulate(STATIONARY[name], LEARNED, tasks=1000, per_second=3, progress="good")
    assert beside_fixed(STATIONARY[name], outcome) < 0.5


@pytest.mark.parametrize(
    ("progress", "polls", "median", "late"),
    [("good", 5.0, 1.5, 3.0), ("coarse", 6.0, 1.5, 4.0), ("absent", 7.5, 1.6, 5.0)],
)
def test_the_benchmark_of_the_field(progress: str, polls: float, median: float, late: float) -> None:
    """Two thousand tasks of 20 to 60 seconds, submitted within 20: few polls, and a short lag for nearly all."""
    outcome = simulate(STATIONARY["uniform 20 to 60"], LEARNED, tasks=2000, per_second=100, progress=progress)
    assert outcome.polls <= polls
    assert outcome.p50 <= median
    assert outcome.p95 <= late


HOSTILE: dict[str, tuple[Draw, str]] = {
    "all end at once": (lambda _rng, part: Work("m", 1, 200 - part * 1e-3), "absent"),
    "all end at once, frozen": (lambda _rng, part: Work("m", 1, 200 - part * 1e-3), "frozen"),
    "two moments": (lambda rng, _: Work("m", 1, 20 if rng.random() < 0.5 else 300), "coarse"),
    "jump by 5": (WORKLOADS["jump by 5"], "absent"),
    "jump by 5, frozen": (WORKLOADS["jump by 5"], "frozen"),
    "frozen progress": (STATIONARY["lognormal"], "frozen"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("per_second", [0, 3])
def test_a_hostile_server_costs_little_more_than_a_fixed_rule(name: str, per_second: float) -> None:
    """Whatever it does, at most 1.3 times the polls of a fixed rule at equal lag, and no pause over the ceiling."""
    draw, progress = HOSTILE[name]
    outcome = simulate(draw, LEARNED, tasks=500, per_second=per_second, progress=progress)
    assert beside_fixed(draw, outcome) < 1.3
    assert outcome.longest_pause <= LEARNED.ceiling + ROUNDING


def test_tasks_that_never_end_are_looked_at_for_ever() -> None:
    """Until the deadline, no task of a server that never finishes waits longer than the ceiling for its next poll."""
    policy = PollPolicy(per_second=1e9, deadline=900)
    outcome = simulate(lambda _rng, _part: Work("m", 1, 899), policy, tasks=200)
    assert outcome.longest_pause <= policy.ceiling + ROUNDING


@pytest.mark.parametrize("name", ["lognormal", "tight", "uniform 20 to 60"])
def test_the_end_of_all_is_foretold(name: str) -> None:
    """Once a quarter of a stream has ended, the expected end of all open tasks is on average off by less than 30 %."""
    outcomes = [simulate(STATIONARY[name], LEARNED, tasks=1000, per_second=3, seed=seed) for seed in range(3)]
    assert all(outcome.eta_error < 0.3 for outcome in outcomes)


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_batch_at_once_costs_a_fifth_less_than_a_fixed_rule(name: str) -> None:
    """Where all tasks are submitted at once, a few scouts spare the others their polls until the first ends."""
    outcome = simulate(WORKLOADS[name], LEARNED, tasks=1000)
    assert beside_fixed(WORKLOADS[name], outcome) < 0.8


def cost(outcome: Outcome) -> float:
    """Return what is to be as little as possible: the lag, and the polls at their price in lag."""
    return outcome.mean + LEARNED.price * outcome.polls


@pytest.mark.parametrize("name", WORKLOADS)
def test_what_earlier_batches_taught_pays(name: str) -> None:
    """Of batches of a hundred tasks, those that begin with what the one before taught cost less than cold ones."""
    learnt = simulate(WORKLOADS[name], LEARNED, tasks=100).learnt
    warm = cold = 0.0
    for seed in (2, 3, 4):
        outcome = simulate(WORKLOADS[name], LEARNED, tasks=100, seed=seed, learnt=learnt)
        learnt, warm = outcome.learnt, warm + cost(outcome)
        cold += cost(simulate(WORKLOADS[name], LEARNED, tasks=100, seed=seed))
    assert warm < cold


@pytest.mark.parametrize("per_second", [0, 3])
@pytest.mark.parametrize("factor", [0.2, 5.0])
def test_what_no_longer_holds_does_little_harm(factor: float, per_second: float) -> None:
    """Where tasks take five times as long as those before, or a fifth, memory costs at most 1.3 times a fixed rule."""
    taught = simulate(STATIONARY["lognormal"], LEARNED, tasks=1000).learnt

    def draw(rng: Random, part: float) -> Work:
        work = STATIONARY["lognormal"](rng, part)
        return Work(work.model, work.start * factor, work.end * factor)

    outcome = simulate(draw, LEARNED, tasks=500, per_second=per_second, learnt=taught)
    assert beside_fixed(draw, outcome) < 1.3
    assert outcome.longest_pause <= LEARNED.ceiling + ROUNDING


def test_the_same_seed_gives_the_same_figures() -> None:
    """A simulation is repeatable to the digit."""
    first, second = (simulate(STATIONARY["lognormal"], LEARNED, tasks=200) for _ in range(2))
    assert first == second
