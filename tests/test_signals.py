"""Signals, in a process of their own."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from cometrunway._signals import hear

PROGRAM = """
import signal
from cometrunway._signals import hear
signal.signal(signal.SIGTERM, {before})
hear(signal.SIGTERM, lambda: print("heard", flush=True))
signal.raise_signal(signal.SIGTERM)
print("went on", flush=True)
"""


@pytest.mark.parametrize(
    ("before", "said", "code"),
    [
        ("signal.SIG_DFL", "heard\n", -signal.SIGTERM),
        ("signal.SIG_IGN", "heard\nwent on\n", 0),
        ("lambda *_: print('first')", "heard\nfirst\nwent on\n", 0),
    ],
)
def test_a_signal_does_what_it_did_before(before: str, said: str, code: int) -> None:
    """After it was heard: it ends the process, is ignored, or is handled."""
    program = [sys.executable, "-c", PROGRAM.format(before=before)]
    ended = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.returncode) == (said, code)


def test_another_thread_cannot_hear_a_signal() -> None:
    """The error says what to leave out there."""
    with ThreadPoolExecutor(1) as thread, pytest.raises(ValueError, match=r"leave end_events_on out .* TestClient"):
        thread.submit(hear, signal.SIGTERM, print).result()
