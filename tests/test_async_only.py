"""What must be awaited, or used with `async for` or `async with`, says so."""

from pathlib import Path
from typing import Any

import pytest

from cometrunway import (
    Journal,
    Session,
)
from cometrunway.emulator import Emulator
from tests.samples import yawn


def test_a_plain_with_says_what_is_needed(tmp_path: Path) -> None:
    """Of a session, a journal and an emulator; a hint beats the protocol error of Python."""
    values: list[tuple[Any, str]] = [
        (Session("sk-x"), "a Session needs `async with`"),
        (Journal(tmp_path / "shots.db"), "a Journal needs `async with`"),
        (Emulator(), r"`with Emulator.in_thread\(...\) as emulator:`"),
    ]
    for value, cure in values:
        with pytest.raises(TypeError, match=cure), value:
            pytest.fail("it was entered")


async def test_what_is_read_asynchronously_says_how(session: Any, tmp_path: Path) -> None:
    """A forgotten await or async is said, for a handle, a batch, a resumption and events."""
    async with Emulator() as emulator, session(emulator, journal=tmp_path / "shots.db") as runway:
        handle = await runway.submit(yawn())
        with pytest.raises(TypeError, match=r"TaskHandle is not iterable: .*`\[asset\] = await handle`"):
            [_clip] = handle
        with pytest.raises(TypeError, match=r"TaskHandle has no items: .*await"):
            handle[0]
        resumption = runway.resume()
        for value, cure in (
            (runway.map([]), "async for handle in batch"),
            (resumption, "async for handle in session.resume"),
            (runway.events(), "an EventStream is not iterable: .*async for event in session.events"),
        ):
            with pytest.raises(TypeError, match=cure):
                list(value)
        await resumption
