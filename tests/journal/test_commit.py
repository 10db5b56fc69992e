"""One commit: changes of one kind are one statement, and what comes of them is what would come of each alone."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cometrunway._journal._changes import ACCEPT, begin
from cometrunway._journal._commit import Change, run
from cometrunway._journal._entry import Entry
from cometrunway._journal._file import connected, transaction
from cometrunway._journal._folders import Folders
from cometrunway._journal._journal import Journal
from cometrunway._journal._records import Records


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """An empty journal's."""
    with closing(connected(tmp_path / "shots.db", lock_timeout=1)) as database, transaction(database):
        yield database


def test_a_read_sees_what_was_asked_for_before_it(database: sqlite3.Connection) -> None:
    """A read between two changes of a commit sees the first one, and not the second."""
    records = Records(database, Folders())
    row = {"route": "r", "fingerprint": "f", "request": "{}", "submitted_at": 1.0, "key": "shot"}
    first = Change("shot", lambda database, rows: begin(database, records, rows), row)
    second = Change("shot", ACCEPT, {"key": "shot", "task_id": "t1", "created_at": 2.0})
    _, found, _ = run(database, [first, lambda _database: records.find("shot"), second])
    assert found.state.value == "submitting"
    assert records.find("shot").task_id == "t1"  # type: ignore[union-attr]  # it is there


async def test_changes_of_one_kind_are_one_statement(tmp_path: Path) -> None:
    """So many submissions that begin at once are one INSERT, and their ids one UPDATE by the index of keys."""
    entries = [Entry(key=f"{number}", route="r", fingerprint="f", request={}) for number in range(32)]
    asked: list[str] = []
    async with Journal(tmp_path / "shots.db") as journal:
        await journal._do(lambda database: database.set_trace_callback(asked.append))
        await asyncio.gather(*map(journal.begin, entries))
        await asyncio.gather(*(journal.accept(entry.key, task_id=entry.key, created_at=1.0) for entry in entries))
        [plan] = await journal._do(
            lambda database: [
                " ".join(detail for *_, detail in database.execute(f"EXPLAIN QUERY PLAN {statement}"))
                for statement in asked
                if "UPDATE" in statement
            ]
        )
        assert [found.task_id async for found in journal.entries()] == [entry.key for entry in entries]
    assert sum("INSERT" in statement for statement in asked) == 1
    assert "SCAN submission" not in plan
    assert "SEARCH submission USING COVERING INDEX sqlite_autoindex_submission_1 (key=?)" in plan
