"""Live progress of a batch on a terminal: `Session(on_event=board.on_event)` inside `with board:`.

With the extra `cometrunway[cli]` and a terminal to draw on there is a bar; otherwise plain lines.
"""

import sys
from typing import TextIO

from cometrunway.progress._board import Board, LineBoard, QuietBoard

__all__ = ["Board", "LineBoard", "QuietBoard", "new_board"]


def new_board(total: int, stream: TextIO | None = None, *, quiet: bool = False) -> Board:
    """Return a board for `total` shots, on standard error unless told otherwise.

    A live one where rich is installed and the stream is a terminal that can move its cursor, else one of plain lines;
    with `quiet`, one that shows only what went wrong.
    """
    stream = stream or sys.stderr
    if quiet:
        return QuietBoard(total, stream)
    if stream.isatty():
        try:
            from cometrunway.progress._live import LiveBoard, can_draw  # noqa: PLC0415 - needs the extra
        except ImportError:
            pass
        else:
            if can_draw(stream):
                return LiveBoard(total, stream)
    return LineBoard(total, stream)
