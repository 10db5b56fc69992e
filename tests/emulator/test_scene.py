"""The picture in emulated clips and images."""

from math import dist
from statistics import mean

import pytest

from cometrunway.emulator._scene import TINTS, Scene

DISCS = 192
"""The first of the colours that only discs have."""


@pytest.mark.parametrize(("width", "height"), [(208, 118), (118, 208), (16, 16), (48, 12)])
def test_each_pixel_has_a_colour(width: int, height: int) -> None:
    """Whatever the shape and the moment: the discs stay inside, and no row is longer or shorter than the others."""
    scene = Scene(width=width, height=height, tint=5)
    assert len(scene.palette()) == 256
    assert all(0 <= part <= 255 for colour in scene.palette() for part in colour)
    for moment in (0.0, 0.13, 0.5, 0.99):
        assert [len(row) for row in scene.rows(moment)] == [width] * height


def middle(rows: list[bytearray]) -> tuple[float, float]:
    """Return where the middle of all pixels of the discs is."""
    found = [(x, y) for y, row in enumerate(rows) for x, index in enumerate(row) if index >= DISCS]
    return mean(x for x, _ in found), mean(y for _, y in found)


def test_the_discs_move_in_a_closed_loop() -> None:
    """The end is the beginning, to a pixel, and between them they are elsewhere."""
    scene = Scene(width=64, height=36, tint=0)
    begun, quarter, half, end = (middle(scene.rows(moment)) for moment in (0.0, 0.25, 0.5, 1.0))
    assert dist(begun, end) <= 1
    assert dist(begun, quarter) > 5
    assert dist(begun, half) > 5


def test_each_tint_has_colours_of_its_own() -> None:
    """So that the clips of a batch can be told apart."""
    assert len({tuple(Scene(width=16, height=16, tint=tint).palette()) for tint in range(TINTS)}) == TINTS
