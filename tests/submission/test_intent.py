"""Intents: submissions before they are sent."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from cometrunway import Journal, errors
from cometrunway._submission._intent import Intent, Message
from cometrunway.emulator import Emulator
from tests.samples import yawn


def test_the_path_of_callbacks_is_not_shown() -> None:
    """Who knows it can post: a log or a traceback that shows an intent does not tell it."""
    values: dict[str, Any] = {field.name: None for field in attrs.fields(Intent)}
    intent = Intent(**{**values, "request": yawn(1), "callback_path": "/of-callbacks"})
    assert "ImageToVideo" in repr(intent)
    assert "of-callbacks" not in repr(intent)


def test_what_is_sent_is_not_shown() -> None:
    """A prompt and the content of files are in no log and no traceback that shows a message."""
    values: dict[str, Any] = {"request": "a prompt", "files": {"a file": "its content"}, "used_until": 1.5}
    assert repr(Message(**values)) == "Message(used_until=1.5)"


async def test_equal_requests_of_a_batch_are_submissions_of_their_own(session: Any, tmp_path: Path) -> None:
    """Each is one task, and the next run buys neither again."""
    async with Emulator() as emulator:
        for _ in range(2):
            async with session(emulator, journal=tmp_path / "shots.db") as runway:
                assert len({handle.id for handle in await runway.map([yawn(1), yawn(1)])}) == 2
        assert emulator.creates.accepted == 2


async def test_a_key_of_another_request_is_refused_with_the_difference(session: Any, tmp_path: Path) -> None:
    """The fields that differ are named; of a pruned request there is only a digest to compare."""
    journal = tmp_path / "shots.db"
    async with Emulator() as emulator:
        async with session(emulator, journal=journal) as runway:
            await (await runway.submit(yawn(1), key="cat"))
            with pytest.raises(errors.KeyConflictError, match=r"\(prompt_text: .* 1 times .* there, .* 2 times"):
                await runway.submit(yawn(2), key="cat")
        async with Journal(journal) as opened:
            await opened.prune(delivered_before=datetime.now(UTC))
        async with session(emulator, journal=journal) as runway:
            with pytest.raises(errors.KeyConflictError, match=r"\(which was pruned: only its digest is left\)"):
                await runway.submit(yawn(2), key="cat")
        assert emulator.creates.accepted == 1
