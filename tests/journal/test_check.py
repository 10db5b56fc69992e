"""The full check of a journal: what it finds, and that it changes nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cometrunway import errors
from cometrunway._journal._check import problems_of
from tests.recorded import Recorded, record


async def recorded(folder: Path, shots: int = 50) -> Path:
    """Return a journal of shots in every state."""
    outcomes = ["delivered", "accepted", "refused", "in_doubt", "failed", "submitting"]
    path = folder / "shots.db"
    await record(path, [Recorded(key=str(number), outcome=outcomes[number % 6]) for number in range(shots)])
    return path


async def test_a_whole_journal_has_no_problems(tmp_path: Path) -> None:
    """Nothing is told, and not a byte changes."""
    path = await recorded(tmp_path)
    before = path.read_bytes()
    assert not problems_of(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("state = 'lost'", "the row of '7' cannot be read"),
        ("request = '{'", "the row of '7' cannot be read"),
        ("state = 'accepted', task_id = NULL", "the row of '7' is accepted, and has no task"),
    ],
)
async def test_a_damaged_row_is_told(tmp_path: Path, damage: str, told: str) -> None:
    """By its key, and no other row with it."""
    path = await recorded(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"UPDATE submission SET {damage} WHERE key = '7'")  # noqa: S608 - from the list above
    assert problems_of(path) == [told]


async def test_an_index_that_disagrees_is_told(tmp_path: Path) -> None:
    """A row that its index does not know of is found by SQLite."""
    path = await recorded(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_master SET sql = replace(sql, '<>', '=') WHERE name = 'not_delivered'")
    assert any("not_delivered" in problem for problem in problems_of(path))


async def test_what_is_no_journal_is_an_error(tmp_path: Path) -> None:
    """A missing file, a folder, and a journal of a newer version are told as everywhere."""
    for path, told in ((tmp_path / "none.db", "no journal"), (tmp_path, "is a folder")):
        with pytest.raises(errors.JournalError, match=told):
            problems_of(path)
    path = await recorded(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(errors.JournalError, match="newer"):
        problems_of(path)
