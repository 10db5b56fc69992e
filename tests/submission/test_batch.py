"""What `Session.map` returns: handles, a table, counts, and readers that come and go."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cometrunway import ImageToVideo, Journal, JournalReader, Shot, errors
from cometrunway._submission import _batch
from cometrunway.emulator import Emulator, Fault
from tests.samples import yawn


def shots(number: int) -> list[Shot]:
    """Return shots whose tasks end in the opposite order."""
    return [Shot(str(place), yawn(place, f"[seconds {10 + 1000 // (1 + place)}]")) for place in range(number)]


async def test_a_batch_is_awaited_in_the_order_of_its_requests(session: Any) -> None:
    """`await` gives all handles, also those that were yielded before, and gives them again."""
    async with Emulator() as emulator, session(emulator) as runway:
        batch = runway.map(shots(5))
        first = await anext(batch)
        handles = await batch
        again = await batch
    assert first.key == "4"
    assert [handle.key for handle in handles] == [handle.key for handle in again] == list("01234")


async def test_nothing_is_submitted_before_a_batch_is_read(session: Any) -> None:
    """A batch that is only made costs nothing, and knows its total."""
    async with Emulator() as emulator, session(emulator) as runway:
        batch = runway.map(shots(3))
        await asyncio.sleep(100)
        assert (batch.total, batch.counts, batch.to_records()) == (3, {"waiting": 3}, [])
        await batch.aclose()
    assert emulator.creates.received == 0


async def test_a_reader_that_is_cancelled_loses_no_handle(session: Any) -> None:
    """After an interrupt no further request is taken; a reader that continues gets every handle once."""
    taken = 0

    def counted() -> Iterator[Shot]:
        nonlocal taken
        for shot in shots(20):
            taken += 1
            yield shot

    async with Emulator(duration=10) as emulator, session(emulator, max_in_flight=5) as runway:
        batch = runway.map(counted())
        keys = [(await anext(batch)).key]
        reading = asyncio.ensure_future(anext(batch))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.sleep(1000)
        assert taken <= 7
        assert emulator.creates.accepted <= 6
        keys += [handle.key async for handle in batch]
    assert sorted(map(int, filter(None, keys))) == list(range(20))


async def test_two_readers_share_a_batch(session: Any) -> None:
    """Each handle goes to one of them, both end, and one that is cancelled does not stop the other."""
    async with Emulator() as emulator, session(emulator, max_in_flight=3) as runway:
        batch = runway.map(shots(12))

        async def read() -> list[str | None]:
            return [handle.key async for handle in batch]

        readers = [asyncio.ensure_future(read()) for _ in range(3)]
        await asyncio.sleep(1)
        readers.pop().cancel()
        keys = [key for read_keys in await asyncio.gather(*readers) for key in read_keys]
    assert sorted(map(int, filter(None, keys))) == list(range(12))


async def test_a_batch_that_was_dropped_takes_no_more(session: Any) -> None:
    """Leaving the loop over a batch without another reference to it ends the taking."""
    taken = 0

    def endless() -> Iterator[ImageToVideo]:
        nonlocal taken
        while True:
            taken += 1
            yield yawn(taken)

    async with Emulator(duration=10) as emulator, session(emulator, max_in_flight=5) as runway:
        async for _ in runway.map(endless()):
            break
        await asyncio.sleep(1000)
    assert taken <= 7


async def test_the_records_of_a_batch_are_those_of_its_journal(
    session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key, status, path, seconds and reason are the same in both, whatever became of a shot."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "shots.db"
    mixed = [
        *shots(2),
        Shot("failed", yawn(1, "[fail SAFETY.INPUT.TEXT]")),
        Shot("doubt", yawn(3)),
        Shot("refused", yawn(4)),
    ]
    async with Emulator() as emulator, session(emulator, journal=path, max_creates=1, output_dir="out") as runway:
        emulator.script("create", *[Fault.ok()] * 3, Fault.drop_after(), Fault.answer(400))
        batch = runway.map(mixed)
        async for handle in batch:
            if handle.key == "1":
                owed = {record["key"] for record in batch.to_records() if record["status"] == "owed"}
        records = batch.to_records()
    assert owed == {"0"}
    statuses = {record["key"]: record["status"] for record in records}
    assert statuses == {
        "0": "delivered",
        "1": "delivered",
        "failed": "failed",
        "doubt": "in_doubt",
        "refused": "refused",
    }
    assert batch.counts == {"delivered": 2, "failed": 1, "in_doubt": 1, "refused": 1}
    assert [record["path"] for record in records[:2]] == [str(tmp_path / "out" / f"{number}.mp4") for number in (0, 1)]
    assert Journal.read(path).to_records() == records
    with JournalReader(path) as journal:
        assert list(journal.to_records()) == records


async def test_a_batch_forgets_the_first_of_very_many(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an endless input leaves behind is bounded; the counts stay whole, and a table says what is missing."""
    monkeypatch.setattr(_batch, "KEPT", 10)
    async with Emulator(duration=1) as emulator, session(emulator, max_in_flight=2) as runway:
        iterated, awaited = runway.map(shots(40)), runway.map([yawn(number) for number in range(40)])
        async for _ in iterated:
            pass
        assert iterated.counts == {"delivered": 40}
        with pytest.raises(RuntimeError, match="journal"):
            iterated.to_records()
        assert len(await awaited) == 40


async def test_what_ends_a_batch_is_raised_by_await(session: Any) -> None:
    """The handles of what was paid for before are still there."""
    async with Emulator(balance=2) as emulator, session(emulator, max_creates=1) as runway:
        batch = runway.map(shots(100))
        with pytest.raises(errors.InsufficientBalanceError):
            await batch
        assert [handle.key for handle in batch.handles if handle.id] == ["0", "1"]


async def test_who_follows_a_batch_gets_every_handle_and_its_end(session: Any) -> None:
    """However late the following begins; nothing comes after it was stopped."""
    told: list[str] = []
    async with Emulator(duration=1) as emulator, session(emulator) as runway:
        batch = runway.map(shots(2))
        batch.follow(lambda handle: told.append(f"early {handle.key}"), lambda: told.append("early end"))
        batch.follow(lambda handle: told.append(f"stopped {handle.key}"), lambda: told.append("stopped end"))()
        await batch
        assert sorted(told) == ["early 0", "early 1", "early end"]
        told.clear()
        batch.follow(lambda handle: told.append(f"late {handle.key}"), lambda: told.append("late end"))
        assert told == ["late 0", "late 1", "late end"]


async def test_a_batch_that_is_closed_sends_no_more(session: Any) -> None:
    """What was sent before is yielded to a reader that waits for it."""
    async with Emulator(duration=1) as emulator, session(emulator, max_creates=1) as runway:
        emulator.script("create", Fault.slow(10))
        batch = runway.map(shots(3))
        reading = asyncio.ensure_future(anext(batch))
        await asyncio.sleep(5)
        await batch.aclose()
        assert (await reading).key == "0"
        await asyncio.sleep(1000)
    assert emulator.creates.received == 1


async def test_a_batch_that_is_never_read_warns(session: Any) -> None:
    """Its warning says how many requests were not submitted, if that is known; nothing is lost of an empty one."""
    async with Emulator() as emulator, session(emulator) as runway:
        for requests, named in ((shots(2), "a batch of 2 requests"), (iter(shots(2)), "a batch")):
            with pytest.warns(RuntimeWarning, match=f"^{named} was never read"):
                runway.map(requests)
        runway.map([])
    assert emulator.creates.received == 0
