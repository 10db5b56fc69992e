"""The events of a batch as JSON Lines, for pipes."""

import json
import logging
import time
from collections.abc import Mapping
from typing import Any, TextIO

from cometrunway._events import Event
from cometrunway._paths import in_utf8
from cometrunway._terminal import writing

_logger = logging.getLogger(__name__)


class EventLog:
    """Writes one JSON object per event. If a write fails, it writes no more; the batch goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def on_event(self, event: Event) -> None:
        """Write one event of the session."""
        files = [
            {
                "path": str(asset.path.absolute()),
                "media_type": asset.media_type,
                "size": asset.size,
                "sha256": asset.sha256,
                "verified": asset.verified,
            }
            for asset in event.assets
            if asset.path
        ]
        self.write({**event.to_dict(), "files": files})

    def write(self, record: Mapping[str, Any]) -> None:
        """Write one line, with the time in seconds since 1970."""
        said = {name: value for name, value in record.items() if value not in (None, [])}
        try:
            with writing(self._stream):
                print(json.dumps({"at": round(time.time(), 3), **in_utf8(said)}), file=self._stream)
        except OSError as error:
            _logger.warning("events can no longer be written: %s", error.strerror)
