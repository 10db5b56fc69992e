"""What a live page is told: what changed, and no more."""

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Journal
from cometrunway._gallery._cards import Card
from cometrunway._gallery._feed import Feed
from cometrunway._gallery._source import Id, IsKnown, Scan, Seen, Snapshot
from cometrunway._gallery._sources import source_of
from cometrunway.emulator import VirtualLoop
from tests.gallery.pages import change
from tests.recorded import Recorded, record, still


class StillSource:
    """A source that counts how often it is read."""

    title = "still"
    card = Card(key="one", status="file")

    def __init__(self) -> None:
        self.reads, self.stamp = 0, 0
        self.error: Exception | None = None

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        yield Snapshot(cards=[self.card])

    @contextmanager
    def scanning(self, is_known: IsKnown, after: Id | None = None) -> Iterator[Scan]:
        if self.error:
            raise self.error
        self.reads += 1
        yield Scan(shots=[Seen("one", 1, None if is_known("one", 1) else self.card)])

    def cards(self, ids: Sequence[Id]) -> list[Card]:
        return [self.card for _ in ids]

    def is_written(self) -> bool:
        return False

    def signature(self) -> object:
        return self.stamp


class SlowSource(StillSource):
    """A source that takes a second to read."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self.loop = loop

    @contextmanager
    def scanning(self, is_known: IsKnown, after: Id | None = None) -> Iterator[Scan]:
        self.loop.now += 1
        with super().scanning(is_known, after) as scan:
            yield scan


async def since(feed: Feed, version: int) -> Any:
    """Return what a page that has a version is told."""
    _, event = await feed.event(version)
    return json.loads(event.decode().partition("data: ")[2])


async def test_only_what_changed_is_told(tmp_path: Path) -> None:
    """After a version come only the shots that changed since, under the numbers that they had."""
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key=str(number), outcome="accepted") for number in range(100)])
    feed = Feed(source_of(path))
    await feed.refresh()
    before = feed.version
    assert len((await since(feed, 0))["shots"]) == 100
    assert (await since(feed, before))["shots"] == []
    async with Journal(path) as journal:
        await journal.refuse("41", "changed")
        await feed.refresh()
        [shot] = (await since(feed, before))["shots"]
        assert (shot["n"], shot["status"]) == (41, "refused")
        assert (await since(feed, before))["isWritten"]
    await feed.refresh()
    assert not (await since(feed, before))["isWritten"], "that its writer has gone is told, though no file changed"


async def test_nothing_is_read_while_nothing_changes() -> None:
    """A source is read once after a change, and once more, for a file's time is coarse; then no more."""
    source = StillSource()
    feed = Feed(source)
    for _ in range(10):
        await feed.refresh()
    assert source.reads == 2
    assert feed.version == 1
    source.stamp += 1
    for _ in range(10):
        await feed.refresh()
    assert source.reads == 4


async def test_slow_reads_are_rare() -> None:
    """After a read no other follows for four times as long as it took, however much changes."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    source = SlowSource(loop)
    feed = Feed(source)
    for _ in range(100):
        source.stamp += 1
        await feed.refresh()
        await asyncio.sleep(1)
    assert 15 <= source.reads <= 26, "the first one is not followed by a rest"


async def test_what_has_gone_is_told(tmp_path: Path) -> None:
    """A file that was deleted leaves the page, and the others keep their numbers."""
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(still())
    feed = Feed(source_of(tmp_path))
    await feed.refresh()
    before = feed.version
    (tmp_path / "a.png").unlink()
    await feed.refresh()
    assert (await since(feed, before))["shots"] == [{"n": 0, "gone": True}]
    assert await feed.file(0, 0) is None
    assert await feed.file(1, 0) is not None


async def test_a_journal_that_breaks_is_told(tmp_path: Path) -> None:
    """What was known stays, the problem is said, and it ends when the journal is there again."""
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key="one", outcome="accepted")])
    feed = Feed(source_of(path))
    await feed.refresh()
    before = feed.version
    path.rename(tmp_path / "hidden")
    await feed.refresh()
    state = await since(feed, before)
    assert "there is no journal" in state["problem"]
    assert (state["total"], state["shots"]) == (1, []), "the page keeps what it has"
    os.mkfifo(path)
    await feed.refresh()
    assert "there is no journal" in (await since(feed, 0))["problem"]
    (tmp_path / "hidden").rename(path)
    await feed.refresh()
    assert (await since(feed, 0))["problem"] is None


@pytest.mark.parametrize(
    "damage",
    [
        "state = 'strange'",
        "request = '{'",
        "request = '[1]'",
        "assets = '[{}]'",
        "failure = '{\"x\": 1}'",
        "key = x'ff'",
        "created_at = 'x'",
    ],
)
async def test_a_damaged_row_is_told(damage: str, tmp_path: Path) -> None:
    """As long as it is damaged, however often one asks; and no longer."""
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key="one", outcome="accepted")])
    sound = path.read_bytes()
    feed = Feed(source_of(path))
    await feed.refresh()
    before = feed.version
    change(path, f"UPDATE submission SET {damage}")  # noqa: S608 - the test's own
    for _ in range(3):
        await feed.refresh()
        state = await since(feed, before)
        assert "is damaged" in state["problem"]
        assert (state["total"], state["shots"]) == (1, []), "the page keeps what it has"
        begun = await feed.state()
        assert "is damaged" in begun["problem"], "so is a page told that is opened now"
    path.write_bytes(sound)
    await feed.refresh()
    assert (await since(feed, 0))["problem"] is None


async def test_whatever_a_source_raises_is_told() -> None:
    """Also an unexpected error. The source is read again until it can be read."""
    source = StillSource()
    feed = Feed(source)
    source.error = RuntimeError("an unexpected fault")
    await feed.refresh()
    assert (await since(feed, 0))["problem"] == "an unexpected fault"
    source.error = None
    await feed.refresh()
    assert (await since(feed, 0))["problem"] is None
