"""One clip in one call."""

from pathlib import Path
from typing import Any

import pytest

from cometrunway import Journal, errors, generate
from cometrunway.emulator import Emulator
from tests.samples import yawn


async def test_one_call_brings_the_files(tmp_path: Path) -> None:
    """It opens a session with the options, and leaves nothing open and nothing owed."""
    async with Emulator() as emulator:
        options: dict[str, Any] = {
            "base_url": emulator.base_url,
            "output_dir": tmp_path,
            "journal": tmp_path / "shots.db",
        }
        [clip] = await generate(yawn(), key="cat", api_key=emulator.api_key, **options)
        again = await generate(yawn(), key="cat", api_key=emulator.api_key, **options)
    assert clip.path == tmp_path / "cat.mp4"
    assert [asset.path for asset in again] == [clip.path]
    assert emulator.creates.accepted == 1
    assert [entry.state.value for entry in Journal.read(tmp_path / "shots.db")] == ["delivered"]


async def test_what_prevents_the_files_is_raised(tmp_path: Path) -> None:
    """A failure of the task is the one that awaiting its handle raises."""
    async with Emulator() as emulator:
        with pytest.raises(errors.ModerationError, match="SAFETY"):
            await generate(
                yawn(extra="[fail SAFETY.INPUT.TEXT]"),
                api_key=emulator.api_key,
                base_url=emulator.base_url,
                output_dir=tmp_path,
            )
