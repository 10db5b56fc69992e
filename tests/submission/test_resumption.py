"""Taking up what a journal owes, all at once or as places become free; and finding one shot."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cometrunway import EventKind, OutcomeUnknownError, Session, TaskFailedError, errors
from cometrunway.emulator import Emulator, Fault
from tests.samples import yawn


@pytest.fixture
def session(session: Any, tmp_path: Path) -> Callable[..., Session]:
    """Return a maker of sessions on an emulator, with one journal and one folder."""
    return partial(session, journal=tmp_path / "shots.db")


async def owe(session: Any, emulator: Emulator, count: int) -> None:
    """Leave a journal that owes so many tasks."""
    with pytest.raises(KeyError):
        async with session(emulator) as runway:
            for number in range(count):
                await runway.submit(yawn(number), key=str(number))
            raise KeyError


async def test_owed_tasks_are_taken_up_as_places_become_free(session: Any) -> None:
    """Never more at once than `max_in_flight`; each is delivered, and nothing is bought."""
    async with Emulator(duration=20) as emulator:
        await owe(session, emulator, 300)
        open_now, most = set[str](), 0

        def watch(event: Any) -> None:
            nonlocal most
            if event.kind is EventKind.RESUMED:
                open_now.add(event.key)
            elif event.kind is EventKind.DOWNLOADED:
                open_now.discard(event.key)
            most = max(most, len(open_now))

        async with session(emulator, max_in_flight=7, on_event=watch) as runway:
            taken = [handle.key async for handle in runway.resume() if await handle]
            assert await runway.resume() == ()
    assert sorted(taken) == sorted(map(str, range(300)))
    assert most == 7
    assert emulator.creates.received == 300


async def test_what_this_session_submits_itself_may_be_resumed_beside(session: Any) -> None:
    """A task that is polled already, or ended while it waited for its place, is yielded once more, not bought."""
    async with Emulator(duration=5) as emulator:
        await owe(session, emulator, 5)
        async with session(emulator, max_in_flight=2) as runway:
            own = await runway.submit(yawn(99), key="own")
            taken = {handle.key async for handle in runway.resume() if await handle}
            assert await own
    assert taken == {"own", *map(str, range(5))}
    assert emulator.creates.received == 6


async def test_a_failure_among_the_owed_stops_nothing(session: Any) -> None:
    """It is raised where its handle is awaited, and the others go on."""
    async with Emulator(duration=20) as emulator:
        with pytest.raises(KeyError):
            async with session(emulator) as runway:
                await runway.submit(yawn(0, "[fail]"), key="bad")
                await runway.submit(yawn(1), key="good")
                raise KeyError
        async with session(emulator) as runway:
            outcomes = {handle.key: handle.exception() async for handle in runway.resume()}
    assert outcomes["good"] is None
    assert isinstance(outcomes["bad"], TaskFailedError)


async def test_a_resumption_that_is_left_early_leaves_the_rest_owed(session: Any) -> None:
    """After a loop that is left, the session finishes what was taken up, and the next run takes up the rest."""
    async with Emulator(duration=20) as emulator:
        await owe(session, emulator, 20)
        async with session(emulator, max_in_flight=3) as runway:
            async for handle in runway.resume():
                assert await handle
                break
        async with session(emulator) as runway:
            rest = await runway.resume()
            assert 0 < len(rest) < 20
            assert [await handle for handle in rest]


async def test_one_shot_is_found_by_its_key(session: Any) -> None:
    """Finished, failed, running, in doubt, refused, unknown: each gives what there is, and buys nothing."""
    async with Emulator(duration=20) as emulator:
        async with session(emulator) as runway:
            [done] = await (await runway.submit(yawn(0), key="done"))
            with pytest.raises(TaskFailedError):
                await (await runway.submit(yawn(1, "[fail]"), key="failed"))
            emulator.script("create", Fault.drop_after())
            with pytest.raises(OutcomeUnknownError):
                await runway.submit(yawn(2), key="doubtful")
            emulator.script("create", Fault.answer(400))
            with pytest.raises(errors.InvalidRequestError):
                await runway.submit(yawn(3), key="refused")
        await owe(session, emulator, 1)
        received = emulator.creates.received
        async with session(emulator) as runway:
            found = {key: await runway.find(key) for key in ("done", "failed", "doubtful", "refused", "0")}
            assert [asset.path for asset in await found["done"]] == [done.path]
            assert not found["0"].done()
            assert await found["0"]
            for key, error in (
                ("failed", TaskFailedError),
                ("doubtful", OutcomeUnknownError),
                ("refused", errors.CometRunwayError),
            ):
                assert found[key].done()
                with pytest.raises(error) as caught:
                    await found[key]
                assert caught.value.key == key
            assert (found["doubtful"].id, found["refused"].id) == ("", "")
            assert await runway.find("nothing") is None
    assert emulator.creates.received == received


async def test_a_shot_that_is_being_submitted_is_found_once_it_is(session: Any) -> None:
    """To look for it meanwhile waits for its answer, and reads the journal once before it and once after it."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.slow(10))
        waiting = asyncio.ensure_future(runway.submit(yawn(), key="slow"))
        await asyncio.sleep(1)
        journal, read = runway._lifetime.parts.journal, list[str]()
        find = journal.find

        async def counted(key: str) -> Any:
            read.append(key)
            return await find(key)

        journal.find = counted
        handle = await runway.find("slow")
        assert read == ["slow", "slow"]
        assert handle is not None
        assert handle.id
        assert await handle
        await waiting


async def test_without_a_journal_nothing_is_found(tmp_path: Path) -> None:
    """The error says how to have one."""
    async with Emulator() as emulator:
        async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=tmp_path) as runway:
            with pytest.raises(errors.JournalRequiredError, match="journal="):
                await runway.find("shot")
            with pytest.raises(errors.JournalRequiredError, match="journal="):
                runway.resume()
