"""A hostile world, seed by seed: 300 schedules here, 10,000 by `nox -s simulation`.

COMETRUNWAY_SEEDS says how many, and COMETRUNWAY_FIRST_SEED from which on.
"""

import os
import subprocess
import sys

import pytest
from attrs import evolve

from tests.simulation.plan import Life, Plan
from tests.simulation.world import run, told, tried

SEEDS = int(os.environ.get("COMETRUNWAY_SEEDS", "300"))
FIRST = int(os.environ.get("COMETRUNWAY_FIRST_SEED", "0"))
PARTS = 6


@pytest.mark.parametrize("part", range(PARTS))
def test_every_law_holds_in_a_hostile_world(part: int) -> None:
    """Money, files, waits and resources are right after every schedule; a seed that fails is printed, and replays."""
    failed = tried(range(FIRST + part, FIRST + SEEDS, PARTS))
    assert not failed, told(failed)


def test_one_seed_is_one_run() -> None:
    """The same seed takes the same steps, also where hashes are other ones."""
    program = (
        "from tests.simulation.world import run, Plan; print(*[run(Plan.of(seed)).digest for seed in (3, 24, 204)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {" ".join(run(Plan.of(seed)).digest for seed in (3, 24, 204)) + "\n"}


def test_a_fault_that_is_left_out_does_not_strike() -> None:
    """A plan that keeps some of its faults meets those, and no others."""
    plan = Plan.of(204)
    struck = [number for number, _ in run(plan).struck]
    assert len(struck) > 3
    kept = frozenset(struck[:2])
    assert {number for number, _ in run(evolve(plan, kept=kept)).struck} <= kept
    assert not run(evolve(plan, kept=frozenset())).struck


def test_a_world_without_trouble_meets_none() -> None:
    """Each shot is then bought once and delivered, and nothing is in doubt."""
    verdict = run(Plan(seed=1, shots=4, lives=(Life(),)))
    assert not verdict.violations
    assert (verdict.counts["creates"], verdict.counts["billed"]) == (4, 4)
