"""The first moments of the command."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.test_main import shot, write

PROGRAM = """
import signal

set_handler = signal.signal


def tell(*arguments):
    before = set_handler(*arguments)
    print("begun", flush=True)
    return before


signal.signal = tell
from cometrunway._cli._entry import command

command()
"""
"""Says when the command has first set how it takes a signal, which is its first line."""


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.4, 0.8])
def test_ctrl_c_at_any_moment_leaves_no_traceback(delay: float, tmp_path: Path) -> None:
    """While the command imports what it needs, reads its options, or begins to work."""
    command = [sys.executable, "-c", PROGRAM, "run", write(tmp_path, shot(prompt_text="[seconds 60]")), "--emulator"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(delay)  # real time, for it is about real imports
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode in {130, -signal.SIGINT}  # a shell calls both 130
    assert "Traceback" not in errors
    assert "KeyboardInterrupt" not in errors
