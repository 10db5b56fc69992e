"""Pruning: what is kept, what is dropped, and that nothing is bought again."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Entry, Journal, Session, Shot, errors
from cometrunway._journal._reader import JournalReader
from cometrunway.emulator import Emulator, Fault
from tests.recorded import Recorded, record
from tests.samples import yawn

OUTCOMES = ("submitting", "accepted", "refused", "in_doubt", "failed")
LATER = timedelta(days=1)


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@pytest.fixture
def session(session: Any, tmp_path: Path) -> Callable[..., Session]:
    """Return a maker of sessions on an emulator, with one journal and one folder."""
    return partial(session, journal=tmp_path / "shots.db")


async def pruned(path: Path, **dates: datetime) -> Any:
    """Prune a journal, by default of all that was delivered."""
    async with Journal(path) as journal:
        return await journal.prune(**{"delivered_before": now(), **dates})


async def test_a_batch_that_was_pruned_is_not_bought_again(session: Any, tmp_path: Path) -> None:
    """Run again, every shot, with a key and without one, gives its file, and no create is sent."""
    shots = [Shot("plain", yawn(1)), yawn(2), yawn(2)]
    async with Emulator() as emulator:
        async with session(emulator) as runway:
            before = {handle.key: (await handle)[0].path async for handle in runway.map(shots)}
        done = await pruned(tmp_path / "shots.db")
        assert (done.pruned, done.forgotten) == (3, 0)
        async with session(emulator) as runway:
            after = {handle.key: (await handle)[0].path async for handle in runway.map(shots)}
    assert after == before
    assert emulator.creates.received == 3
    assert len(emulator.requests_of("asset")) == 3


async def test_a_pruned_file_that_is_gone_is_fetched_again(session: Any, tmp_path: Path) -> None:
    """The task is still known, so it is asked for its file; nothing is bought."""
    async with Emulator() as emulator:
        async with session(emulator) as runway:
            [asset] = await (await runway.submit(yawn(), key="shot"))
        await pruned(tmp_path / "shots.db")
        asset.path.unlink()
        async with session(emulator) as runway:
            [again] = await (await runway.submit(yawn(), key="shot"))
            assert again.path.exists()
    assert emulator.creates.received == 1


async def test_a_pruned_key_stands_for_its_request(session: Any, tmp_path: Path) -> None:
    """Another request under it is refused, and the error says why it cannot show the difference."""
    async with Emulator() as emulator:
        async with session(emulator) as runway:
            await (await runway.submit(yawn(1), key="shot"))
        await pruned(tmp_path / "shots.db")
        async with session(emulator) as runway:
            with pytest.raises(errors.KeyConflictError, match="pruned"):
                await runway.submit(yawn(2), key="shot")
    assert emulator.creates.received == 1


async def test_what_is_not_delivered_stays_as_it_is(tmp_path: Path) -> None:
    """Nothing that is owed, in doubt, failed or refused changes, however old it is."""
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key=outcome, outcome=outcome, created_at=1.0) for outcome in OUTCOMES])
    before = Journal.read(path)
    done = await pruned(path, forget_keys_before=now() - LATER)
    assert (done.pruned, done.forgotten) == (0, 0)
    assert Journal.read(path) == before


async def test_only_what_was_delivered_before_the_date_is_pruned(tmp_path: Path) -> None:
    """The date is that of the delivery; where an earlier version has not recorded it, of what came before."""
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key="old"), Recorded(key="of 2020", created_at=1_577_836_800.0)])
    async with Journal(path) as journal:
        await journal.deliver("old", (), delivered_at=now().timestamp())
    await pruned(path, delivered_before=datetime(2021, 1, 1, tzinfo=UTC))
    assert {entry.key: entry.is_pruned for entry in Journal.read(path)} == {"old": False, "of 2020": True}


async def test_a_forgotten_key_is_bought_again(session: Any, tmp_path: Path) -> None:
    """That is what the user asked for; what is younger is still known."""
    async with Emulator() as emulator:
        async with session(emulator) as runway:
            await (await runway.submit(yawn(1), key="shot"))
        between = now()
        async with session(emulator) as runway:
            await (await runway.submit(yawn(2), key="younger"))
        done = await pruned(tmp_path / "shots.db", forget_keys_before=between)
        assert (done.pruned, done.forgotten) == (1, 1)
        async with session(emulator) as runway:
            await (await runway.submit(yawn(1), key="shot"))
            await (await runway.submit(yawn(2), key="younger"))
    assert emulator.creates.received == 3


async def test_the_file_becomes_smaller(tmp_path: Path) -> None:
    """By more than half, where prompts are long; the sizes are told."""
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key=str(number), prompt="a cat " * 200) for number in range(2000)])
    done = await pruned(path)
    assert done.bytes_after == path.stat().st_size < done.bytes_before / 2
    assert done.pruned == 2000
    with JournalReader(path) as journal:
        assert [entry.key for entry in journal.entries()] == [str(number) for number in range(2000)]


@pytest.mark.parametrize("damaged", ["[1]", "{", "null"])
async def test_a_row_that_cannot_be_read_is_not_pruned(tmp_path: Path, damaged: str) -> None:
    """It is an error, and the row stays as it is."""
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key="shot")])
    async with Journal(path) as journal:
        await journal._do(lambda database: database.execute("UPDATE submission SET assets = ?", (damaged,)))
        with pytest.raises(errors.JournalError, match="cannot be read"):
            await journal.prune(delivered_before=now())
        [found] = await journal._do(
            lambda database: database.execute("SELECT request, assets FROM submission").fetchall()
        )
    assert found[0] != "{}"
    assert found[1] == damaged


async def test_a_date_in_the_future_changes_nothing(tmp_path: Path) -> None:
    """Neither date may lie there, and no key may be forgotten of what is not pruned."""
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key="shot")])
    before = Journal.read(path)
    for dates in (
        {"delivered_before": now() + LATER},
        {"delivered_before": now() - LATER, "forget_keys_before": now() + LATER},
        {"delivered_before": now() - LATER, "forget_keys_before": now() - LATER / 2},
    ):
        with pytest.raises(ValueError, match=r"future|is later than"):
            await pruned(path, **dates)
    assert Journal.read(path) == before


async def test_a_journal_is_pruned_while_it_is_used(session: Any, tmp_path: Path) -> None:
    """What is recorded before and after is there; what is owed is delivered by the next run."""
    async with Emulator() as emulator:
        emulator.script("asset", *[Fault.answer(500)] * 6)
        async with session(emulator) as runway:
            with pytest.raises(errors.DownloadError):
                await (await runway.submit(yawn(1), key="owed"))
            await (await runway.submit(yawn(2), key="done"))
            await runway._lifetime.parts.journal.prune(delivered_before=now())
            await (await runway.submit(yawn(3), key="after"))
        async with session(emulator) as runway:
            [handle] = await runway.resume()
            assert await handle
    found = {entry.key: (entry.state.value, entry.is_pruned) for entry in Journal.read(tmp_path / "shots.db")}
    assert found == {"owed": ("delivered", False), "done": ("delivered", True), "after": ("delivered", False)}
    assert emulator.creates.received == 3


async def test_changes_that_wait_are_written_first(tmp_path: Path) -> None:
    """A delivery that was recorded right before is pruned with the others."""
    async with Journal(tmp_path / "shots.db") as journal:
        await journal.begin(Entry(key="shot", route="image_to_video", fingerprint="f", request={"prompt_text": "a"}))
        delivery = asyncio.ensure_future(journal.deliver("shot", (), delivered_at=1.0))
        await asyncio.sleep(0)
        assert (await journal.prune(delivered_before=now())).pruned == 1
        await delivery
