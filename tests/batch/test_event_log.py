"""The events of a batch as JSON Lines."""

import io
import json
import logging
from pathlib import Path

import pytest

from cometrunway import Asset, Event, EventKind
from cometrunway._batch._event_log import EventLog


def test_each_event_is_one_line_with_its_files() -> None:
    """Whatever a text has in it. What is not known is left out, and an asset without a file is no file."""
    stream = io.StringIO()
    kept = Asset(
        url="https://example.com/a.mp4",
        path=Path("/out/a.mp4"),
        media_type="video/mp4",
        size=3,
        sha256="ab",
        verified=False,
    )
    url_only = Asset(url="https://example.com/b.mp4")
    log = EventLog(stream)
    log.on_event(
        Event(kind=EventKind.DOWNLOADED, route="image_to_video", key="a\nb", task_id="t-1", assets=(kept, url_only))
    )
    log.write({"event": "end", "total": 1, "failed": 0, "reason": None, "owed": []})
    downloaded, end = map(json.loads, stream.getvalue().splitlines())
    assert downloaded.items() >= {"event": "downloaded", "key": "a\nb", "task_id": "t-1"}.items()
    assert downloaded["files"] == [
        {"path": "/out/a.mp4", "media_type": "video/mp4", "size": 3, "sha256": "ab", "verified": False}
    ]
    assert end.keys() == {"at", "event", "total", "failed"}


class _FullStream(io.StringIO):
    """A stream on a full disk."""

    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")

    def fileno(self) -> int:
        raise OSError


def test_a_stream_that_is_full_ends_no_batch(caplog: pytest.LogCaptureFixture) -> None:
    """The reason is logged, and nothing is raised."""
    with caplog.at_level(logging.WARNING):
        EventLog(_FullStream()).write({"event": "end"})
    assert "events can no longer be written: No space left on device" in caplog.text
