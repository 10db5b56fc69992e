"""Budgets that submissions share: counted before anything is sent, and counted back where nothing is billed."""

import asyncio
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from cometrunway import Budget, ImageToVideo, OutcomeUnknownError, Request, Session, Shot, errors
from cometrunway.emulator import Emulator, Fault
from tests.samples import yawn


def lasting(seconds: int, number: int) -> ImageToVideo:
    """Return a request for a clip of so many seconds."""
    return evolve(yawn(number), duration=seconds)


def price(request: Request) -> float:
    """Return a price by the second of video."""
    return 0.05 * (getattr(request, "duration", None) or 5)


async def test_sessions_share_a_budget(session: Any) -> None:
    """Of many submissions at once, to several sessions, exactly as many are sent as the budget allows."""
    budget = Budget(creates=10)
    async with Emulator() as emulator, session(emulator) as one, session(emulator) as other:
        work = [runway.submit(yawn(number), budget=budget) for number in range(20) for runway in (one, other)]
        outcomes = await asyncio.gather(*work, return_exceptions=True)
        assert sum(isinstance(outcome, errors.BudgetError) for outcome in outcomes) == 30
        await one.submit(yawn(-1))
    assert emulator.creates.received == 11
    assert budget.used_creates == 10


async def test_money_is_counted_exactly(session: Any) -> None:
    """Prices are summed as they are written, without the errors of binary fractions; a cheaper one may still fit."""
    budget = Budget(money=1, price=price)
    async with Emulator() as emulator, session(emulator) as runway:
        for number in range(3):
            await runway.submit(lasting(5, number), budget=budget)
        with pytest.raises(errors.BudgetError, match=r"has 0\.25 left, and this create costs 0\.5"):
            await runway.submit(lasting(10, 3), budget=budget)
        await runway.submit(lasting(5, 4), budget=budget)
        with pytest.raises(errors.BudgetError):
            await runway.submit(lasting(5, 5), budget=budget)
    assert budget.used_money == Decimal("1.00")
    assert emulator.creates.received == budget.used_creates == 4
    assert repr(budget) == "<Budget 4 of any number of creates, 1.00 of 1>"


async def test_what_is_not_billed_is_counted_back(session: Any, tmp_path: Path) -> None:
    """Refused, or known to the journal: it costs nothing. What is in doubt does."""
    budget = Budget(creates=2, price=price)
    async with Emulator() as emulator, session(emulator, journal=tmp_path / "shots.db") as runway:
        emulator.script("create", Fault.answer(400), Fault.ok(), Fault.drop_after())
        with pytest.raises(errors.InvalidRequestError):
            await runway.submit(yawn(1), budget=budget)
        assert budget.used_creates == budget.used_money == 0
        for _ in range(3):
            await runway.submit(yawn(2), key="known", budget=budget)
        assert budget.used_creates == 1
        with pytest.raises(OutcomeUnknownError):
            await runway.submit(yawn(3), budget=budget)
        with pytest.raises(errors.BudgetError):
            await runway.submit(yawn(4), budget=budget)
        await runway.submit(yawn(2), key="known", budget=budget)
    assert budget.used_creates == 2


async def test_a_batch_takes_a_budget(session: Any) -> None:
    """Without a journal an endless batch ends with the reason."""
    budget = Budget(creates=5)
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(errors.BudgetError, match="budget of 5"):
            async for _handle in runway.map(map(yawn, count()), budget=budget):
                pass
    assert emulator.creates.received == 5


@pytest.mark.parametrize("wrong", [lambda _: 1 / 0, lambda _: -1, lambda _: "1"])
async def test_a_price_that_fails_sends_nothing(session: Any, wrong: Any) -> None:
    """What the function raises, or what is no price, is raised by `submit`."""
    budget = Budget(money=1, price=wrong)
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises((ZeroDivisionError, ValueError)):
            await runway.submit(yawn(), budget=budget)
    assert budget.used_creates == emulator.creates.received == 0


@pytest.mark.parametrize("options", [{"creates": -1}, {"creates": 1.5}, {"money": -1}, {"money": float("nan")}])
def test_limits_are_at_least_zero(options: Any) -> None:
    """What is no limit is refused by name."""
    with pytest.raises(ValueError, match=next(iter(options))):
        Budget(**options, price=price)


async def test_a_failed_shot_that_is_submitted_once_more_is_counted_once(session: Any, tmp_path: Path) -> None:
    """Also where the budget has only prices."""
    budget = Budget(price=price)
    async with Emulator() as emulator, session(emulator, journal=tmp_path / "shots.db") as runway:
        emulator.next_task(fails="INTERNAL.BAD_OUTPUT.CODE01")
        await runway.map([Shot("a", yawn())])
        await runway.map([Shot("a", yawn())], resubmit=lambda _entry: True, budget=budget)
    assert budget.used_creates == 1
    assert budget.used_money == Decimal("0.25")


def test_money_needs_prices() -> None:
    """A limit in money that nothing counts is refused."""
    with pytest.raises(ValueError, match="price="):
        Budget(money=1)


def test_a_session_takes_a_budget_or_a_number(tmp_path: Path) -> None:
    """Which is that of creates."""
    for budget in (None, 3, Budget(creates=3)):
        Session("sk-x", budget=budget, output_dir=tmp_path)
