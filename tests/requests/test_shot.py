"""A request with its key."""

import pytest

from cometrunway import (
    Shot,
)
from tests.samples import yawn


def test_a_shot_is_a_key_and_a_request() -> None:
    """What could only fail once it is paid for is refused as it is made."""
    with pytest.raises(ValueError, match="key"):
        Shot(1, yawn())  # type: ignore[arg-type]  # the point
    with pytest.raises(TypeError, match="request"):
        Shot("1", {"route": "image_to_video"})  # type: ignore[arg-type]  # the point
