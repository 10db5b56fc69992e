"""What a gallery reads: a journal, or a folder."""

import os
import sqlite3
from pathlib import Path

import pytest

from cometrunway import JournalError
from cometrunway._gallery._cards import Card
from cometrunway._gallery._errors import GalleryError
from cometrunway._gallery._folder_source import FolderSource
from cometrunway._gallery._page import write_page
from cometrunway._gallery._source import Source
from cometrunway._gallery._sources import source_of
from tests.gallery.pages import change, data_of
from tests.recorded import Recorded, clip, record, still


def cards_of(source: Source) -> list[Card]:
    """Return all that a source tells."""
    with source.reading() as batch:
        return list(batch.cards)


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


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent", "there is no .*absent"),
        (".", "no media file"),
        ("letter.txt", "not a journal"),
        ("x.mp4", "folder"),
        ("pipe", "no journal file"),
    ],
)
def test_what_is_no_source_is_named(name: str, reason: str, tmp_path: Path) -> None:
    """What cannot be shown raises an error that names it, and says what can."""
    if name != ".":
        (tmp_path / "x.mp4").touch()
    (tmp_path / "letter.txt").write_text("Dear Sir, this is a letter.")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises((GalleryError, JournalError), match=reason):
        source_of(tmp_path / name)


# What a live page is told


async def test_sounds_and_unknown_files_are_shown_as_what_they_are(tmp_path: Path) -> None:
    """Each by its suffix; a file that could not be verified says so, in a journal's gallery and in a folder's."""
    types = {".gif": "image/gif", ".heic": "image/heic", ".mp3": "audio/mpeg", ".bin": "application/octet-stream"}
    paths = tuple(tmp_path / f"file{suffix}" for suffix in types)
    for path in paths:
        path.write_bytes(b"x")
    await record(
        tmp_path / "shots.db",
        [Recorded(key="known", files=paths[:-1]), Recorded(key="unknown", files=paths[-1:], verified=False)],
    )
    for source in (source_of(tmp_path), source_of(tmp_path / "shots.db")):
        files = [file for card in cards_of(source) for file in card.files]
        assert {file.path.suffix: file.media_type for file in files} == types
        assert {file.path.suffix for file in files if not file.verified} == {".bin"}
        write_page(source, tmp_path / "gallery.html")
        shown = [file for shot in data_of(tmp_path / "gallery.html")["shots"] for file in shot["files"]]
        assert {file["name"] for file in shown if not file["verified"]} == {"file.bin"}
