"""The media files of a folder, and what journals there tell of them."""

import os
import sqlite3
from pathlib import Path

import pytest

from cometrunway import Journal
from cometrunway._gallery._folder_source import FolderSource
from cometrunway._gallery._page import write_page
from cometrunway._gallery._sources import source_of
from tests.gallery.marks import scanned
from tests.gallery.pages import cards_of, change, data_of
from tests.recorded import Recorded, clip, record, still


async def test_a_folders_journals_tell_what_its_files_are(tmp_path: Path) -> None:
    """Also when it was moved since; other databases and other files in it are ignored."""
    folder = tmp_path / "before"
    folder.mkdir()
    (folder / "known.mp4").write_bytes(clip())
    (folder / "unknown.PNG").write_bytes(still())
    (folder / "notes.txt").write_text("x")
    await record(folder / "shots.db", [Recorded(key="k", files=(folder / "known.mp4",)), Recorded(key="elsewhere")])
    other = sqlite3.connect(folder / "other.db")
    other.execute("CREATE TABLE t (x)")
    other.close()
    known, unknown = cards_of(FolderSource(folder.rename(tmp_path / "after")))
    assert (known.key, known.status, known.request["prompt_text"]) == ("known.mp4", "delivered", "a cat")
    assert (unknown.key, unknown.status) == ("unknown.PNG", "file")
    assert unknown.files[0].media_type == "image/png"


async def test_a_folder_is_shown_whole(tmp_path: Path) -> None:
    """With its subfolders, each file under its relative path; without hidden folders, links, and what is no file."""
    for name in ("image/one.mp4", "video/one.mp4", ".hidden/x.mp4", "z.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(clip())
    (tmp_path / "file.mp4").symlink_to(tmp_path / "z.mp4")
    (tmp_path / "folder").symlink_to(tmp_path / "image")
    os.mkfifo(tmp_path / "pipe.mp4")
    os.mkfifo(tmp_path / "pipe")
    for name in ("image", "video"):
        shot = Recorded(key="one", prompt=name, files=(tmp_path / name / "one.mp4",))
        await record(tmp_path / name / "shots.db", [shot])
    cards = cards_of(source_of(tmp_path))
    assert [(card.key, card.request.get("prompt_text")) for card in cards] == [
        ("image/one.mp4", "image"),
        ("video/one.mp4", "video"),
        ("z.mp4", None),
    ]
    write_page(source_of(tmp_path), tmp_path / "gallery.html")
    assert data_of(tmp_path / "gallery.html")["shots"][0]["files"][0]["url"] == "image/one.mp4"


@pytest.mark.parametrize("damage", ["PRAGMA user_version = 99", "UPDATE submission SET state = 'strange'"])
async def test_a_journal_that_cannot_be_read_spoils_no_folder(damage: str, tmp_path: Path) -> None:
    """It is left out, and the page says so."""
    (tmp_path / "one.png").write_bytes(still())
    await record(tmp_path / "shots.db", [Recorded(key="one")])
    change(tmp_path / "shots.db", damage)
    write_page(source_of(tmp_path), tmp_path / "gallery.html")
    data = data_of(tmp_path / "gallery.html")
    assert [shot["key"] for shot in data["shots"]] == ["one.png"]
    assert data["problem"] == "Journals that cannot be read: shots.db"


async def test_only_what_has_changed_is_read_again(tmp_path: Path) -> None:
    """A file that was written again, and one of which a journal tells something else now."""
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (tmp_path / name).write_bytes(clip())
    source = FolderSource(tmp_path)
    known, read = scanned(source, {})
    assert sorted(known) == read == ["a.mp4", "b.mp4", "c.mp4"]
    assert scanned(source, known) == (known, [])
    (tmp_path / "a.mp4").write_bytes(clip() + b"more")
    await record(tmp_path / "shots.db", [Recorded(key="b", files=(tmp_path / "b.mp4",))])
    assert scanned(source, known)[1] == ["a.mp4", "b.mp4"]
    (tmp_path / "c.mp4").unlink()
    assert sorted(scanned(source, known)[0]) == ["a.mp4", "b.mp4"]
    assert list(source.cards(["c.mp4"])) == [None]


async def test_a_scan_goes_on_where_another_has_ended(tmp_path: Path) -> None:
    """Files that were made in between are for the next whole scan."""
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (tmp_path / name).write_bytes(clip())
    source = FolderSource(tmp_path)
    scanned(source, {})
    (tmp_path / "bb.mp4").write_bytes(clip())
    assert scanned(source, {}, after="a.mp4")[1] == ["b.mp4", "c.mp4"]
    assert "bb.mp4" in scanned(source, {})[1]


async def test_a_change_is_known_without_reading(tmp_path: Path) -> None:
    """Of a file in a subfolder, of a new file, and of a journal; it is the same as long as nothing changes."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.mp4").write_bytes(clip())
    await record(tmp_path / "shots.db", [Recorded(key="a", outcome="accepted")])
    source = FolderSource(tmp_path)
    before = set[object]()

    def signature() -> object:
        scanned(source, {})
        assert source.signature() == source.signature()
        return source.signature()

    before.add(signature())
    (tmp_path / "sub" / "a.mp4").write_bytes(clip() + b"more")
    assert source.signature() not in before
    before.add(signature())
    (tmp_path / "sub" / "b.mp4").write_bytes(clip())
    assert source.signature() not in before
    before.add(signature())
    async with Journal(tmp_path / "shots.db") as journal:
        await journal.refuse("a", "because")
        assert source.signature() not in before
