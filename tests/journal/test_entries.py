"""Entries of a journal, as one value."""

from pathlib import Path

from cometrunway import Journal
from tests.recorded import Recorded, record


async def test_entries_are_a_table(tmp_path: Path) -> None:
    """One row for each entry, in their order, with what became of it."""
    await record(tmp_path / "shots.db", [Recorded(key="A", outcome="failed"), Recorded(key="B", outcome="refused")])
    rows = Journal.read(tmp_path / "shots.db").to_records()
    assert [(row["key"], row["status"]) for row in rows] == [("A", "failed"), ("B", "refused")]
