"""A dry run finds out whether a run can write where it will, and leaves nothing there."""

from pathlib import Path

import pytest

from cometrunway import Journal, JournalError, JournalInUseError
from cometrunway._batch._writable import check_journal, check_output_dir


def test_what_can_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    """Neither the folder nor the journal of a later run is made."""
    check_output_dir(tmp_path)
    check_output_dir(tmp_path / "new" / "folder")
    check_journal(tmp_path / "shots.db")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """With the reason, as it is told when a run begins."""
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"output_dir .*file/out cannot be written: Not a directory"):
        check_output_dir(tmp_path / "file" / "out")
    with pytest.raises(JournalError, match=r"the journal .*file/shots.db cannot be written: Not a directory"):
        check_journal(tmp_path / "file" / "shots.db")


@pytest.mark.parametrize("name", ["shots.db", "shots.db.lock"])
def test_a_journal_of_another_user_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder may be writable, and one of its files not."""
    for file in ("shots.db", "shots.db.lock"):
        (tmp_path / file).touch()
    monkeypatch.setattr("os.access", lambda path, _mode: path != tmp_path / name)  # root may write everything
    with pytest.raises(JournalError, match=rf"Permission denied: .*/{name}$"):
        check_journal(tmp_path / "shots.db")


async def test_a_journal_in_use_is_named_with_its_process(tmp_path: Path) -> None:
    """The run would be refused, too."""
    async with Journal(tmp_path / "shots.db"):
        with pytest.raises(JournalInUseError, match=r"is in use by another process \(pid \d+\)"):
            check_journal(tmp_path / "shots.db")
    check_journal(tmp_path / "shots.db")
