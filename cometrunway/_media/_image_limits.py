"""What a model takes of images, and in what an image differs from that."""

from collections.abc import Iterator
from typing import Any, Literal

from attrs import field, frozen

from cometrunway._media._image_headers import ImageHeader

Fit = Literal["shrink"]
"""What becomes of a local image that does not fit: it is turned, cropped, scaled and converted until it does."""


def _pair(value: Any) -> Any:
    return None if value is None else tuple(value)


@frozen
class Fault:
    """In what a medium differs from what is taken."""

    reason: str
    """As a part of a sentence, such as `lies on its side`."""
    is_sure: bool
    """Whether it is refused; else it may be refused or misread."""
    is_curable: bool = True
    """Whether `fit="shrink"` cures it."""


@frozen(kw_only=True)
class ImageLimits:
    """What a model takes of images; both bounds are included, and None where none is known."""

    ratio: tuple[float, float] | None = field(default=None, converter=_pair)
    """Width divided by height; others are refused."""
    usual_ratio: tuple[float, float] | None = field(default=None, converter=_pair)
    """The same; others are known to be refused by some models."""
    least_side: int = 2
    """Pixels of width and of height; smaller images are refused. One pixel shows nothing."""
    usual_least_side: int = 2
    """The same; smaller images are known to be refused by some models."""
    most_side: int | None = None
    """Pixels of width and of height; larger images are refused."""

    def faults(self, header: ImageHeader) -> Iterator[Fault]:
        """Yield in what an image differs."""
        width, height = header.shown_size
        size = f"has {width}x{height} pixels"
        if min(width, height) < self.least_side:
            yield Fault(f"{size}; each side must have at least {self.least_side}", is_sure=True, is_curable=False)
        elif min(width, height) < self.usual_least_side:
            reason = f"{size}; some models refuse a side of less than {self.usual_least_side}"
            yield Fault(reason, is_sure=False, is_curable=False)
        if self.most_side is not None and max(width, height) > self.most_side:
            yield Fault(f"{size}; each side must have at most {self.most_side}", is_sure=True)
        if not _within(width / height, self.ratio):
            yield Fault(f"{size}; width / height must be {_said(self.ratio)}", is_sure=True)
        elif not _within(width / height, self.usual_ratio):
            yield Fault(
                f"{size}; some models refuse a width / height that is not {_said(self.usual_ratio)}", is_sure=False
            )
        if header.orientation != 1:
            reason = f"is turned by its Exif (orientation {header.orientation}), which a model may not see"
            yield Fault(reason, is_sure=False)


def _within(ratio: float, bounds: tuple[float, float] | None) -> bool:
    return bounds is None or bounds[0] <= ratio <= bounds[1]


def _said(bounds: tuple[float, float] | None) -> str:
    least, most = bounds or (0.0, 0.0)
    return f"from {least:g} to {most:g}"
