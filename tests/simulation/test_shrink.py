"""A failing plan made small."""

from attrs import evolve

from tests.simulation.network import Rates
from tests.simulation.plan import Life, Plan
from tests.simulation.shrink import smallest

LARGE = Plan(
    seed=5,
    shots=6,
    files=3,
    lives=(Life(faults=0.2, waves=((1.0, 2.0, "429"),)), Life(end="dies", at=40, network=Rates(lost=0.1))),
)


def test_what_a_failure_does_not_need_is_left_out() -> None:
    """A plan that fails by two of its faults and its death keeps those, one shot and one life."""

    def fails(plan: Plan) -> bool:
        has_faults = plan.kept is None or {7, 20} <= set(plan.kept)
        return has_faults and any(life.end == "dies" for life in plan.lives)

    small = smallest(LARGE, fails)
    assert small == evolve(LARGE, shots=1, files=1, lives=(Life(end="dies", at=40),), kept=frozenset({7, 20}))
