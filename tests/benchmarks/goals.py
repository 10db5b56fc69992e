"""What was aimed at, and what was measured of it."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from attrs import frozen

from tests.benchmarks.figures import Run, by_client, lag, middle, over, per_request, ratios, speeds


@frozen
class Goal:
    """A figure and its bound."""

    what: str
    measured: float | None
    digits: int
    at_most: float | None = None
    at_least: float | None = None

    @property
    def bound(self) -> str:
        """The bound in words."""
        return f"at least {self.at_least:,g}" if self.at_most is None else f"at most {self.at_most:,g}"

    @property
    def is_reached(self) -> bool:
        """Whether the figure was measured, and is within its bound."""
        if self.measured is None:
            return False
        return self.measured <= self.at_most if self.at_most is not None else self.measured >= (self.at_least or 0)


def goals(data: dict[str, Any]) -> list[Goal]:
    """Return all of them."""
    return [*_of_polls(data), *_of_waiting(data), *_of_the_field(data), *_of_downloads(data), *_of_large_journals(data)]


def _of_polls(data: dict[str, Any]) -> Iterator[Goal]:
    polls = data["polls"]
    yield Goal("CPU per poll, of a bare GET and json", over(polls, "cometrunway", "bare"), 2, at_most=1.3)
    for name, found in data["decisions"].items():
        yield Goal(f"CPU of a decision {name}, us", median(figures["decision"] for figures in found), 1, at_most=10)
    yield Goal("official SDK, saturated: CPU per poll, of ours", over(polls, "runwayml", "cometrunway"), 1, at_least=15)


def _of_waiting(data: dict[str, Any]) -> Iterator[Goal]:
    sizes = sorted({run["tasks"] for run in data["waits"]})
    for tasks in sizes:
        clients = by_client(data["waits"], tasks)
        if all(run["finished"] == tasks for run in clients["runwayml"]):  # else there is nothing to compare
            ratio = ratios(per_request, clients["runwayml"], clients["cometrunway"])
            yield Goal(f"official SDK, {tasks:,} tasks at once: CPU per request, of ours", ratio, 1, at_least=15)
    most = sizes[-1]
    ours = by_client(data["waits"], most)["cometrunway"]
    finished = min(run["finished"] for run in ours)
    yield Goal("bytes that a waiting task holds", median(data["memory"]["system"]), 0, at_most=4096)
    yield Goal(f"of {most:,} tasks finish, in the worst run", finished, 0, at_least=most)
    stall = max(run["stall_cpu"] for run in ours) * 1e3
    yield Goal(f"longest stall with {most:,} tasks, in the worst run, ms of CPU", stall, 0, at_most=50)


def _of_the_field(data: dict[str, Any]) -> Iterator[Goal]:
    limits = {"without progress": (7.5, 1.6, None), "with progress": (5, 1.5, 3)}
    for name, (polls, half, nearly_all) in limits.items():
        found: list[Run] = [run for run in data["field"][name] if run["client"] == "cometrunway"]
        test = f"the field's test {name}"
        yield Goal(f"{test}: polls per task", middle(lambda run: run["polls_per_task"], found), 2, at_most=polls)
        yield Goal(f"{test}: lag p50, s", middle(lag("p50"), found), 2, at_most=half)
        if nearly_all is not None:
            yield Goal(f"{test}: lag p95, s", middle(lag("p95"), found), 2, at_most=nearly_all)
        yield Goal(f"{test}: CPU, s", middle(lambda run: run["cpu"], found), 1, at_most=8)


def _of_large_journals(data: dict[str, Any]) -> Iterator[Goal]:
    limits = {"open": (0.2, None), "status": (1, 100), "resume": (1, 100), "export": (None, 60), "gallery": (None, 200)}
    most = max(run["shots"] for run in data["million"])
    for what, (seconds, megabytes) in limits.items():
        found: list[Run] = [run for run in data["million"] if (run["what"], run["shots"]) == (what, most)]
        where = f"{what}, {most:,} shots in the journal"
        if seconds is not None:
            yield Goal(f"{where}: s", middle(lambda run: run["seconds"], found), 2, at_most=seconds)
        if megabytes is not None:
            yield Goal(f"{where}: MB", middle(lambda run: run["memory"] / 1e6, found), 0, at_most=megabytes)


def _of_downloads(data: dict[str, Any]) -> Iterator[Goal]:
    for where, name in (("network", "a network"), ("loopback", "loopback")):
        found = speeds(data["downloads"]["speeds"][where])
        for way, loop in (("bare", "only reads and writes"), ("bare, durable", "also digests and syncs")):
            ratio = over(found, "cometrunway", way)
            yield Goal(f"downloads over {name}, of a loop that {loop}", ratio, 2, at_least=0.9)
