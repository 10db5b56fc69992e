"""The tables of docs/benchmarks.md, made from the data and put between its markers."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.figures import (
    NAMES,
    Run,
    by_client,
    kib_per_task,
    lag,
    middle,
    over,
    per_request,
    per_task,
    ratios,
    speeds,
)
from tests.benchmarks.goals import goals

PAGE = Path("docs/benchmarks.md")
FOLDER = Path("docs/benchmarks")


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
        (goal.what, goal.bound, shown(goal.measured, goal.digits), "yes" if goal.is_reached else "**no**")
        for goal in goals(data)
    ]
    return table(["what", "goal", "measured", "reached"], rows)


def _polls(data: dict[str, Any]) -> str:
    found = data["polls"]
    rows = [
        (
            client,
            shown(median(values)),
            shown(over(found, client, "bare"), 2),
            shown(over(found, client, "cometrunway"), 2),
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
        NAMES[client],
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
        clients = by_client(runs, runs[0]["tasks"])
        rows += [[name, *_field_row(client, of_client)] for client, of_client in clients.items()]
    head = ["answers", "client", "finished", "polls per task", "lag p50", "p95", "p99", "CPU s", "us CPU per request"]
    return table([*head, "KiB per task", "longest stall, ms", "of CPU, ms"], rows)


def _field_row(client: str, runs: list[Run]) -> list[str]:
    return [
        NAMES[client],
        f"{min(run['finished'] for run in runs):,} of {runs[0]['tasks']:,}",
        shown(middle(lambda run: run["polls_per_task"], runs), 2),
        *(shown(middle(lag(quantile), runs), 2) for quantile in ("p50", "p95", "p99")),
        shown(middle(lambda run: run["cpu"], runs)),
        shown(middle(per_request, runs), 0),
        shown(middle(kib_per_task, runs)),
        *_stalls(runs),
    ]


def _inside(data: dict[str, Any]) -> str:
    parts = {
        "decision": "a decision",
        "learning": "learning from a poll",
        "all": "all of the scheduler and its loop, per poll",
    }
    rows = [
        (f"{what} {name}", f"{shown(median(run[part] for run in runs))} us")
        for part, what in parts.items()
        for name, runs in data["decisions"].items()
    ]
    rows.append(("a waiting task, as the system counts", f"{shown(median(data['memory']['system']), 0)} bytes"))
    rows.append(("a waiting task, as Python counts", f"{shown(median(data['memory']['python']), 0)} bytes"))
    return table(["what", "costs"], rows)


def _downloads(data: dict[str, Any]) -> str:
    rows = []
    for where, runs in data["downloads"]["speeds"].items():
        found = speeds(runs)
        rows += [
            (
                where,
                way,
                shown(median(found[way]) / 1e6, 0),
                shown(median(run["cpu_per_gigabyte"] for run in of_way), 2),
                shown(over(found, way, "bare"), 2),
                shown(over(found, way, "bare, durable"), 2),
            )
            for way, of_way in runs.items()
        ]
    return table(["over", "way", "MB per second", "CPU s per GB", "of `bare`", "of `bare, durable`"], rows)


def _lags(data: dict[str, Any]) -> str:
    rows = [
        (what, *(shown(median(run[quantile] for run in runs), 3) for quantile in ("p50", "p95", "p99")))
        for what, runs in data["downloads"]["lags"].items()
    ]
    return table(["while", "lag p50", "p95", "p99"], rows)


def _million(data: dict[str, Any]) -> str:
    runs: list[Run] = data["million"]
    rows = []
    for what in dict.fromkeys(run["what"] for run in runs):
        for shots in sorted({run["shots"] for run in runs}):
            found = [run for run in runs if (run["what"], run["shots"]) == (what, shots)]
            seconds, cpu, memory = (median(run[name] for run in found) for name in ("seconds", "cpu", "memory"))
            rows.append((what, f"{shots:,}", shown(seconds, 3), shown(cpu, 2), shown(memory / 1e6, 0)))
    return table(["what", "shots in the journal", "seconds", "CPU s of the process", "MB at most"], rows)


def _gallery(data: dict[str, Any]) -> str:
    rows = []
    for shots in sorted({run["shots"] for run in data["gallery"]}):
        found: list[Run] = [run for run in data["gallery"] if run["shots"] == shots]
        figures = (middle(lambda run, name=name: run[name], found) for name, _ in _OF_THE_BROWSER)  # type: ignore[misc]  # mypy infers no lambda with a default
        rows.append((f"{shots:,}", *(shown(figure, 0) for figure in figures)))
    return table(["shots", *(title for _, title in _OF_THE_BROWSER)], rows)


_OF_THE_BROWSER = (
    ("card", "first card"),
    ("poster", "first poster"),
    ("frame", "a frame while scrolling, median"),
    ("slow_frame", "p95"),
    ("first_search", "first search"),
    ("next_search", "next search"),
    ("sort", "sort by key"),
)
TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "machine": _machine,
    "goals": _goals,
    "polls": _polls,
    "waits": _waits,
    "field": _field,
    "inside": _inside,
    "downloads": _downloads,
    "lags": _lags,
    "million": _million,
    "gallery": _gallery,
}


if __name__ == "__main__":
    write(json.loads((FOLDER / "data.json").read_text()))
