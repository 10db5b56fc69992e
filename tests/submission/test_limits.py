"""What bounds the submissions of a session."""

import asyncio
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from cometrunway import (
    Event,
    EventKind,
    OutcomeUnknownError,
    Session,
    errors,
)
from cometrunway.emulator import Emulator, Fault
from tests.samples import CAT, PNG, yawn


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


def created(emulator: Emulator) -> list[str]:
    """Return the prompts of the creates, in the order in which they came."""
    return [request.json["promptText"] for request in emulator.requests_of("create")]


async def test_an_urgent_submission_overtakes_those_that_wait_for_a_place(session: Any) -> None:
    """Of all that wait for `max_in_flight` the one of the highest priority goes first, then the one that came first."""
    async with Emulator(duration=20) as emulator, session(emulator, max_in_flight=1) as runway:
        first = await runway.submit(yawn(0))
        late = [asyncio.create_task(runway.submit(yawn(number), priority=number // 9)) for number in range(1, 10)]
        await first
        await asyncio.gather(*late)
    assert created(emulator) == [yawn(number).prompt_text for number in (0, 9, 1, 2, 3, 4, 5, 6, 7, 8)]


@pytest.mark.parametrize("files", [False, True], ids=["urls", "files"])
async def test_an_urgent_submission_overtakes_a_batch(session: Any, tmp_path: Path, files: bool) -> None:
    """While the gateway takes one create at a time, it waits only for those that are about to be sent."""
    (tmp_path / "cat.png").write_bytes(PNG)
    image: str | Path = tmp_path / "cat.png" if files else CAT
    async with Emulator(duration=20) as emulator, session(emulator, max_creates=1) as runway:
        emulator.script("create", *[Fault.slow(1)] * 100)
        batch = [asyncio.create_task(runway.submit(evolve(yawn(number), prompt_image=image))) for number in range(40)]
        await asyncio.sleep(3.5)
        before = len(created(emulator))
        await runway.submit(evolve(yawn(-1), prompt_image=image), priority=1)
        assert len(created(emulator)) <= before + 2
        await asyncio.gather(*batch)


async def test_the_submissions_that_wait_have_a_bound(session: Any) -> None:
    """One more is refused at once, and nothing is sent; a batch that waits does not count."""
    events: list[Event] = []
    async with Emulator(duration=20) as emulator:
        async with session(emulator, max_in_flight=2, max_waiting=3, on_event=events.append) as runway:
            batch = asyncio.ensure_future(runway.map(map(yawn, range(4))))
            await asyncio.sleep(1)
            waiting = [asyncio.create_task(runway.submit(yawn(number), key=str(number))) for number in range(10, 13)]
            await asyncio.sleep(1)
            began = asyncio.get_running_loop().time()
            with pytest.raises(errors.SubmissionQueueFullError, match="max_waiting") as caught:
                await runway.submit(yawn(13), key="13", priority=1)
            assert caught.value.key == "13"
            assert asyncio.get_running_loop().time() == began
            assert [(event.kind, event.key) for event in events if event.error] == [(EventKind.REFUSED, "13")]
            await waiting[0]
            await runway.submit(yawn(14))
            await asyncio.gather(*waiting, batch)
    assert emulator.creates.received == 8


async def test_the_bound_counts_what_waits_for_the_gateway_too(session: Any) -> None:
    """Also where many are submitted at once: those that can be sent are sent, some wait, and the rest are refused."""
    async with Emulator() as emulator, session(emulator, max_creates=1, max_waiting=5) as runway:
        emulator.script("create", *[Fault.slow(1)] * 100)
        outcomes = await asyncio.gather(*(runway.submit(yawn(n)) for n in range(100)), return_exceptions=True)
        refused = [each for each in outcomes if isinstance(each, errors.SubmissionQueueFullError)]
        assert 5 <= len(outcomes) - len(refused) <= 12
    assert emulator.creates.received == len(outcomes) - len(refused)


@pytest.mark.parametrize("priority", [1.5, "high", None])
async def test_a_priority_is_a_whole_number(session: Any, priority: Any) -> None:
    """Anything else is refused before anything is sent."""
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(ValueError, match="priority"):
            await runway.submit(yawn(), priority=priority)
