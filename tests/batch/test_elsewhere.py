"""Files of finished shots in another output folder are linked into that of the run, if they are whole."""

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from cometrunway import Asset
from cometrunway._batch._elsewhere import FilesElsewhere
from cometrunway._journal._entry import Entry, State

CONTENT = b"paid for"


def delivered(path: Path) -> Entry:
    """Return the entry of a shot whose file is at this path, as long as nobody has touched it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CONTENT)
    asset = Asset(url="u", path=path, size=len(CONTENT), sha256=sha256(CONTENT).hexdigest())
    return Entry(
        key=path.stem, route="image_to_video", fingerprint="f", request={}, state=State.DELIVERED, assets=(asset,)
    )


def elsewhere(entries: Sequence[Entry], folder: Path) -> FilesElsewhere:
    """Look for files for the folder `new`, of a journal that knows the folder `old`, too."""
    return FilesElsewhere.of(entries, [folder / "old", folder / "new"], folder / "new")


def test_a_whole_file_is_linked_under_its_name(tmp_path: Path) -> None:
    """The folders of its name are made. A file that was changed since is not linked, and its name stays free."""
    entries = [delivered(tmp_path / "old" / "monday" / "cat.mp4"), delivered(tmp_path / "old" / "dog.mp4")]
    (tmp_path / "old" / "dog.mp4").write_bytes(b"cut here")
    found = elsewhere(entries, tmp_path)
    assert list(found.told()) == [
        f"2 files of finished shots are in {tmp_path / 'old'}; the run links what is whole into {tmp_path / 'new'}"
    ]
    assert not (tmp_path / "new").exists()
    found.link()
    assert (tmp_path / "new" / "monday" / "cat.mp4").samefile(tmp_path / "old" / "monday" / "cat.mp4")
    assert not (tmp_path / "new" / "dog.mp4").exists()


def test_a_file_that_is_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    """Whether it was there before, or another run has just made it."""
    entries = [delivered(tmp_path / "old" / name) for name in ("before.mp4", "between.mp4")]
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "before.mp4").write_bytes(b"mine")
    found = elsewhere(entries, tmp_path)
    (tmp_path / "new" / "between.mp4").write_bytes(b"mine")
    found.link()
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == {
        "before.mp4": b"mine",
        "between.mp4": b"mine",
    }


def test_on_another_disk_a_file_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the copy is left there."""

    def another_disk(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    found = elsewhere([delivered(tmp_path / "old" / "cat.mp4")], tmp_path)
    monkeypatch.setattr(os, "link", another_disk)
    found.link()
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == {"cat.mp4": CONTENT}


def test_what_is_no_file_of_another_output_folder_is_not_looked_for(tmp_path: Path) -> None:
    """A file that is in no folder of the journal, that is in the run's own, or that is gone."""
    entries = [delivered(tmp_path / place / f"{place}.mp4") for place in ("old", "new", "download")]
    (tmp_path / "old" / "old.mp4").unlink()
    found = elsewhere(entries, tmp_path)
    assert list(found.told()) == []
    found.link()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["new.mp4"]
