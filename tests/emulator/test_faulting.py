"""The choice of the next fault: scripted ones in their order, then by chance at their rates."""

from collections import Counter
from random import Random

import pytest

from cometrunway.emulator import Emulator, Fault, Faults
from cometrunway.emulator._faulting import FaultPicker
from tests.emulator.test_faults import create
from tests.emulator.test_server import running


def test_a_fault_strikes_only_its_operation() -> None:
    """A script for polls leaves creates alone, and what a test asks in the books meets no fault."""
    picker = FaultPicker(rng=Random(7), faults=Faults(poll={Fault.answer(502): 1.0}))
    picker.script("poll", [Fault.html()])
    assert [picker.draw(operation).name for operation in ("create", "control", "poll", "poll", "asset")] == [
        *("ok", "ok", "html", "502", "ok")
    ]
    with pytest.raises(ValueError, match="operation must be one of"):
        picker.script("control", [Fault.html()])  # type: ignore[arg-type]  # what must be refused


def test_chance_strikes_at_its_rate() -> None:
    """Each fault at its own, and none for the rest; the same seed gives the same faults."""
    faults = Faults.parse("create:500=0.2", "create:429=0.1")
    one, again = (FaultPicker(rng=Random(7), faults=faults) for _ in range(2))
    drawn = [one.draw("create").name for _ in range(4000)]
    assert drawn == [again.draw("create").name for _ in range(4000)]
    counts = Counter(drawn)
    assert counts["500"] == pytest.approx(800, abs=120)
    assert counts["429"] == pytest.approx(400, abs=120)


async def test_a_script_is_played_in_order() -> None:
    """Each request of the operation meets the next fault; then all is well again."""
    async with running() as caller:
        caller.emulator.script("create", Fault.rate_limited(), Fault.ok(), Fault.answer(503))
        assert [(await create(caller))[0] for _ in range(4)] == [429, 200, 503, 200]
        assert [entry.fault for entry in caller.emulator.requests_of("create")] == ["429", "ok", "503", "ok"]
        assert caller.emulator.scripted("create") == 0


async def test_rates_come_true() -> None:
    """Of many polls about as many go wrong as the rates say, the same ones for the same seed."""

    async def statuses() -> list[int]:
        async with running(faults=Faults.parse("poll:500=0.2", "poll:429/1=0.1")) as caller:
            task_id = await caller.create()
            return [(await caller.call("GET", f"/runwayml/v1/tasks/{task_id}"))[0] for _ in range(400)]

    answered = await statuses()
    assert answered.count(500) == pytest.approx(80, abs=25)
    assert answered.count(429) == pytest.approx(40, abs=20)
    assert answered == await statuses()


def test_faults_are_no_texts() -> None:
    """A text where a Fault is wanted is refused at once, not when it would have struck."""
    with pytest.raises(ValueError, match=r"Faults\.parse"):
        Faults(poll={"502": 0.1})  # type: ignore[dict-item]  # what must be refused
    with pytest.raises(TypeError, match=r"Fault\.parse"):
        Emulator().script("poll", "502")  # type: ignore[arg-type]  # likewise
