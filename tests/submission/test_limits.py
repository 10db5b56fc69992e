"""What bounds the submissions of a session."""

import asyncio
from itertools import count
from typing import Any

import pytest

from cometrunway import (
    Event,
    EventKind,
    OutcomeUnknownError,
    Session,
    errors,
)
from cometrunway.emulator import Emulator, Fault
from tests.samples import yawn


@pytest.mark.parametrize("options", [{"max_in_flight": 0}, {"max_creates": 0}, {"max_in_flight": True}])
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


async def test_a_budget_is_never_exceeded(session: Any) -> None:
    """With budget=5 an endless batch buys five and then ends with the reason, also if the session is opened anew."""
    outcomes = []
    async with Emulator() as emulator:
        runway = session(emulator, budget=5)
        async with runway:
            with pytest.raises(errors.BudgetError, match="budget of 5"):
                async for handle in runway.map(yawn(number) for number in count()):
                    outcomes.append(handle.exception())
        async with runway:
            with pytest.raises(errors.BudgetError, match="budget of 5"):
                await runway.submit(yawn(-1))
    assert sum(outcome is None for outcome in outcomes) == 5
    assert all(outcome is None or isinstance(outcome, errors.BudgetError) for outcome in outcomes)
    assert emulator.creates.received == 5


async def test_what_is_stopped_buys_nothing_more(session: Any) -> None:
    """After stop_submitting no create is sent, not even one refused for the moment; the others are delivered."""
    events: list[Event] = []
    async with Emulator(duration=10) as emulator, session(emulator, on_event=events.append) as runway:
        bought = await runway.submit(yawn(1))
        emulator.script("create", *[Fault.rate_limited(5)] * 3)
        late = [asyncio.ensure_future(runway.submit(yawn(number))) for number in (2, 3, 4)]
        await asyncio.sleep(1)
        runway.stop_submitting()
        outcomes = await asyncio.gather(*late, return_exceptions=True)
        assert all(isinstance(outcome, errors.BudgetError) for outcome in outcomes)
        assert [asset.path.exists() for asset in await bought] == [True]
    assert emulator.creates.accepted == 1
    assert sum(event.kind is EventKind.REFUSED for event in events) == 3


async def test_a_refusal_costs_nothing_of_the_budget(session: Any) -> None:
    """What the server refused is not counted; what is in doubt is."""
    async with Emulator() as emulator, session(emulator, budget=2) as runway:
        emulator.script("create", Fault.answer(400), Fault.ok(), Fault.drop_after())
        with pytest.raises(errors.InvalidRequestError):
            await runway.submit(yawn(1))
        await runway.submit(yawn(2))
        with pytest.raises(OutcomeUnknownError):
            await runway.submit(yawn(3))
        with pytest.raises(errors.BudgetError):
            await runway.submit(yawn(4))


@pytest.mark.parametrize("budget", [-1, 1.5, True, "5"])
def test_a_wrong_budget_is_refused(budget: Any) -> None:
    """A budget is a whole number of creates, or None."""
    with pytest.raises(ValueError, match="budget"):
        Session("sk-x", budget=budget)
