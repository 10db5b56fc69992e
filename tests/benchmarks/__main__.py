"""All figures, the tables and the plots of docs/benchmarks.md: `python -m tests.benchmarks --help`."""

import argparse
import json
import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.benchmarks import decisions, downloads, gallery, machine, memory, million, page, polls, waits

DATA = Path("docs/benchmarks/data.json")
SIZES = [100, 1_000, 5_000, 10_000]
SWEEP = waits.Shape(over=0, shortest=4, longest=12)
FIELD = waits.Shape(over=20, shortest=20, longest=60)
_PACKAGES = ["cometrunway", "aiohttp", "runwayml", "httpx"]


def this_machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    model = [line for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "processor": model[0].partition(":")[2].strip() if model else platform.processor(),
        "cores": len(machine.cores()) or os.cpu_count(),
        "pinned": machine.are_apart(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def sweep(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Run every client with every number of tasks, in turn; what did not finish is not repeated."""
    found: list[dict[str, Any]] = []
    for tasks in arguments.tasks:
        hopeless: set[str] = set()
        for _ in range(arguments.runs):
            for client in waits.CLIENTS:
                if client not in hopeless:
                    run = waits.run(client, tasks=tasks, shape=SWEEP, limit=arguments.limit)
                    found.append(run)
                    _say(f"{tasks} tasks: {client}", run)
                    if client != "bare" and run["finished"] < tasks:
                        hopeless.add(client)
    return found


def field(arguments: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Run the field's own test: without progress beside other clients, and with it."""
    clients = {"without progress": waits.WAITING, "with progress": ["cometrunway"]}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in clients}
    for _ in range(arguments.runs):
        for name, runs in found.items():
            for client in clients[name]:
                run = waits.run(client, tasks=2_000, shape=FIELD, limit=300, progress=name == "with progress")
                runs.append(run)
                _say(f"the field's test {name}: {client}", run)
    return found


PARTS: dict[str, Callable[[argparse.Namespace], Any]] = {
    "polls": lambda arguments: polls.measure(runs=3 * arguments.runs, seconds=4.0),
    "decisions": lambda arguments: decisions.measure(runs=arguments.runs),
    "memory": lambda arguments: memory.measure(runs=arguments.runs),
    "downloads": lambda arguments: downloads.measure(runs=arguments.runs),
    "million": lambda arguments: million.measure(runs=arguments.runs),
    "gallery": lambda arguments: gallery.measure(runs=arguments.runs),
    "field": field,
    "waits": sweep,
}


def _say(what: str, figures: Any) -> None:
    print(f"{what}: {json.dumps(figures)}", flush=True)


def main() -> None:
    """Measure what is asked for; write the data, and from it the tables and the plots."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=f"Measures side by side, writes {DATA}, and from it the tables and plots of {page.PAGE}.",
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to measure; by default all"
    )
    parser.add_argument("--tasks", nargs="+", type=int, default=SIZES, help="how many tasks wait at once")
    parser.add_argument("--runs", type=int, default=3, help="of each measurement; figures are their medians")
    parser.add_argument("--limit", type=float, default=120, help="seconds for one client's run")
    parser.add_argument("--keep", action="store_true", help="only print: leave the data and the page as they are")
    arguments = parser.parse_args()
    if not machine.are_apart():
        print("Client and server share what cores there are: this system does not pin processes, or has only one.")
    is_whole = set(arguments.only) == PARTS.keys()
    data = json.loads(DATA.read_text()) if DATA.exists() and not is_whole else {}
    if not is_whole:
        data["note"] = "Not all parts were measured in one run"
    for name in arguments.only:
        data[name] = PARTS[name](arguments)
        _say(name, data[name])
        if not arguments.keep:
            data["machine"] = this_machine()
            DATA.write_text(json.dumps(data, indent=1) + "\n")
    if not arguments.keep and PARTS.keys() <= data.keys():
        page.write(data)


if __name__ == "__main__":
    main()
