"""An emulator in a process of its own, for tests of other processes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

COMMAND = [sys.executable, "-m", "cometrunway"]
"""The command, as whoever installed the package has it."""


@contextmanager
def served_by_emulator(*options: str) -> Iterator[dict[str, str]]:
    """Start `cometrunway emulator` with these options; yield the environment that points at it, and end it."""
    with subprocess.Popen([*COMMAND, "emulator", *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield {"COMETRUNWAY_BASE_URL": ready["base_url"], "COMETAPI_KEY": ready["api_key"]}
        finally:
            process.terminate()
        assert process.wait(10) == 0
