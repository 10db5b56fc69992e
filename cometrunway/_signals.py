"""Adds handlers to signals that end a process. The earlier handler, such as a web server's, still runs."""

import os
import signal
from collections.abc import Callable
from types import FrameType


def hear(number: signal.Signals, act: Callable[[], object]) -> None:
    """Call `act` in the main thread when the signal comes, and then the handler that was there before.

    Raises:
        ValueError: this is not the main thread.
    """
    before = signal.getsignal(number)

    def handle(received: int, frame: FrameType | None) -> None:
        act()
        if callable(before):
            before(received, frame)
        elif before is signal.SIG_DFL:
            signal.signal(received, signal.SIG_DFL)
            os.kill(os.getpid(), received)

    signal.signal(number, handle)
