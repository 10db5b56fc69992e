"""What bounds the submissions of a session."""

import asyncio
from typing import Any

import pytest

from cometrunway import Session
from cometrunway.emulator import Emulator
from tests.samples import yawn


@pytest.mark.parametrize(
    "options", [{"max_in_flight": 0}, {"max_creates": 0}, {"max_in_flight": True}, {"max_waiting": -1}]
)
def test_limits_are_whole_numbers(options: dict[str, int]) -> None:
    """A limit that would let nothing through is refused by name."""
    with pytest.raises(ValueError, match=next(iter(options))):
        Session("sk-x", **options)  # type: ignore[arg-type]  # a bool is an int to mypy


async def test_submit_waits_for_a_place(session: Any) -> None:
    """With max_in_flight=3 there are never more than three unfinished tasks."""
    async with Emulator(duration=20) as emulator, session(emulator, max_in_flight=3) as runway:
        for number in range(12):
            await runway.submit(yawn(number))
            now = asyncio.get_running_loop().time()
            assert sum(task.completed_at > now for task in emulator.tasks.values()) <= 3
    assert emulator.creates.accepted == 12


@pytest.mark.parametrize("budget", [-1, 1.5, True, "5"])
def test_a_wrong_budget_is_refused(budget: Any) -> None:
    """A budget is a whole number of creates, or None."""
    with pytest.raises(ValueError, match="budget"):
        Session("sk-x", budget=budget)


@pytest.mark.parametrize("priority", [1.5, "high", None])
async def test_a_priority_is_a_whole_number(session: Any, priority: Any) -> None:
    """Anything else is refused before anything is sent."""
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(ValueError, match="priority"):
            await runway.submit(yawn(), priority=priority)
