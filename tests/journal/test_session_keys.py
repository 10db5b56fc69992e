"""Keys in a session without a journal: each is paid for once."""

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Failure, PollPolicy, Shot, State, Task, TaskStatus, errors
from cometrunway._journal import _session_keys
from cometrunway._journal._entry import Entry
from cometrunway._journal._session_keys import SessionKeys
from cometrunway.emulator import Emulator, Fault
from tests.samples import yawn


async def test_a_key_that_is_submitted_again_gives_the_first_task(session: Any, tmp_path: Path) -> None:
    """While the task runs, after it has ended, and at the same moment; its file is downloaded once."""
    async with Emulator() as emulator, session(emulator) as runway:
        first, same = await asyncio.gather(*(runway.submit(yawn(), key="a") for _ in range(2)))
        [clip] = await first
        again = await runway.submit(yawn(), key="a")
        assert again.done()
        assert [await same, await again] == [(clip,), (clip,)]
    assert first.id == same.id == again.id
    assert emulator.creates.received == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.mp4"]


async def test_equal_shots_of_one_map_are_one_task(session: Any) -> None:
    """A list that has a shot twice pays for it once, and yields both."""
    async with Emulator() as emulator, session(emulator) as runway:
        handles = await runway.map([Shot("a", yawn()), Shot("b", yawn(1)), Shot("a", yawn())])
    assert emulator.creates.received == 2
    assert handles[0].id == handles[2].id != handles[1].id


async def test_another_request_under_a_key_is_a_conflict(session: Any) -> None:
    """It raises an error that names the difference and the cure, in `map` as well, and nothing is sent."""
    async with Emulator() as emulator, session(emulator) as runway:
        await (await runway.submit(yawn(1), key="a"))
        with pytest.raises(
            errors.KeyConflictError, match=r"'a' .* of this session .*yawns 1 times.* there, .*another key"
        ):
            await runway.submit(yawn(2), key="a")
        [refused] = await runway.map([Shot("a", yawn(3))])
        with pytest.raises(errors.KeyConflictError):
            await refused
    assert emulator.creates.received == 1


async def test_a_refused_key_can_be_submitted_again(session: Any) -> None:
    """Also with another request, for nothing was created."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.answer(400))
        with pytest.raises(errors.InvalidRequestError):
            await runway.submit(yawn(1), key="a")
        await (await runway.submit(yawn(2), key="a"))
    assert emulator.creates.accepted == 1


async def test_a_failed_task_is_not_paid_for_again(session: Any) -> None:
    """As with a journal: its key gives the failed task; another key pays for another try."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.next_task(fails="INTERNAL")
        handles = [await runway.submit(yawn(), key="a"), await runway.submit(yawn(), key="a")]
        for handle in (*handles, await runway.submit(yawn(), key="a")):
            with pytest.raises(errors.TaskFailedError):
                await handle
        await (await runway.submit(yawn(), key="a again"))
    assert emulator.creates.received == 2


async def test_a_create_in_doubt_is_not_sent_again(session: Any) -> None:
    """The same key raises the doubt once more, with a cure that needs no journal."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.drop_after())
        for _ in range(2):
            with pytest.raises(errors.OutcomeUnknownError) as doubt:
                await runway.submit(yawn(), key="a")
    assert "attach its task id, or submit it under another key" in str(doubt.value)
    assert emulator.creates.received == 1


async def test_a_wait_that_ended_early_is_begun_again(session: Any) -> None:
    """After a deadline or a failed download, the key continues its task, and pays for nothing."""
    async with Emulator(duration=150) as emulator, session(emulator, poll=PollPolicy(deadline=120)) as runway:
        with pytest.raises(errors.TaskTimeoutError):
            await (await runway.submit(yawn(), key="a"))
        emulator.script("asset", Fault.answer(400))
        with pytest.raises(errors.DownloadError):
            await (await runway.submit(yawn(), key="a"))
        [clip] = await (await runway.submit(yawn(), key="a"))
    assert clip.path.name == "a.mp4"
    assert emulator.creates.received == 1


async def test_a_session_that_pays_again_remembers_no_keys(session: Any) -> None:
    """`pay_again=True` submits each, also another request under the same key."""
    async with Emulator() as emulator, session(emulator, pay_again=True) as runway:
        for number in (1, 1, 2):
            await runway.submit(yawn(number), key="a")
    assert emulator.creates.accepted == 3


async def test_a_key_that_ended_long_ago_is_refused(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of very many keys the session drops the files, and not that the key was paid for. Unfinished ones it keeps."""
    monkeypatch.setattr(_session_keys, "KEPT", 1)
    async with Emulator() as emulator, session(emulator, close_wait=0, journal=None) as runway:
        emulator.next_task(seconds=math.inf)
        owed = await runway.submit(yawn(0), key="owed")
        for number in (1, 2):
            await (await runway.submit(yawn(number), key=str(number)))
        assert (await runway.submit(yawn(2), key="2")).done()
        with pytest.raises(errors.KeyUsedError, match=r"'1' .*journal=.*pay_again=True") as used:
            await runway.submit(yawn(1), key="1")
        assert used.value.keys == ("1",)
        assert (await runway.submit(yawn(0), key="owed")).id == owed.id
        with pytest.raises(errors.TasksOwedError):
            await runway.close()
    assert emulator.creates.received == 3


async def test_an_ended_task_is_known_with_its_end() -> None:
    """Its key gives the failure, and pays for nothing."""
    keys = SessionKeys()
    for key, status in (("a", TaskStatus.FAILED), ("b", TaskStatus.CANCELLED)):
        await keys.begin(Entry(key=key, route="image_to_video", fingerprint="f", request={}))
        await keys.accept(key, task_id=key, created_at=None)
        await keys.end(key, Task(id=key, status=status, failure=Failure(message="because")))
    states = [entry and entry.state for entry in (await keys.find("a"), await keys.find("b"))]
    assert states == [State.FAILED, State.CANCELLED]


async def test_an_entry_that_was_dropped_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the ended ones the latest are kept."""
    monkeypatch.setattr(_session_keys, "KEPT", 2)
    keys = SessionKeys()
    for key in "abc":
        await keys.begin(Entry(key=key, route="image_to_video", fingerprint="f", request={}))
        await keys.accept(key, task_id=key, created_at=None)
        await keys.deliver(key, (), task=Task(id=key, status=TaskStatus.SUCCEEDED))
    assert [key for key in "abc" if await keys.find(key)] == ["b", "c"]
