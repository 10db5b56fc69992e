"""Intents: submissions before they are sent."""

from typing import Any

import attrs

from cometrunway._submission._intent import Intent, Message
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
