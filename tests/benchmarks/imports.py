"""What `from cometrunway import Session` costs beside `import aiohttp`: `python -m tests.benchmarks.imports [RUNS]`.

`import cometrunway` alone loads nothing: the first name that is used does. Each import is one new process, in turn,
that finds all bytecode in place; figures are user and system time of the process, less that of one without.
"""

import os
import subprocess
import sys
from statistics import median
from tempfile import TemporaryDirectory

from tests.benchmarks import machine

STATEMENTS = {"nothing": "pass", "aiohttp": "import aiohttp", "cometrunway": "from cometrunway import Session"}


def once(statement: str, bytecode: str) -> float:
    """Return the milliseconds of CPU of a process that runs a statement, and keeps its bytecode in this folder."""
    before = os.times()
    command = [sys.executable, "-X", f"pycache_prefix={bytecode}", "-c", statement]
    subprocess.run(command, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""}, check=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used * 1e3


def measure(*, runs: int) -> dict[str, float]:
    """Return the median milliseconds of each import."""
    found: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    with TemporaryDirectory() as bytecode:
        for statement in STATEMENTS.values():
            once(statement, bytecode)
        for _ in range(runs):
            for name, statement in STATEMENTS.items():
                found[name].append(once(statement, bytecode))
    nothing = median(found.pop("nothing"))
    return {name: median(figures) - nothing for name, figures in found.items()}


def main() -> None:
    """Measure and print."""
    machine.pin(0)
    found = measure(runs=int(sys.argv[1]) if sys.argv[1:] else 30)
    for name, milliseconds in found.items():
        print(f"{STATEMENTS[name]}: {milliseconds:.0f} ms, {milliseconds / found['aiohttp']:.2f} times aiohttp's")


if __name__ == "__main__":
    main()
