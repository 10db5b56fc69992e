"""What a live page of many shots is told: its beginning, changes, and the rest when it asks."""

import json
from pathlib import Path
from typing import Any

from cometrunway._gallery._data_scripts import BLOCK, PAGE
from cometrunway._gallery._feed import _MOST_TOLD, Feed
from cometrunway._gallery._sources import source_of
from tests.gallery.pages import called, change
from tests.gallery.test_feed import since
from tests.recorded import Recorded, record, still

MANY = 1203


async def feed_of(folder: Path) -> Feed:
    """Return the feed of a journal of many shots, read to its end."""
    shots = (Recorded(key=f"k{number}", outcome="accepted") for number in range(MANY))
    await record(folder / "shots.db", shots)
    feed = Feed(source_of(folder / "shots.db"))
    await read(feed)
    return feed


async def read(feed: Feed) -> None:
    """Read the source until nothing has changed."""
    version = None
    while feed.is_first or version != feed.version:
        version = feed.version
        await feed.refresh()


async def script(feed: Feed, kind: str, number: int) -> Any:
    """Return what a script of the feed hands over."""
    text = await feed.script(kind, number)
    return text and called(text, f"{kind}-{number}")[1]


async def test_a_page_begins_with_the_first_shots(tmp_path: Path) -> None:
    """And the counts of all; the others it can ask for, page by page, and by block what sorts and searches need."""
    feed = await feed_of(tmp_path)
    state = await feed.state()
    assert (state["total"], len(state["shots"]), state["isRead"]) == (MANY, PAGE, True)
    assert state["counts"]["status"] == {"owed": MANY}
    pages = [await script(feed, "shots", number) for number in range(8)]
    assert pages.pop() is None
    assert pages[0] == state["shots"]
    assert [shot["n"] for page in pages for shot in page] == list(range(MANY))
    rows, texts = await script(feed, "rows", 0), await script(feed, "texts", 0)
    assert rows["key"] == [f"k{number}" for number in range(MANY)]
    assert [text.partition("\n")[0] for text in texts] == rows["key"]
    assert await script(feed, "rows", 1) is None


async def test_a_script_says_of_which_version_it_is_at_least(tmp_path: Path) -> None:
    """So that a page takes nothing from it that it was told anew meanwhile."""
    feed = await feed_of(tmp_path)
    text = await feed.script("shots", 2)
    assert text is not None
    assert json.loads(f"[{text[len('galleryData(') : -3]}]")[2] == feed.version


async def test_a_few_changes_are_told_whole(tmp_path: Path) -> None:
    """Up to a thousand, wherever they are; of more the pages are told, and no shot."""
    feed = await feed_of(tmp_path)
    before = feed.version
    assert MANY - _MOST_TOLD == 203
    change(tmp_path / "shots.db", "UPDATE submission SET reason = 'x' WHERE number > 203")
    await read(feed)
    state = await since(feed, before)
    assert [shot["n"] for shot in state["shots"]] == list(range(MANY - _MOST_TOLD, MANY))
    assert "pages" not in state
    change(tmp_path / "shots.db", "UPDATE submission SET reason = 'y' WHERE number > 190")
    await read(feed)
    state = await since(feed, feed.version - 1)
    assert (state["shots"], state["pages"]) == ([], list(range(7)))
    assert (await since(feed, feed.version))["shots"] == []


async def test_a_page_that_comes_late_is_told_pages(tmp_path: Path) -> None:
    """A page that is more than a thousand shots behind gets a small event, which names the pages of data to load."""
    feed = await feed_of(tmp_path)
    _, event = await feed.event(0)
    assert len(event) < 1000
    assert (await since(feed, 0))["pages"] == list(range(7))


async def test_shots_that_come_and_go_are_counted(tmp_path: Path) -> None:
    """What has gone leaves a hole in rows and pages, and none in the numbers of others."""
    feed = await feed_of(tmp_path)
    before = feed.version
    change(tmp_path / "shots.db", "DELETE FROM submission WHERE number = 7")
    change(tmp_path / "shots.db", "INSERT INTO submission SELECT 9999, 'new', route, '', request, 'failed', 1, NULL, "
           "NULL, NULL, NULL, NULL, 'x', NULL, '[]' FROM submission WHERE number = 8")  # fmt: skip
    await read(feed)
    state = await since(feed, before)
    assert [(shot["n"], shot.get("gone", False)) for shot in state["shots"]] == [(6, True), (MANY, False)]
    assert state["counts"]["status"] == {"owed": MANY - 1, "failed": 1}
    assert state["total"] == MANY + 1
    rows = await script(feed, "rows", 0)
    assert (rows["key"][6], rows["kind"][6], rows["key"][MANY]) == (None, None, "new")
    assert (await script(feed, "texts", 0))[6] == ""
    assert (await script(feed, "shots", 0))[6] == {"n": 6, "gone": True}


async def test_a_large_source_is_read_step_by_step(tmp_path: Path) -> None:
    """What has been read is told at once, and that there is more; the first scan has no rests."""
    shots = (Recorded(key=f"k{number}", outcome="accepted") for number in range(BLOCK + 2))
    await record(tmp_path / "shots.db", shots)
    feed = Feed(source_of(tmp_path / "shots.db"))
    told = []
    while feed.is_first:
        await feed.refresh()
        state = await since(feed, 0)
        told.append((state["total"], state["isRead"]))
    assert told == [(5000, False), (10000, False), (BLOCK + 2, True)]
    change(tmp_path / "shots.db", "UPDATE submission SET reason = 'x' WHERE number = 10001")
    await read(feed)
    assert [shot["n"] for shot in (await since(feed, feed.version - 1))["shots"]] == [10000]


async def test_a_scan_that_breaks_off_begins_again(tmp_path: Path) -> None:
    """It keeps what was read before; no shot is taken for deleted because the scan did not reach it."""
    shots = (Recorded(key=f"k{number}", outcome="accepted") for number in range(6000))
    await record(tmp_path / "shots.db", shots)
    feed = Feed(source_of(tmp_path / "shots.db"))
    await feed.refresh()
    (tmp_path / "shots.db").rename(tmp_path / "hidden.db")
    await feed.refresh()
    state = await since(feed, feed.version - 1)
    assert "there is no journal" in state["problem"]
    assert state["counts"]["status"] == {"owed": 5000}
    (tmp_path / "hidden.db").rename(tmp_path / "shots.db")
    await read(feed)
    state = await since(feed, feed.version)
    assert (state["problem"], state["counts"]["status"]) == (None, {"owed": 6000})


async def test_a_folder_is_told_of_by_its_signature(tmp_path: Path) -> None:
    """New files and folders, files that go, that grow after they came, and journals change it; nothing else does."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "one.png").write_bytes(still())
    source = source_of(tmp_path)
    feed = Feed(source)

    async def changes(expected: list[str]) -> None:
        before = feed.version
        await read(feed)
        state = await since(feed, before)
        assert sorted(shot.get("key", "gone") for shot in state["shots"]) == sorted(expected)
        assert source.signature() == source.signature()
        assert feed._signature == feed._current_signature()

    await changes(["one.png"])
    await changes([])
    (tmp_path / "sub" / "two.png").write_bytes(still())
    await changes(["sub/two.png"])
    (tmp_path / "sub" / "two.png").write_bytes(still() + b"\0" * 10)
    await changes(["sub/two.png"])
    (tmp_path / "sub" / "more").mkdir()
    (tmp_path / "sub" / "more" / "three.png").write_bytes(still())
    await changes(["sub/more/three.png"])
    await record(tmp_path / "sub" / "shots.db", [Recorded(key="k", files=(tmp_path / "sub" / "two.png",))])
    await changes(["sub/two.png"])
    change(tmp_path / "sub" / "shots.db", "UPDATE submission SET reason = 'x'")
    await changes(["sub/two.png"])
    (tmp_path / "one.png").unlink()
    await changes(["gone"])
