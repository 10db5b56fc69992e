"""The machine: one core for the client that is measured, another for the server, and what a process has used."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

_STATUS = Path("/proc/self/status")


def cores() -> list[int]:
    """Return the cores that this process may use; none where the system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def are_apart() -> bool:
    """Whether the server and the client have a core each."""
    return len(cores()) > 1


def pin(core: int) -> None:
    """Keep this process to the first (0) or the last (-1) core, where that can be done."""
    if are_apart():
        os.sched_setaffinity(0, {cores()[core]})


@contextmanager
def server(*flags: str, **options: float) -> Iterator[str]:
    """Run a server in a process of its own; yield its base URL."""
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "tests.benchmarks.server", *flags, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["base_url"]
        finally:
            process.terminate()


def asked(base_url: str, path: str, body: bytes | None = None) -> dict[str, Any]:
    """Return the server's answer to a GET or, with a body, a POST; blocks meanwhile."""
    with urlopen(f"{base_url}{path}", data=body) as answer:  # noqa: S310 - our own process
        said: dict[str, Any] = json.load(answer)
        return said


def books(base_url: str) -> dict[str, Any]:
    """Return what the server knows of its tasks: when each began and `ends`, and how many `polls` there were in all."""
    return asked(base_url, "/books")


def in_a_process(module: str, *arguments: str, limit: float = 600) -> Any:
    """Run a module in a process of its own, for at most so many seconds; return the JSON that it prints."""
    command = [sys.executable, "-m", module, *arguments]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=limit).stdout)


def memory() -> int:
    """Return the bytes of memory that this process holds now, or where the system does not tell, held at most."""
    return _kib("VmRSS:") * 1024


def peak_memory() -> int:
    """Return the most bytes of memory that this process has held."""
    return _kib("VmHWM:") * 1024


def _kib(name: str) -> int:
    if _STATUS.exists():  # what `getrusage` tells of a new process begins with its parent's
        return next(int(line.split()[1]) for line in _STATUS.read_text().splitlines() if line.startswith(name))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used // 1024 if sys.platform == "darwin" else used
