"""What `import cometrunway` costs beside `import aiohttp`: `python -m tests.benchmarks.imports [RUNS]`.

Each import is one new process, in turn; figures are user and system time of the process, less that of one without.
"""

import os
import subprocess
import sys
from statistics import median

from tests.benchmarks import machine

MODULES = ["", "aiohttp", "cometrunway"]


def once(module: str) -> float:
    """Return the milliseconds of CPU of a process that imports a module, or none."""
    before = os.times()
    subprocess.run([sys.executable, "-c", f"import {module}" if module else ""], check=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used * 1e3


def measure(*, runs: int) -> dict[str, float]:
    """Return the median milliseconds of each import."""
    found: dict[str, list[float]] = {module: [] for module in MODULES}
    for _ in range(runs):
        for module in MODULES:
            found[module].append(once(module))
    nothing = median(found.pop(""))
    return {module: median(figures) - nothing for module, figures in found.items()}


def main() -> None:
    """Measure and print."""
    machine.pin(0)
    found = measure(runs=int(sys.argv[1]) if sys.argv[1:] else 30)
    for module, milliseconds in found.items():
        print(f"import {module}: {milliseconds:.0f} ms, {milliseconds / found['aiohttp']:.2f} times aiohttp's")


if __name__ == "__main__":
    main()
