"""Intents: submissions before they are sent."""

from cometrunway._submission._intent import Intent
from tests.samples import yawn


def test_the_path_of_callbacks_is_not_shown() -> None:
    """Who knows it can post: a log or a traceback that shows an intent does not tell it."""
    intent = Intent(
        request=yawn(1), key="A", digests={}, entry=None, submitted_at=0.0, callback_path="/of-callbacks", priority=0
    )
    assert "of-callbacks" not in repr(intent)
