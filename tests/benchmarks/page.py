"""The tables of docs/benchmarks.md, made from the data and put between its markers."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

PAGE = Path("docs/benchmarks.md")
FOLDER = Path("docs/benchmarks")
Run = dict[str, Any]
_NAMES = {
    "cometrunway": "cometrunway",
    "runwayml": "runwayml",
    "runwayml-aiohttp": "runwayml, aiohttp extra",
    "coroutines": "coroutine per task on aiohttp",
    "bare": "bare aiohttp, waiting for nothing",
}


def write(data: dict[str, Any]) -> None:
    """Bring the page's tables and the plots up to date."""
    from tests.benchmarks import plots  # needs matplotlib, which the page's own test does not have

    PAGE.write_text(rendered(PAGE.read_text(), data))
    plots.draw(data, FOLDER)


def rendered(page: str, data: dict[str, Any]) -> str:
    """Return the page with what is between each pair of markers made anew from the data."""

    def made(match: re.Match[str]) -> str:
        return f"<!-- {match[1]} -->\n\n{TABLES[match[1]](data)}\n\n<!-- end -->"

    return re.sub(r"<!-- (\w+) -->\n.*?<!-- end -->", made, page, flags=re.DOTALL)


def by_client(runs: Sequence[Run], tasks: int) -> dict[str, list[Run]]:
    """Return the runs with so many tasks, by client, in the order of the table."""
    found = {client: [run for run in runs if (run["client"], run["tasks"]) == (client, tasks)] for client in _NAMES}
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


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def shown(value: float | None, digits: int = 1) -> str:
    """Return a figure as text; a dash where there is none."""
    return "-" if value is None else f"{value:,.{digits}f}"


def _machine(data: dict[str, Any]) -> str:
    found = data["machine"]
    packages = ", ".join(f"{name} {number}" for name, number in found["packages"].items())
    where = "client and server each on a core of its own" if found["pinned"] else "client and server not pinned"
    system = f"{found['system']}, Python {found['python']}"
    note = f"**{data['note']}.** " if "note" in data else ""
    return f"{found['processor']}, {found['cores']} cores, {where}; {system}; {packages}. {note}{_runs(data)}."


def _runs(data: dict[str, Any]) -> str:
    ours = Counter(run["tasks"] for run in data["waits"] if run["client"] == "cometrunway")
    fewest = min(
        len(data["polls"]["bare"]),
        len(data["memory"]["system"]),
        *ours.values(),
        *(len(runs) for part in ("decisions", "field") for runs in data[part].values()),
        *(len(runs) for ways in data["downloads"]["speeds"].values() for runs in ways.values()),
    )
    return f"Medians of at least {fewest} runs" if fewest > 1 else "Single runs: no more than a first impression"


def _goals(data: dict[str, Any]) -> str:
    rows = [
        (what, goal, shown(value, digits), "yes" if holds else "**no**")
        for what, goal, value, digits, holds in _checked(data)
    ]
    return table(["what", "goal", "measured", "reached"], rows)


def _checked(data: dict[str, Any]) -> list[tuple[str, str, float | None, int, bool]]:
    def at_most(
        what: str, limit: float, value: float | None, digits: int = 1
    ) -> tuple[str, str, float | None, int, bool]:
        return what, f"at most {limit:,g}", value, digits, value is not None and value <= limit

    def at_least(
        what: str, limit: float, value: float | None, digits: int = 1
    ) -> tuple[str, str, float | None, int, bool]:
        return what, f"at least {limit:,g}", value, digits, value is not None and value >= limit

    polled, waited, fielded = data["polls"], data["waits"], data["field"]
    most = max(run["tasks"] for run in waited)
    ours = by_client(waited, most)["cometrunway"]
    compared, ratio = _last_comparison(waited)
    checked = [
        at_most("CPU per poll, of a bare GET and json", 1.3, _over(polled, "cometrunway", "bare"), 2),
        at_least("official SDK: CPU per poll, of ours", 15, _over(polled, "runwayml", "cometrunway")),
        at_least(f"official SDK: CPU per request with {compared:,} tasks, of ours", 15, ratio),
        at_most("bytes that a waiting task holds", 4096, median(data["memory"]["system"]), 0),
        at_least(f"of {most:,} tasks finish, in the worst run", most, min(run["finished"] for run in ours), 0),
        at_most(f"longest stall with {most:,} tasks, ms of CPU", 50, median(run["stall_cpu"] * 1e3 for run in ours), 0),
    ]
    checked += [
        at_most(f"CPU of a decision {name}, us", 10, median(figures["decision"] for figures in found))
        for name, found in data["decisions"].items()
    ]
    limits = {"without progress": (7.5, 1.6, None), "with progress": (5, 1.5, 3)}
    for name, (polls, half, nearly_all) in limits.items():
        found = fielded[name]
        checked.append(
            at_most(
                f"the field's test {name}: polls per task", polls, middle(lambda run: run["polls_per_task"], found), 2
            )
        )
        checked.append(at_most(f"the field's test {name}: lag p50, s", half, middle(lag("p50"), found), 2))
        if nearly_all is not None:
            checked.append(at_most(f"the field's test {name}: lag p95, s", nearly_all, middle(lag("p95"), found), 2))
        checked.append(at_most(f"the field's test {name}: CPU, s", 8, middle(lambda run: run["cpu"], found)))
    loopback, network = (_speeds(data["downloads"]["speeds"][where]) for where in ("loopback", "network"))
    checked += [
        at_least(f"downloads over {where}, of a loop that {loop}", 0.9, _over(speeds, "cometrunway", way), 2)
        for where, speeds in (("a network", network), ("loopback", loopback))
        for way, loop in (("bare", "only reads and writes"), ("bare, durable", "also digests and syncs"))
    ]
    return checked


def _last_comparison(runs: list[Run]) -> tuple[int, float | None]:
    """Return the official SDK's CPU per request over ours with the most tasks of which it finished all."""
    found: tuple[int, float | None] = 0, None
    for tasks in sorted({run["tasks"] for run in runs}):
        clients = by_client(runs, tasks)
        if all(run["finished"] == tasks for run in clients["runwayml"]):
            found = tasks, ratios(per_request, clients["runwayml"], clients["cometrunway"])
    return found


def _over(runs: dict[str, list[float]], one: str, other: str) -> float:
    return median(first / second for first, second in zip(runs[one], runs[other], strict=True))


def _polls(data: dict[str, Any]) -> str:
    found = data["polls"]
    rows = [
        (
            client,
            shown(median(values)),
            shown(_over(found, client, "bare"), 2),
            shown(_over(found, client, "cometrunway"), 2),
        )
        for client, values in found.items()
    ]
    return table(["client", "us of CPU per poll", "of `bare`", "of `cometrunway`"], rows)


def _waits(data: dict[str, Any]) -> str:
    rows = []
    for tasks in sorted({run["tasks"] for run in data["waits"]}):
        clients = by_client(data["waits"], tasks)
        rows += [_wait_row(client, runs, clients["cometrunway"]) for client, runs in clients.items()]
    head = ["tasks", "client", "finished", "us CPU per request", "ms CPU per task", "of ours, per request", "per task"]
    return table(
        [*head, "KiB per task", "polls per task", "lag p50", "p95", "p99", "longest stall, ms", "of CPU, ms"], rows
    )


def _wait_row(client: str, runs: list[Run], ours: list[Run]) -> list[str]:
    waits = client != "bare"
    tasks = runs[0]["tasks"]
    finished = min(run["finished"] for run in runs)
    # What a client used that got hardly an answer says nothing of what an answer costs.
    compared = ours if finished == tasks or not waits else []
    within = "" if finished == tasks else f" within {max(run['seconds'] for run in runs):.0f} s"
    return [
        f"{tasks:,}",
        _NAMES[client],
        f"{finished:,} of {tasks:,}{within}" if waits else "-",
        shown(middle(per_request, runs), 0),
        shown(middle(per_task, runs), 2),
        shown(ratios(per_request, runs, compared), 2),
        shown(ratios(per_task, runs, compared), 2),
        shown(middle(kib_per_task, runs)) if waits else "-",
        shown(middle(lambda run: run["polls_per_task"], runs), 2) if waits else "-",
        *(shown(middle(lag(quantile), runs), 2) for quantile in ("p50", "p95", "p99")),
        *_stalls(runs),
    ]


def _stalls(runs: list[Run]) -> list[str]:
    return [shown(median(run[name] * 1e3 for run in runs), 0) for name in ("stall", "stall_cpu")]


def _field(data: dict[str, Any]) -> str:
    rows = []
    for name, runs in data["field"].items():
        rows.append(
            [
                name,
                f"{min(run['finished'] for run in runs):,} of {runs[0]['tasks']:,}",
                shown(middle(lambda run: run["polls_per_task"], runs), 2),
                *(shown(middle(lag(quantile), runs), 2) for quantile in ("p50", "p95", "p99")),
                shown(middle(lambda run: run["cpu"], runs)),
                shown(middle(kib_per_task, runs)),
                *_stalls(runs),
            ]
        )
    head = ["answers", "finished", "polls per task", "lag p50", "p95", "p99", "CPU s", "KiB per task"]
    return table([*head, "longest stall, ms", "of CPU, ms"], rows)


def _inside(data: dict[str, Any]) -> str:
    rows = [
        (f"a decision {name}", f"{shown(median(run['decision'] for run in runs))} us")
        for name, runs in data["decisions"].items()
    ]
    rows += [
        (f"learning from a look {name}", f"{shown(median(run['learning'] for run in runs))} us")
        for name, runs in data["decisions"].items()
    ]
    rows += [
        (f"all of the scheduler and its loop, per look {name}", f"{shown(median(run['all'] for run in runs))} us")
        for name, runs in data["decisions"].items()
    ]
    rows.append(("a waiting task, as the system counts", f"{shown(median(data['memory']['system']), 0)} bytes"))
    rows.append(("a waiting task, as Python counts", f"{shown(median(data['memory']['python']), 0)} bytes"))
    return table(["what", "costs"], rows)


def _downloads(data: dict[str, Any]) -> str:
    rows = []
    for where, runs in data["downloads"]["speeds"].items():
        speeds = _speeds(runs)
        rows += [
            (
                where,
                way,
                shown(median(speeds[way]) / 1e6, 0),
                shown(median(run["cpu_per_gigabyte"] for run in of_way), 2),
                shown(_over(speeds, way, "bare"), 2),
                shown(_over(speeds, way, "bare, durable"), 2),
            )
            for way, of_way in runs.items()
        ]
    return table(["over", "way", "MB per second", "CPU s per GB", "of `bare`", "of `bare, durable`"], rows)


def _speeds(runs: dict[str, list[dict[str, float]]]) -> dict[str, list[float]]:
    return {way: [run["bytes_per_second"] for run in of_way] for way, of_way in runs.items()}


def _lags(data: dict[str, Any]) -> str:
    rows = [
        (what, *(shown(median(run[quantile] for run in runs), 3) for quantile in ("p50", "p95", "p99")))
        for what, runs in data["downloads"]["lags"].items()
    ]
    return table(["while", "lag p50", "p95", "p99"], rows)


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "machine": _machine,
    "goals": _goals,
    "polls": _polls,
    "waits": _waits,
    "field": _field,
    "inside": _inside,
    "downloads": _downloads,
    "lags": _lags,
}


if __name__ == "__main__":
    write(json.loads((FOLDER / "data.json").read_text()))
