"""The options of an emulator that are misspelt."""

from typing import Any

import pytest

from cometrunway.emulator import Emulator


def test_a_misspelt_option_is_told_with_the_one_that_is_meant() -> None:
    """On every Python; an option that is near to none is told as Python does."""
    make: Any = Emulator
    with pytest.raises(TypeError, match=r"'durtion'. Did you mean 'duration'\?$"):
        make(durtion=1)
    with pytest.raises(TypeError, match=r"'zzz'$"):
        make(zzz=1)
