"""What a model takes of images: what is surely refused is told from what is only doubtful."""

import re

import pytest

from cometrunway._media._image_headers import ImageHeader
from cometrunway._media._image_limits import ImageLimits

LIMITS = ImageLimits(ratio=(0.4, 4), usual_ratio=(0.5, 2), least_side=10, most_side=8000)


@pytest.mark.parametrize(
    ("header", "sure", "doubtful"),
    [
        (ImageHeader(640, 480), "", ""),
        (ImageHeader(8000, 4000), "", ""),
        (ImageHeader(8001, 8000), "8001x8000 pixels; each side must have at most 8000", ""),
        (ImageHeader(9, 9), "has 9x9 pixels; each side must have at least 10", ""),
        (ImageHeader(4000, 900), "4000x900 pixels; width / height must be from 0.4 to 4", ""),
        (ImageHeader(1170, 2532), "", "some models refuse a width / height that is not from 0.5 to 2"),
        (ImageHeader(640, 480, 6), "", r"turned by its Exif \(orientation 6\)"),
        (ImageHeader(900, 4000, 6), "4000x900 pixels; width / height must", "turned by its Exif"),
    ],
)
def test_faults(header: ImageHeader, sure: str, doubtful: str) -> None:
    """Each is told once, with the limit; a shape is judged as the image is shown."""
    faults = list(LIMITS.faults(header))
    for is_sure, pattern in ((True, sure), (False, doubtful)):
        told = [fault.reason for fault in faults if fault.is_sure is is_sure]
        assert len(told) == bool(pattern)
        if pattern:
            assert re.search(pattern, told[0])


def test_where_nothing_is_known_only_a_pixel_is_refused() -> None:
    """One pixel shows nothing, whatever the model."""
    assert not list(ImageLimits().faults(ImageHeader(2, 60_000)))
    [fault] = ImageLimits().faults(ImageHeader(1, 1))
    assert fault.is_sure
    assert not fault.is_curable
