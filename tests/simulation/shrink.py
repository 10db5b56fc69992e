"""A failing plan made small: whatever can be left out while it goes on failing is left out."""

from collections.abc import Callable

from attrs import evolve

from tests.simulation.plan import Life, Plan


def smallest(plan: Plan, fails: Callable[[Plan], bool]) -> Plan:
    """Return a plan that fails, and of which nothing more can be left out.

    Args:
        plan: one that fails.
        fails: says whether a plan does.
    """
    for candidate in _simpler(plan):
        if fails(candidate):
            return smallest(candidate, fails)
    return _with_fewest_faults(plan, fails)


def _simpler(plan: Plan) -> list[Plan]:
    """Return plans that are simpler by one thing."""
    fewer = [plan.without_life(number) for number in range(len(plan.lives)) if len(plan.lives) > 1]
    smaller = [evolve(plan, shots=shots) for shots in (1, plan.shots // 2, plan.shots - 1) if 1 <= shots < plan.shots]
    plain = [
        *([evolve(plan, files=1)] if plan.files > 1 else []),
        *([evolve(plan, in_flight=1000)] if plan.in_flight < 1000 else []),
        *([evolve(plan, creates=256)] if plan.creates < 256 else []),
        *([evolve(plan, videos=False)] if plan.videos else []),
        *([evolve(plan, failure_rate=0.0)] if plan.failure_rate else []),
    ]
    calmer = [
        evolve(plan, lives=(*plan.lives[:number], calm, *plan.lives[number + 1 :]))
        for number, life in enumerate(plan.lives)
        for calm in (
            evolve(life, waves=()),
            evolve(life, disk=Life().disk),
            evolve(life, faults=0.0),
            evolve(life, network=evolve(Life().network, latency=life.network.latency)),
        )
        if calm != life
    ]
    return fewer + smaller + plain + calmer


def _with_fewest_faults(plan: Plan, fails: Callable[[Plan], bool], most: int = 512) -> Plan:
    """Leave out faults by their numbers, halves first."""
    if not fails(evolve(plan, kept=frozenset(range(most)))):
        return plan
    kept = list(range(most))
    size = len(kept) // 2
    while size:
        for start in range(0, len(kept), size):
            fewer = kept[:start] + kept[start + size :]
            if fails(evolve(plan, kept=frozenset(fewer))):
                kept = fewer
                break
        else:
            size //= 2
    return evolve(plan, kept=frozenset(kept))
