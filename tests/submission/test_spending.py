"""What is spent: no budget is exceeded, what is not billed is given back, and what is stopped buys nothing more."""

import asyncio
from itertools import count
from typing import Any

import pytest

from cometrunway import Budget, Event, EventKind, OutcomeUnknownError, errors
from cometrunway._submission._spending import Spending
from cometrunway.emulator import Emulator, Fault
from tests.samples import yawn


def test_a_create_is_counted_once_however_often_it_is_sent() -> None:
    """A create that a 429 refused is sent again, and takes no more of the budget."""
    budget = Budget(creates=2)
    with Spending(budget).of(yawn(), None) as spent:
        for _ in range(3):
            spent.take()
        assert budget.used_creates == 1
        spent.keep()
    assert budget.used_creates == 1


def test_what_is_not_kept_is_given_back() -> None:
    """To each budget, once, however the submission ends."""
    own, shared = Budget(creates=2), Budget(creates=2)
    with pytest.raises(errors.InvalidRequestError), Spending(own).of(yawn(), shared) as spent:
        spent.take()
        assert (own.used_creates, shared.used_creates) == (1, 1)
        raise errors.InvalidRequestError("refused", status=400)
    spent.give_back()
    assert (own.used_creates, shared.used_creates) == (0, 0)


def test_what_one_budget_refuses_is_in_none() -> None:
    """The session's own is counted first, and counted back."""
    own, shared = Budget(creates=2), Budget(creates=0)
    with pytest.raises(errors.BudgetError, match="budget of 0"), Spending(own).of(yawn(), shared) as spent:
        spent.take()
    assert own.used_creates == 0


def test_a_stop_holds_also_for_what_was_counted_before() -> None:
    """A create that waits to be sent again is not sent; without a budget, too."""
    spending = Spending(None)
    spent = spending.of(yawn(), None)
    assert not spent.is_limited
    spent.take()
    spending.stop()
    assert spent.is_limited
    for check in (spent.take, spending.check):
        with pytest.raises(errors.BudgetError, match="nothing was sent"):
            check()


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


async def test_a_create_counts_in_the_sessions_budget_and_in_the_callers(session: Any) -> None:
    """In both, or, where one has too little, in none."""
    own, shared = Budget(creates=3), Budget(creates=2)
    async with Emulator() as emulator, session(emulator, budget=own) as runway:
        for number in range(2):
            await runway.submit(yawn(number), budget=shared)
        with pytest.raises(errors.BudgetError, match="budget of 2"):
            await runway.submit(yawn(2), budget=shared)
        assert (own.used_creates, shared.used_creates) == (2, 2)
        await runway.submit(yawn(3))
        with pytest.raises(errors.BudgetError, match="budget of 3"):
            await runway.submit(yawn(4), budget=Budget(creates=1))
