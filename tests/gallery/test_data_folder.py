"""The folder of a large gallery's data: whole or not there, and nothing else is touched."""

import subprocess
import sys
from pathlib import Path

import pytest

from cometrunway import JournalError
from cometrunway._gallery._data_folder import DataFolder
from cometrunway._gallery._errors import GalleryError
from cometrunway._gallery._page import write_page
from cometrunway._gallery._sources import source_of
from tests.gallery.pages import change, data_of
from tests.recorded import Recorded, record_now

MARK = "cometrunway-gallery.txt"
LARGE = 501


def journal_of(folder: Path, shots: int, name: str = "shots.db") -> Path:
    """Make a journal of so many shots."""
    (folder / "journals").mkdir(exist_ok=True)
    record_now(folder / "journals" / name, [Recorded(key=f"k{number}", outcome="failed") for number in range(shots)])
    return folder / "journals" / name


def builds(folder: Path) -> list[Path]:
    """Return the folders in which a page's data lie."""
    return [path for path in folder.iterdir() if path.is_dir()]


def everything(folder: Path) -> list[Path]:
    """Return all that is in a folder, but for the journals, beside which SQLite has files of its own."""
    return sorted(path for path in folder.rglob("*") if "journals" not in path.parts)


def large(folder: Path, page: Path) -> None:
    """Make a large gallery of the journal in a folder."""
    assert write_page(source_of(folder / "journals" / "shots.db"), page) == LARGE


def test_a_page_made_anew_has_its_own_data(tmp_path: Path) -> None:
    """The page names the folder of its own data, and no other one is left; their names are the page's."""
    journal_of(tmp_path, LARGE)
    page, folder = tmp_path / "my shots.htm", tmp_path / "my shots-data"
    urls = []
    for _ in range(2):
        large(tmp_path, page)
        [build] = builds(folder)
        urls.append(data_of(page)["data"]["url"])
        assert urls[-1] == f"my%20shots-data/{build.name}/"
        assert {path.name for path in build.iterdir()} == {
            *(f"shots-{number}.js" for number in range(3)),
            "rows-0.js",
            "texts-0.js",
        }
    assert urls[0] != urls[1]


def test_a_small_page_leaves_no_data(tmp_path: Path) -> None:
    """When a large gallery has become a small one, its data are gone; what somebody else put there is not."""
    journal_of(tmp_path, LARGE)
    small = journal_of(tmp_path, 500, "small.db")
    page, folder = tmp_path / "gallery.html", tmp_path / "gallery-data"
    for others in ([], ["notes.txt", "0123456789abcdef/notes.txt", "0123456789abcdef.txt"]):
        large(tmp_path, page)
        for name in others:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("mine")
        write_page(source_of(small), page)
        assert data_of(page).get("data") is None
        found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        assert sorted(found) == sorted([*others, *([MARK] if others else [])])
        assert folder.exists() == bool(others)


@pytest.mark.parametrize("kind", ["folder", "file", "link", "another page's", "marked by a link"])
def test_only_a_gallerys_data_are_replaced(kind: str, tmp_path: Path) -> None:
    """Whatever else has the folder's name stays as it is, and so does the page; the error says what to do."""
    journal_of(tmp_path, LARGE)
    page, folder = tmp_path / "gallery.html", tmp_path / "gallery-data"
    if kind == "folder":
        folder.mkdir()
        (folder / "mine.txt").write_text("mine")
    elif kind == "file":
        folder.write_text("mine")
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    elif kind == "another page's":
        large(tmp_path, tmp_path / "gallery.htm")
    else:
        folder.mkdir()
        (tmp_path / "x").touch()
        (folder / MARK).symlink_to(tmp_path / "x")
    before = everything(tmp_path)
    with pytest.raises(GalleryError, match=r"gallery-data exists and is not the data of gallery\.html"):
        large(tmp_path, page)
    assert everything(tmp_path) == before


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    """And so is one that a process began and was killed at once."""
    journal_of(tmp_path, LARGE)
    (tmp_path / "gallery-data").mkdir()
    large(tmp_path, tmp_path / "gallery.html")
    for path in builds(tmp_path / "gallery-data"):
        path.rename(tmp_path / "away")
    (tmp_path / "gallery-data" / MARK).write_bytes(b"")
    large(tmp_path, tmp_path / "gallery.html")
    assert len(builds(tmp_path / "gallery-data")) == 1


def test_a_journal_that_breaks_off_changes_nothing(tmp_path: Path) -> None:
    """The gallery of before stays whole; where there was none, nothing is left."""
    path = journal_of(tmp_path, LARGE)
    large(tmp_path, tmp_path / "gallery.html")
    before = everything(tmp_path)
    change(path, "UPDATE submission SET request = '{' WHERE number = 501")
    for name in ("gallery.html", "other.html"):
        with pytest.raises((GalleryError, JournalError), match="is damaged"):
            write_page(source_of(path), tmp_path / name)
        assert everything(tmp_path) == before


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """Half-written data of before are gone with the next build."""
    journal_of(tmp_path, LARGE)
    large(tmp_path, tmp_path / "gallery.html")
    left = tmp_path / "gallery-data" / "00112233445566ff"
    left.mkdir()
    (left / "shots-0.js").write_text("galleryDa")
    large(tmp_path, tmp_path / "gallery.html")
    assert not left.exists()
    assert len(builds(tmp_path / "gallery-data")) == 1


HOLD = """
import sys
from pathlib import Path
from cometrunway._gallery._data_folder import DataFolder
with DataFolder(Path(sys.argv[1])).new_build() as build:
    print(build, flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_disturb_each_other(tmp_path: Path) -> None:
    """While one makes a gallery, another one that would make the same is told so, and removes nothing."""
    journal_of(tmp_path, LARGE)
    page = tmp_path / "gallery.html"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(page)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        build = Path(other.stdout.readline().strip())
        with pytest.raises(GalleryError, match="another process is making the gallery"):
            large(tmp_path, page)
        assert build.is_dir()
        assert not page.exists()
        other.communicate()
    large(tmp_path, page)
    assert builds(tmp_path / "gallery-data") != [build]


def test_an_error_leaves_no_build(tmp_path: Path) -> None:
    """Whatever is raised, an interruption too, what was begun is gone."""
    for error in (KeyboardInterrupt, ValueError):
        with pytest.raises(error), DataFolder(tmp_path / "x.html").new_build() as build:
            (build / "shots-0.js").touch()
            raise error
        assert list(tmp_path.iterdir()) == []
