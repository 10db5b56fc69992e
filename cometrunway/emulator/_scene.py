"""The picture in the emulated clips and images: two discs that move in circles over a gradient."""

import colorsys
import math
from collections.abc import Iterator

from attrs import frozen

TINTS = 12
"""The number of colour schemes. A tint is 0..11."""

_GRADIENT, _DISC = 192, 32
_Colour = tuple[int, int, int]


@frozen(kw_only=True)
class Scene:
    """A picture that moves in a closed loop, in at most 256 colours.

    Args:
        width: Pixels, even.
        height: Pixels, even.
        tint: The colour scheme, 0..11.
    """

    width: int
    height: int
    tint: int

    def rows(self, moment: float) -> list[bytearray]:
        """The rows of palette indices at a moment of the loop, 0..1."""
        ramp = _stretched(0, _GRADIENT, self.width + self.height)
        rows = [bytearray(ramp[y : y + self.width]) for y in range(self.height)]
        for size, phase, first in ((0.17, 0.0, _GRADIENT), (0.08, 0.45, _GRADIENT + _DISC)):
            self._draw_disc(rows, size, moment + phase + self.tint / TINTS, first)
        return rows

    def palette(self) -> list[_Colour]:
        """The 256 colours as red, green, blue, each 0..255."""
        hue = self.tint / TINTS
        return [
            *_shades(hue, hue + 0.14, 0.24, 0.58, _GRADIENT),
            *_shades(hue + 0.45, hue + 0.5, 0.45, 0.85, _DISC),
            *_shades(hue + 0.6, hue + 0.66, 0.5, 0.9, _DISC),
        ]

    def _draw_disc(self, rows: list[bytearray], size: float, turn: float, first: int) -> None:
        radius = max(3, int(size * min(self.width, self.height)))
        x = int(self.width * (0.5 + 0.3 * math.cos(math.tau * turn)))
        y = int(self.height * (0.5 + 0.26 * math.sin(math.tau * turn)))
        shading = _stretched(first + _DISC - 1, first - 1, 4 * radius + 2)
        for dy in range(-radius, radius + 1):
            half = math.isqrt(radius * radius - dy * dy)
            start = 2 * radius - half + dy
            rows[y + dy][x - half : x + half] = shading[start : start + 2 * half]


def _stretched(first: int, end: int, length: int) -> bytes:
    return bytes(first + (end - first) * step // length for step in range(length))


def _shades(hue: float, end: float, dark: float, light: float, count: int) -> Iterator[_Colour]:
    for step in range(count):
        part = step / (count - 1)
        red, green, blue = colorsys.hls_to_rgb((hue + (end - hue) * part) % 1.0, dark + (light - dark) * part, 0.72)
        yield round(red * 255), round(green * 255), round(blue * 255)
