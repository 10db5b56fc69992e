"""What a test in another process may ask: the books, as JSON and without a key."""

import asyncio

from cometrunway.emulator import Fault, Faults
from tests.emulator.test_faults import create
from tests.emulator.test_server import running


async def test_the_books_are_pages_of_json() -> None:
    """Tasks as they are now, requests without their secrets, and leaks; of another page it is told which there are."""
    async with running() as caller:
        task_id = await caller.create()
        await asyncio.sleep(10)
        await caller.poll(task_id)
        _, ledger = await caller.call("GET", "/__emulator__/ledger")
        [task] = ledger["entries"]
        assert (task["id"], task["status"], task["polls"]) == (task_id, "SUCCEEDED", 1)
        assert ledger["counts"] == {"SUCCEEDED": 1}
        _, requests = await caller.call("GET", "/__emulator__/requests")
        assert [entry["operation"] for entry in requests["entries"]] == ["create", "poll"]
        assert caller.emulator.api_key not in str(requests)
        status, answer = await caller.call("GET", "/__emulator__/accounts")
        assert (status, "ask ledger, requests or leaks" in answer["error"]) == (404, True)


async def test_a_task_that_never_ends_is_in_the_books() -> None:
    """JSON has no infinity: its end is null."""
    async with running() as caller:
        await caller.create(promptText="[stuck]")
        _, ledger = await caller.call("GET", "/__emulator__/ledger")
        assert ledger["entries"][0]["completed_at"] is None


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
