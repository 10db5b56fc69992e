"""What the tables, the plots and the goals are made of: figures of single runs, and their medians."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

Run = dict[str, Any]
NAMES = {
    "cometrunway": "cometrunway",
    "runwayml": "runwayml",
    "runwayml-aiohttp": "runwayml, aiohttp extra",
    "coroutines": "coroutine per task on aiohttp",
    "bare": "bare aiohttp, waiting for nothing",
}


def by_client(runs: Sequence[Run], tasks: int) -> dict[str, list[Run]]:
    """Return the runs with so many tasks, by client, in the order of the table."""
    found = {client: [run for run in runs if (run["client"], run["tasks"]) == (client, tasks)] for client in NAMES}
    return {client: of_client for client, of_client in found.items() if of_client}


def per_request(run: Run) -> float | None:
    """Return microseconds of CPU per request that was answered; None if none was."""
    return run["cpu"] / run["requests"] * 1e6 if run["requests"] else None


def per_task(run: Run) -> float | None:
    """Return milliseconds of CPU per task that finished; None if none did."""
    return run["cpu"] / run["finished"] * 1e3 if run["finished"] else None


def kib_per_task(run: Run) -> float | None:
    """Return the KiB by which memory grew at most, per task; None where not all tasks came to wait."""
    return run["memory"] / run["tasks"] / 1024 if run["finished"] == run["tasks"] else None


def middle(figure: Callable[[Run], float | None], runs: Iterable[Run]) -> float | None:
    """Return the median of a figure over the runs that have it."""
    values = [value for run in runs if (value := figure(run)) is not None]
    return median(values) if values else None


def lag(quantile: str) -> Callable[[Run], float | None]:
    """Return the figure that is this quantile of the lag."""
    return lambda run: run["lag"] and run["lag"][quantile]


def ratios(figure: Callable[[Run], float | None], theirs: Sequence[Run], ours: Sequence[Run]) -> float | None:
    """Return the median of theirs over ours, run by run."""
    pairs = [(figure(run), figure(own)) for run, own in zip(theirs, ours, strict=False)]
    values = [their / own for their, own in pairs if their is not None and own is not None]
    return median(values) if values else None


def over(runs: dict[str, list[float]], one: str, other: str) -> float:
    """Return the median of one's figures over the other's, run by run."""
    return median(first / second for first, second in zip(runs[one], runs[other], strict=True))


def speeds(runs: dict[str, list[dict[str, float]]]) -> dict[str, list[float]]:
    """Return the bytes per second of each way to download, run after run."""
    return {way: [run["bytes_per_second"] for run in of_way] for way, of_way in runs.items()}
