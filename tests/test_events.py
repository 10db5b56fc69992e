"""Events, and observers."""

from typing import Any

import pytest

from cometrunway import (
    Event,
)
from cometrunway.emulator import Emulator
from tests.samples import yawn


async def test_an_observer_that_raises_harms_nobody(session: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An error in on_event is logged, and the batch goes on."""

    def broken(_event: Event) -> None:
        raise KeyError("mine")

    async with Emulator() as emulator, session(emulator, on_event=broken) as runway:
        assert await (await runway.submit(yawn()))
    assert "on_event failed" in caplog.text
