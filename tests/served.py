"""The command in a process of its own, and an emulator in another, for tests of processes."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

COMMAND = [sys.executable, "-m", "cometrunway"]
"""The command of the installed package."""


@contextmanager
def started(*arguments: str, folder: Path, **environment: str) -> "Iterator[subprocess.Popen[str]]":
    """Run the command until the block ends, or until it ends by itself."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)


def in_shell(*lines: str, folder: Path, environment: Mapping[str, str]) -> list["subprocess.CompletedProcess[str]"]:
    """Run lines of the shell at the same time, in which `cometrunway` is the command."""
    begin = f'set -o pipefail; cometrunway() {{ {shlex.join(COMMAND)} "$@"; }}; '

    def run(line: str) -> "subprocess.CompletedProcess[str]":
        command = ["bash", "-c", begin + line]
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",  # a reader may stop within a character
            timeout=120,
            check=False,
        )

    with ThreadPoolExecutor() as threads:
        return list(threads.map(run, lines))


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
