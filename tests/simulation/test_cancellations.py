"""Cancellation at any turn of the event loop, once and twice: some turns here, all of them by `nox -s simulation`."""

import os

import pytest

from tests.simulation.cancellations import GAPS, PROGRAMS, Program, verdicts
from tests.simulation.world import run, told

STEP = int(os.environ.get("COMETRUNWAY_CANCELLATION_STEP", "37"))
"""Turns from one cancellation that is tried to the next."""


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_a_cancellation_at_any_turn_loses_nothing(program: Program, gap: int) -> None:
    """Money is right, and no task, file, socket or lock is left; each gap begins at another turn."""
    tried = list(verdicts(program, gaps=(gap,), first=1 + gap % STEP, step=STEP))
    assert any(verdict.counts["cancelled"] for verdict in tried)
    assert not told([verdict for verdict in tried if verdict.violations])


@pytest.mark.parametrize("program", PROGRAMS[2:4], ids=lambda program: program.name)
def test_an_opening_that_is_cancelled_twice_leaves_nothing_open(program: Program) -> None:
    """The second cancellation meets the closing of what the first has interrupted."""
    tried = [run(program.cancelled(at, gap)) for gap in (1, 2) for at in range(1, 25)]
    assert not told([verdict for verdict in tried if verdict.violations])
