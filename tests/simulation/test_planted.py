"""The simulation can fail: faults that are planted are found, some of them here. COMETRUNWAY_PLANTED=1 plants all."""

import os
import re

import pytest

from tests.simulation.planted import PAGE, PLANTED, Planted, found

QUICK = {
    "no submission is recorded before its create is sent",
    "a 5xx is read as a refusal of a create",
    "a broken connection ends a wait",
    "the journal's lock is not released",
}
CHOSEN = [planted for planted in PLANTED if planted.name in QUICK or "COMETRUNWAY_PLANTED" in os.environ]


@pytest.mark.parametrize("planted", CHOSEN, ids=lambda planted: planted.name)
def test_a_planted_fault_is_found(planted: Planted) -> None:
    """One of 300 seeds fails."""
    assert found(planted) is not None


def test_the_page_names_every_planted_fault() -> None:
    """And the seed that finds it."""
    rows = dict(re.findall(r"^\| (.+) \| (\d+) \|$", PAGE.read_text(), re.MULTILINE))
    assert list(rows) == [planted.name for planted in PLANTED]
    assert rows.keys() >= QUICK
