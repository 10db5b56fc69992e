"""The plots of docs/benchmarks.md, drawn from its data. Needs matplotlib."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found,unused-ignore]  # only the benchmark session has it

from tests.benchmarks import figures, waits

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "cometrunway",
    "figure.figsize": (7, 4),
    "axes.grid": True,
    "grid.alpha": 0.3,
    "legend.fontsize": "small",
    "legend.frameon": False,
}
_COLOURS = {
    "cometrunway": "#c2410c",
    "runwayml": "#1d4ed8",
    "runwayml-aiohttp": "#60a5fa",
    "coroutines": "#4d7c0f",
    "bare": "#78716c",
}
PLOTS: dict[str, tuple[str, Callable[[figures.Run], float | None], list[str]]] = {
    "cpu": ("us of CPU per request", figures.per_request, list(_COLOURS)),
    "memory": ("KiB of peak memory per task", figures.kib_per_task, waits.WAITING),
    "stall": ("longest stall of the event loop, ms of CPU", lambda run: run["stall_cpu"] * 1e3, waits.WAITING),
    "lag": ("lag p50, s", figures.lag("p50"), waits.WAITING),
}


def draw(data: dict[str, Any], folder: Path) -> None:
    """Draw every plot into the folder, the same bytes for the same data."""
    mpl.use("svg")
    from matplotlib import pyplot as plt  # type: ignore[import-not-found,unused-ignore]  # as above

    for name, (label, figure, clients) in PLOTS.items():
        with mpl.rc_context(_STYLE):
            drawing, axes = plt.subplots()
            for client in clients:
                _line(axes, data["waits"], client, figure)
            axes.set(xscale="log", yscale="log", xlabel="tasks waiting at once", ylabel=label)
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(clients))
            drawing.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")
            plt.close(drawing)


def _line(axes: Any, runs: list[figures.Run], client: str, figure: Callable[[figures.Run], float | None]) -> None:
    sizes = sorted({run["tasks"] for run in runs})
    points = [(tasks, figures.middle(figure, figures.by_client(runs, tasks).get(client, []))) for tasks in sizes]
    known = [(tasks, value) for tasks, value in points if value is not None]
    if known:
        axes.plot(*zip(*known, strict=True), marker="o", color=_COLOURS[client], label=client)
