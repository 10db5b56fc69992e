"""Cancellation at every turn of the event loop: `python -m tests.simulation.cancellations` tries all.

The same small batch is cancelled at its first turn, at its second, and so on until it ends before: once, and twice.
"""

from collections import Counter
from collections.abc import Iterator

from attrs import evolve, frozen

from tests.simulation.plan import Life, Plan
from tests.simulation.world import Verdict, run, told

GAPS = (0, 1, 2, 7)
"""Turns between two cancellations; 0 cancels once."""


@frozen(kw_only=True)
class Program:
    """What is cancelled."""

    name: str
    plan: Plan

    def cancelled(self, at: int, gap: int) -> Plan:
        """Return the plan in which it is cancelled at a turn, and once more some turns later."""
        life = evolve(self.plan.lives[0], end="cancelled", at=at, times=2 if gap else 1, gap=gap or 1)
        return evolve(self.plan, lives=(life,))


_SMALL = Plan(seed=1, shots=2, lives=(Life(),), seconds=4.0, not_exist_seconds=0.0)
_SUBMITS = evolve(_SMALL, lives=(Life(way="submit"),))
PROGRAMS = (
    Program(name="map with a journal", plan=evolve(_SMALL, shots=4)),
    Program(name="map without a journal", plan=evolve(_SMALL, has_journal=False)),
    Program(name="submit with a journal", plan=_SUBMITS),
    Program(name="submit without a journal", plan=evolve(_SUBMITS, has_journal=False)),
    Program(name="map of several files each", plan=evolve(_SMALL, files=3)),
    Program(name="map with one create at a time", plan=evolve(_SMALL, shots=3, creates=1, in_flight=1)),
)


def verdicts(program: Program, *, gaps: tuple[int, ...] = GAPS, first: int = 1, step: int = 1) -> Iterator[Verdict]:
    """Cancel a program at each turn, or at each of so many, until it ends before."""
    for gap in gaps:
        at = first
        while True:
            verdict = run(program.cancelled(at, gap))
            yield verdict
            if not verdict.counts["cancelled"]:
                break
            at += step


def main() -> int:
    """Try all, and print what failed."""
    failed: list[Verdict] = []
    for program in PROGRAMS:
        counts: Counter[str] = Counter()
        for verdict in verdicts(program):
            counts["cancellations"] += 1
            counts["failed"] += bool(verdict.violations)
            if verdict.violations:
                failed.append(verdict)
        print(f"{program.name}: {counts['cancellations']} runs, {counts['failed']} failed", flush=True)
    for verdict in failed[:20]:
        print(verdict.plan.lives, verdict.plan.has_journal)
        print(told([verdict]))
    return bool(failed)


if __name__ == "__main__":
    raise SystemExit(main())
