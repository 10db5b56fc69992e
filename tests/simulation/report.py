"""All figures of the simulation as Markdown: `python -m tests.simulation.report [TASKS]`."""

import sys
from collections.abc import Iterator

from cometrunway import PollPolicy
from tests.simulation.baselines import fixed, official, optimal, sample
from tests.simulation.run import simulate
from tests.simulation.workloads import STATIONARY, WORKLOADS

ARRIVALS = {"at once": 0.0, "3 per second": 3.0}


def rows(tasks: int) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| workload | arrivals | progress | polls per task | lag mean | p50 | p99 | of fixed | of optimum |"
    yield "|---|---|---|---|---|---|---|---|---|"
    policy = PollPolicy(per_second=1e9, deadline=None)
    for name, draw in WORKLOADS.items():
        pairs = sample(draw, 20_000)
        durations = [seconds for _, seconds in pairs]
        for arrivals, per_second in ARRIVALS.items():
            for progress in ("absent", "coarse", "good"):
                found = simulate(draw, policy, tasks=tasks, per_second=per_second, progress=progress)
                beside = found.polls / fixed(durations, found.mean)
                is_comparable = name in STATIONARY and progress == "absent"
                best = (
                    f"{found.polls / optimal(pairs, found.mean, longest=policy.ceiling):.2f}" if is_comparable else ""
                )
                yield (
                    f"| {name} | {arrivals} | {progress} | {found.polls:.2f} | {found.mean:.2f} | {found.p50:.2f} | "
                    f"{found.p99:.2f} | {beside:.2f} | {best} |"
                )
        polls, lag = official(durations)
        beside = polls / fixed(durations, lag)
        yield f"| {name} | any | official SDK's rule | {polls:.2f} | {lag:.2f} | | | {beside:.2f} | |"
        found = simulate(draw, PollPolicy(rule="backoff", per_second=1e9, deadline=None), tasks=tasks)
        beside = found.polls / fixed(durations, found.mean)
        yield (
            f"| {name} | any | backoff, growth 1.5 | {found.polls:.2f} | {found.mean:.2f} | {found.p50:.2f} | "
            f"{found.p99:.2f} | {beside:.2f} | |"
        )


if __name__ == "__main__":
    for line in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 1500):
        print(line, flush=True)
