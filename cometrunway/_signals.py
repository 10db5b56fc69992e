"""Adds handlers to signals that end a process. The earlier handler, such as a web server's, still runs."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType


def hear(number: signal.Signals, act: Callable[[], object]) -> None:
    """Call `act` in the main thread when the signal comes, and then the handler that was there before.

    Raises:
        ValueError: this is not the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        raise ValueError(
            "a signal can be heard in the main thread only: leave end_events_on out where the program runs in another "
            "one, as under a TestClient"
        )
    before = signal.getsignal(number)

    def handle(received: int, frame: FrameType | None) -> None:
        act()
        if callable(before):
            before(received, frame)
        elif before is signal.SIG_DFL:
            signal.signal(received, signal.SIG_DFL)
            os.kill(os.getpid(), received)

    signal.signal(number, handle)
