"""The writer of a journal is chosen by its place."""

from pathlib import Path

import pytest

from cometrunway._journal._sqlite import SqliteStore
from cometrunway._journal._stores import migrate, store_at, writable_place
from cometrunway.errors import JournalError


def test_a_path_is_a_file(tmp_path: Path) -> None:
    """Nothing is made before the journal is opened."""
    place = writable_place(tmp_path / "shots.db")
    assert isinstance(store_at(place, timeout=1, output_dir=None), SqliteStore)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_told_before_it_is_opened(tmp_path: Path) -> None:
    """A folder is no journal, and a folder that is missing is not made."""
    with pytest.raises(JournalError, match="is a folder"):
        writable_place(tmp_path)
    with pytest.raises(JournalError, match="nowhere"):
        writable_place(tmp_path / "nowhere" / "shots.db")
    assert not list(tmp_path.iterdir())


def test_a_file_needs_no_migration_command(tmp_path: Path) -> None:
    """The error says what brings a file to the present version."""
    with pytest.raises(JournalError, match="a run makes it"):
        migrate(tmp_path / "shots.db")
