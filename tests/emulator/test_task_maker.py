"""The maker of tasks: how long each takes, when it starts, and how it ends, as the seed, the prompt or a test says."""

import asyncio
import math
from typing import Any

import pytest

from cometrunway.emulator import Emulator, Faults, LogNormal, Uniform
from tests.emulator.test_server import running


async def test_too_many_tasks_are_throttled_in_order() -> None:
    """Tasks above `max_running` wait as THROTTLED and start, first come first served, when one ends."""
    async with running(max_running=2) as caller:
        tasks = [caller.emulator.tasks[await caller.create(promptText=f"cat {number}")] for number in range(5)]
        now = asyncio.get_running_loop().time()
        assert [(await caller.poll(task.id))["status"] for task in tasks] == ["PENDING"] * 2 + ["THROTTLED"] * 3
        assert [round(task.completed_at - now) for task in tasks] == [10, 10, 20, 20, 30]


async def test_prompts_decide_fates() -> None:
    """Words in brackets make a task fail with a code, take long, be cancelled or never end."""
    async with running(speed=2) as caller:
        prompts = ("[fail ASSET.INVALID]", "[seconds 90]", "[cancel]", "[stuck]")
        failed, long, cancelled, stuck = [
            caller.emulator.tasks[await caller.create("generate", prompt=prompt)] for prompt in prompts
        ]
        assert (failed.outcome, failed.failure_code) == ("FAILED", "ASSET.INVALID")
        assert long.duration == pytest.approx(45)
        assert cancelled.outcome == "CANCELLED"
        assert stuck.status_at(1e9) == "RUNNING" or stuck.completed_at == float("inf")


async def test_a_test_decides_the_fates_of_the_next_tasks() -> None:
    """Each call of `next_task` decides one task, before its prompt and chance do; the task after is left to those."""
    async with running(duration=8, progress="coarse", failure_rate=0.0) as caller:
        caller.emulator.next_task(fails="ASSET.INVALID")
        caller.emulator.next_task(cancelled=True, seconds=90)
        caller.emulator.next_task(seconds=math.inf, progress=0.5)
        failed, cancelled, stuck, plain = [
            caller.emulator.tasks[await caller.create(promptText=f"{number} [fail]")] for number in range(4)
        ]
        assert (failed.outcome, failed.failure_code, failed.duration) == ("FAILED", "ASSET.INVALID", 8)
        assert (cancelled.outcome, cancelled.duration) == ("CANCELLED", 90)
        await asyncio.sleep(3600)
        assert (await caller.poll(stuck.id))["progress"] == 0.5
        assert (plain.outcome, plain.failure_code) == ("FAILED", "INTERNAL")


@pytest.mark.parametrize("wrong", [{"fails": "INTERNAL", "cancelled": True}, {"seconds": -1}, {"progress": 2}])
def test_a_fate_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    """A task does not both fail and be cancelled, and its numbers have limits."""
    with pytest.raises(ValueError, match=list(wrong)[-1]):
        Emulator().next_task(**wrong)


async def drawn(**options: Any) -> tuple[list[str], list[tuple[float, str]]]:
    """Return the ids of five tasks, and their durations and outcomes."""
    async with running(duration=LogNormal(median=8), failure_rate=0.5, **options) as caller:
        for _ in range(5):
            await caller.create()
        tasks = list(caller.emulator.tasks.values())
    return [task.id for task in tasks], [(round(task.duration, 6), task.outcome) for task in tasks]


@pytest.mark.parametrize("faults", [{}, {"poll:502=0.5"}])
async def test_the_same_seed_makes_the_same_tasks(faults: set[str]) -> None:
    """Durations and outcomes follow from the seed, and chance faults do not disturb them."""
    (_, one), (_, again), (_, other) = (
        await drawn(seed=1),
        await drawn(seed=1, faults=Faults.parse(*faults)),
        await drawn(seed=2),
    )
    assert one == again != other


async def test_no_two_emulators_give_the_same_ids() -> None:
    """The ids of an emulator that is started again are new, so that a journal takes no other task for its own."""
    (one, _), (other, _) = await drawn(seed=7), await drawn(seed=7)
    assert len({*one, *other}) == 10


async def test_ids_can_be_repeated() -> None:
    """With `repeat_ids` the same seed gives the same ids."""
    assert await drawn(seed=7, repeat_ids=True) == await drawn(seed=7, repeat_ids=True)


async def test_durations_follow_their_route() -> None:
    """A route may have a duration of its own, and speed divides it."""
    async with running(durations={"act_one": Uniform(low=40, high=60)}, speed=2) as caller:
        other, own = await caller.create("generate"), await caller.create("act_one")
        assert caller.emulator.tasks[other].duration == pytest.approx(5)
        assert 20 <= caller.emulator.tasks[own].duration <= 30
