"""The limits of a model for images, and the faults of an image."""

from collections.abc import Iterator
from typing import Any, Literal

from attrs import field, frozen

from cometrunway._media._image_headers import ImageHeader

Fit = Literal["shrink"]
"""How a local image that does not fit is changed: it is turned, cropped, scaled and converted until it fits."""


def _pair(value: Any) -> Any:
    return None if value is None else tuple(value)


@frozen
class Fault:
    """One difference between a medium and what the provider accepts."""

    reason: str
    """The predicate of a sentence, such as `lies on its side`."""
    is_sure: bool
    """Whether the provider certainly refuses the medium. Otherwise it may refuse or misread it."""
    is_curable: bool = True
    """Whether `fit="shrink"` cures it."""


@frozen(kw_only=True)
class ImageLimits:
    """The images that a model accepts. Both bounds are included. None means that no limit is known."""

    ratio: tuple[float, float] | None = field(default=None, converter=_pair)
    """The range of width divided by height. Other images are refused."""
    usual_ratio: tuple[float, float] | None = field(default=None, converter=_pair)
    """The usual range of width divided by height. Some models refuse other images."""
    least_side: int = 2
    """The least width and height in pixels. Smaller images are refused. An image of one pixel shows nothing."""
    most_side: int | None = None
    """The greatest width and height in pixels. Larger images are refused."""

    def faults(self, header: ImageHeader) -> Iterator[Fault]:
        """Yield the faults of an image."""
        width, height = header.shown_size
        size = f"has {width}x{height} pixels"
        if min(width, height) < self.least_side:
            yield Fault(f"{size}; each side must have at least {self.least_side}", is_sure=True, is_curable=False)
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
