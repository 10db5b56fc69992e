"""The journal's file, as it lies on a disk."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cometrunway._journal import _file
from cometrunway._journal._file import checked_place, connected, transaction
from cometrunway.errors import JournalError
from tests.recorded import Recorded, record

KEY = "a-key-of-some-length"


async def test_a_large_file_whose_index_is_damaged_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last rows are looked up by their keys: an index that leads elsewhere could let a shot be paid for twice."""
    monkeypatch.setattr(_file, "_CHECKED_WHOLE", 0)
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key=f"{KEY}-{number}") for number in range(3)])
    with closing(connected(path, lock_timeout=1)):
        pass
    content = path.read_bytes()
    assert content.count(f"{KEY}-1".encode()) >= 2
    path.write_bytes(content.replace(f"{KEY}-1".encode(), f"{KEY}-7".encode(), 1))
    with pytest.raises(sqlite3.DatabaseError, match="the index of keys does not lead to"):
        connected(path, lock_timeout=1).close()


def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    """Before anything is made there."""
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for path, reason in (
        (Path(":memory:"), ":memory: is not one"),
        (tmp_path / "circle" / "shots.db", "cannot be (used|made)"),  # by the version of Python
        (tmp_path, "is a folder"),
        (tmp_path / "missing" / "shots.db", "there is no folder"),
    ):
        with pytest.raises(JournalError, match=reason):
            checked_place(path)


def test_the_error_of_a_transaction_is_its_own(tmp_path: Path) -> None:
    """Also where SQLite has rolled it back itself, as on a full disk."""
    with closing(sqlite3.connect(tmp_path / "any.db", isolation_level=None)) as database:
        with pytest.raises(KeyError), transaction(database):
            database.execute("ROLLBACK")
            raise KeyError
