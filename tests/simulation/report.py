"""All figures of the simulation as Markdown: `python -m tests.simulation.report [TASKS [RUNS]]`."""

import sys
from collections.abc import Iterator
from statistics import fmean

from cometrunway import PollPolicy
from tests.simulation.baselines import Optimum, fixed, official, sample
from tests.simulation.run import Outcome, simulate
from tests.simulation.workloads import STATIONARY, WORKLOADS, Draw

ARRIVALS = {"at once": 0.0, "3 per second": 3.0}
LEARNED = PollPolicy(per_second=1e9, deadline=None)
BACKOFF = PollPolicy(rule="backoff", per_second=1e9, deadline=None)


class Report:
    """Figures of batches of so many tasks; each is the mean of so many runs, every one of them drawn anew."""

    def __init__(self, tasks: int, runs: int) -> None:
        self._tasks = tasks
        self._runs = runs

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table."""
        yield "| workload | arrivals | progress | polls per task | lag | p50 | p99 | of fixed | of optimum | worst |"
        yield "|---|---|---|---|---|---|---|---|---|---|"
        for name, draw in WORKLOADS.items():
            yield from self._rows(name, draw)

    def _rows(self, name: str, draw: Draw) -> Iterator[str]:
        durations = [seconds for _, seconds in sample(draw, 20_000)]
        optimum = Optimum(draw, longest=LEARNED.ceiling) if name in STATIONARY else None
        for arrivals, per_second in ARRIVALS.items():
            for progress in ("absent", "coarse", "good"):
                found = self._simulated(draw, LEARNED, per_second=per_second, progress=progress)
                known = optimum if progress == "absent" else None
                beside = [one.polls / known.polls(one.works, one.mean) for one in found] if known else []
                yield _row([name, arrivals, progress], found, durations, beside)
        yield _row([name, "at once", "backoff, growth 1.5"], self._simulated(draw, BACKOFF), durations, [])
        polls, lag = official(durations)
        of_fixed = polls / fixed(durations, lag)
        yield f"| {name} | any | official SDK's rule | {polls:.2f} | {lag:.2f} | | | {of_fixed:.2f} | | |"

    def _simulated(
        self, draw: Draw, policy: PollPolicy, *, per_second: float = 0, progress: str = "absent"
    ) -> list[Outcome]:
        return [
            simulate(draw, policy, tasks=self._tasks, per_second=per_second, progress=progress, seed=10 * run)
            for run in range(1, self._runs + 1)
        ]


def _row(words: list[str], found: list[Outcome], durations: list[float], of_optimum: list[float]) -> str:
    polls, lag = fmean(one.polls for one in found), fmean(one.mean for one in found)
    figures = [polls, lag, fmean(one.p50 for one in found), fmean(one.p99 for one in found)]
    figures += [polls / fixed(durations, lag)]
    figures += [fmean(of_optimum), max(of_optimum)] if of_optimum else []
    cells = [*words, *(f"{figure:.2f}" for figure in figures), *([] if of_optimum else ["", ""])]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    for line in Report(*given, *(1500, 8)[len(given) :]).lines():
        print(line, flush=True)
