"""The emulator's faults: scripted ones strike in order, chance ones at their rate, and the books stay true."""

import asyncio
import base64
from typing import Any

import aiohttp
import pytest

from cometrunway.emulator import Emulator, Fault, Faults
from tests.emulator.test_server import BODIES, Caller, path_of, running
from tests.samples import PNG


async def create(caller: Caller) -> tuple[int, Any]:
    """Send one creation, whatever comes of it."""
    return await caller.call("POST", path_of("image_to_video"), BODIES["image_to_video"])


async def test_a_script_is_played_in_order() -> None:
    """Each request of the operation meets the next fault; then all is well again."""
    async with running() as caller:
        caller.emulator.script("create", Fault.rate_limited(), Fault.ok(), Fault.answer(503))
        assert [(await create(caller))[0] for _ in range(4)] == [429, 200, 503, 200]
        assert [entry.fault for entry in caller.emulator.requests_of("create")] == ["429", "ok", "503", "ok"]
        assert caller.emulator.scripted("create") == 0


@pytest.mark.parametrize(
    ("fault", "accepted"),
    [
        (Fault.drop_before(), 0),
        (Fault.drop_before(reset=True), 0),
        (Fault.drop_after(), 1),
        (Fault.cut(), 1),
        (Fault.silent(), 0),
        (Fault.silent(acts=True), 1),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
async def test_lost_answers_and_the_ledger(fault: Fault, accepted: int) -> None:
    """A client that hears nothing cannot know whether it pays; the ledger does."""
    async with running() as caller:
        caller.emulator.script("create", fault)
        with pytest.raises((aiohttp.ClientError, TimeoutError)):
            async with asyncio.timeout(30):
                await create(caller)
        assert (caller.emulator.creates.received, caller.emulator.creates.accepted) == (1, accepted)


@pytest.mark.parametrize("status", [307, 408, 409, 500, 502, 504])
async def test_an_accepted_create_may_answer_anything(status: int) -> None:
    """`acts` enters the task and answers something else: what was billed is in the ledger."""
    async with running() as caller:
        caller.emulator.script("create", Fault.answer(status, {"odd": True}, headers={"Location": "/"}, acts=True))
        assert await create(caller) == (status, {"odd": True})
        assert caller.emulator.creates.count("image_to_video", BODIES["image_to_video"]) == 1


async def test_a_create_sent_again_is_noticed() -> None:
    """To send again after a refusal is right; after a lost answer it is not, and the ledger says how often."""
    async with running() as caller:
        caller.emulator.script("create", Fault.rate_limited(), Fault.bad_gateway())
        await create(caller)
        await create(caller)
        assert caller.emulator.creates.repeats.total() == 0
        await create(caller)
        assert caller.emulator.creates.repeats.total() == 1


async def test_a_rate_limit_says_how_long() -> None:
    """429 comes with a Retry-After if asked for, and never without."""
    async with running() as caller:
        caller.emulator.script("poll", Fault.rate_limited(2.5), Fault.rate_limited())
        url = caller.emulator.base_url + "/runwayml/v1/tasks/x"
        for expected in ("2.5", None):
            async with caller.http.get(url) as response:
                assert (response.status, response.headers.get("Retry-After")) == (429, expected)


async def test_pages_instead_of_answers() -> None:
    """A proxy's page is HTML, with the status of an error or of success."""
    async with running() as caller:
        caller.emulator.script("poll", Fault.bad_gateway(), Fault.html())
        for status in (502, 200):
            answered, page = await caller.call("GET", "/runwayml/v1/tasks/x")
            assert answered == status
            assert page.startswith("<html>")


async def test_a_slow_answer_is_right() -> None:
    """A slow answer is the right one, so many seconds late."""
    async with running() as caller:
        caller.emulator.script("create", Fault.slow(20))
        start = asyncio.get_running_loop().time()
        assert (await create(caller))[0] == 200
        assert asyncio.get_running_loop().time() - start == pytest.approx(20, abs=0.1)


async def test_a_known_task_can_be_forgotten_for_a_poll() -> None:
    """A scripted task_not_exist strikes a task that exists, in any wire form."""
    async with running() as caller:
        task_id = await caller.create()
        caller.emulator.script("poll", Fault.not_found_yet("404"), Fault.not_found_yet("status"))
        assert (await caller.call("GET", f"/runwayml/v1/tasks/{task_id}"))[0] == 404
        assert await caller.feed(task_id) == {"id": task_id, "status": "task_not_exist"}


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


async def test_faults_leave_the_control_plane_alone() -> None:
    """Another process can always read the books, without a key, and reading leaves no trace in them."""
    async with running(faults=Faults.parse("create:lost=0.5", "poll:drop=1")) as caller:
        caller.emulator.script("create", Fault.ok())
        await create(caller)
        _, ledger = await caller.call("GET", "/__emulator__/ledger", Authorization="")
        assert ledger["creates"] == {"received": 1, "accepted": 1, "billed_twice": 0, "repeats": 0}
        assert [entry["id"] for entry in ledger["entries"]] == list(caller.emulator.tasks)
        _, requests = await caller.call("GET", "/__emulator__/requests")
        assert requests["counts"] == {"create": 1}
        assert (await caller.call("GET", "/__emulator__/leaks"))[1] == {"count": 0, "entries": []}


@pytest.mark.parametrize("text", ["poll:502", "watch:502=0.1", "poll:meteor=0.1", "poll:500=0.7 poll:429=0.7"])
def test_wrong_rates_are_refused(text: str) -> None:
    """A rate that makes no sense is a ValueError that shows how to write one."""
    with pytest.raises(ValueError, match=r"OPERATION:FAULT=RATE|unknown fault|at most 1"):
        Faults.parse(*text.split())


def test_faults_are_no_texts() -> None:
    """A text where a Fault is wanted is refused at once, not when it would have struck."""
    with pytest.raises(ValueError, match=r"Faults\.parse"):
        Faults(poll={"502": 0.1})  # type: ignore[dict-item]  # what must be refused
    with pytest.raises(TypeError, match=r"Fault\.parse"):
        Emulator().script("poll", "502")  # type: ignore[arg-type]  # likewise


async def test_the_log_is_bounded() -> None:
    """The request log keeps the last entries, the start of each body, and the whole size."""
    async with running(log_limit=3) as caller:
        image = "data:image/png;base64," + base64.b64encode(PNG + bytes(10_000)).decode()
        for number in range(5):
            await caller.create(promptText=f"cat {number}", promptImage=image)
        entries = caller.emulator.requests
        assert (len(entries), len(entries[0].body)) == (3, 4096)
        assert entries[0].size > 10_000
        task = next(iter(caller.emulator.tasks.values()))
        assert len(task.body["promptImage"]) < 300
        assert len({task.digest for task in caller.emulator.tasks.values()}) == 5
