"""Entries of a journal, as one value."""

from pathlib import Path

from cometrunway import Journal
from cometrunway._journal._entries import Entries
from tests.recorded import Recorded, record


async def test_entries_are_a_table(tmp_path: Path) -> None:
    """One row for each entry, in their order, with what became of it."""
    await record(tmp_path / "shots.db", [Recorded(key="A", outcome="failed"), Recorded(key="B", outcome="refused")])
    rows = Journal.read(tmp_path / "shots.db").to_records()
    assert [(row["key"], row["status"]) for row in rows] == [("A", "failed"), ("B", "refused")]


async def test_what_is_being_submitted_is_in_doubt_where_no_process_writes(tmp_path: Path) -> None:
    """The process that submitted it has then been cut short."""
    await record(tmp_path / "shots.db", [Recorded(key="A", outcome="submitting")])
    entries = Journal.read(tmp_path / "shots.db")
    for is_written, status in ((False, "in_doubt"), (True, "submitting")):
        assert [row["status"] for row in Entries(entries, is_written=is_written).to_records()] == [status]
