"""Live progress of a batch on a terminal: `Session(on_event=display.on_event)` inside `with display:`.

With the extra `cometrunway[cli]` and on a terminal it is a bar; otherwise it is plain lines.
"""

import sys
from typing import TextIO

from cometrunway.progress._display import LineDisplay, ProgressDisplay, QuietDisplay

__all__ = ["LineDisplay", "ProgressDisplay", "QuietDisplay", "new_display"]


def new_display(total: int, stream: TextIO | None = None, *, quiet: bool = False) -> ProgressDisplay:
    """Return a display for `total` shots, by default on standard error.

    It is a live display if rich is installed and the stream is a terminal that can move its cursor, else one of plain
    lines. With `quiet` it shows only failures.
    """
    stream = stream or sys.stderr
    if quiet:
        return QuietDisplay(total, stream)
    if stream.isatty():
        try:
            from cometrunway.progress._live import LiveDisplay, can_draw  # noqa: PLC0415 - needs the extra
        except ImportError:
            pass
        else:
            if can_draw(stream):
                return LiveDisplay(total, stream)
    return LineDisplay(total, stream)
