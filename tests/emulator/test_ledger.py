"""The books of the emulator: what was billed, what was sent again, and what reached the wrong origin."""

import asyncio
import base64

import aiohttp
import pytest

from cometrunway.emulator import Fault
from cometrunway.emulator._exchange import Answer, Received
from cometrunway.emulator._ledger import Ledger, LoggedRequest
from tests.emulator.test_faults import create
from tests.emulator.test_server import BODIES, running
from tests.samples import PNG


def received(ledger: Ledger, **fields: str) -> LoggedRequest:
    """Record a create with this body."""
    request = Received(method="POST", path="/p", body=b'{"a": 1}', **fields)  # type: ignore[arg-type]  # of its headers
    return ledger.open(request, time=0.0, origin="api", operation="create", route="act_one")


@pytest.mark.parametrize(
    ("answer", "repeats"),
    [
        (Answer(status=429), 0),
        (Answer(status=400), 0),
        (Answer(status=503, refuses=True), 0),
        (Answer(status=503), 1),
        (Answer(status=408), 1),
        (Answer(status=409), 1),
        (Answer(status=425), 1),
        (Answer(status=200), 1),
        (None, 1),
    ],
    ids=lambda value: getattr(value, "status", value),
)
def test_only_what_was_provably_refused_may_be_sent_again(answer: Answer | None, repeats: int) -> None:
    """After any other answer, or none, a second create with the same body is in the books."""
    ledger = Ledger(log_limit=10, api_key="sk")
    for _ in range(2):
        ledger.close(received(ledger), answer)
    assert (ledger.creates.received, ledger.creates.repeats.total()) == (2, repeats)


async def test_the_ledger_knows_who_saw_the_end() -> None:
    """The ledger counts polls and keeps when the end was first seen."""
    async with running() as caller:
        task = caller.emulator.tasks[await caller.create()]
        await caller.poll(task.id)
        assert (task.polls, task.end_seen_at) == (1, None)
        await asyncio.sleep(12)
        await caller.feed(task.id)
        assert task.end_seen_at is not None
        assert task.end_seen_at - task.completed_at == pytest.approx(2, abs=0.1)


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
