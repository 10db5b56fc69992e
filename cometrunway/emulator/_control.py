"""What a test in another process may ask, as JSON and without a key."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs

from cometrunway.emulator._exchange import Answer, json_answer
from cometrunway.emulator._ledger import Ledger
from cometrunway.emulator._tasks import EmulatedTask

PREFIX = "/__emulator__/"


def report(ledger: Ledger, path: str, now: float) -> Answer:
    """Answer `/__emulator__/ledger`, `/__emulator__/requests` or `/__emulator__/leaks`."""
    name = path.removeprefix(PREFIX)
    if name == "ledger":
        return json_answer(_books(ledger, now))
    if name == "requests":
        return json_answer({"counts": dict(ledger.counts), "entries": [_request(entry) for entry in ledger.requests]})
    if name == "leaks":
        return json_answer({"count": len(ledger.leaks), "entries": [attrs.asdict(leak) for leak in ledger.leaks]})
    return json_answer({"error": f"no such page {path}: ask ledger, requests or leaks"}, status=404)


def _books(ledger: Ledger, now: float) -> Mapping[str, Any]:
    creates = ledger.creates
    return {
        "now": now,
        "counts": dict(Counter(task.status_at(now) for task in ledger.tasks.values())),
        "creates": {
            "received": creates.received,
            "accepted": creates.accepted,
            "billed_twice": sum(count > 1 for count in creates.accepted_bodies.values()),
            "repeats": creates.repeats.total(),
        },
        "callbacks": len(ledger.callbacks),
        "entries": [_task(task, now) for task in ledger.tasks.values()],
    }


def _task(task: EmulatedTask, now: float) -> Mapping[str, Any]:
    names = ("id", "route", "digest", "outcome", "failure_code", "created_at", "polls", "end_seen_at")
    ends = task.completed_at if task.completed_at < float("inf") else None
    return {**{name: getattr(task, name) for name in names}, "status": task.status_at(now), "completed_at": ends}


def _request(entry: Any) -> Mapping[str, Any]:
    names = ("time", "origin", "operation", "method", "path", "size", "digest", "route", "fault", "status", "task_id")
    return {name: getattr(entry, name) for name in names}
