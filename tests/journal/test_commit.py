"""One commit: changes of one kind are one statement, and what comes of them is what would come of each alone."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cometrunway._journal import _changes
from cometrunway._journal._changes import ACCEPT, DELIVER, END, REINSTATE, STOP, begin
from cometrunway._journal._commit import Change, run
from cometrunway._journal._entry import Entry
from cometrunway._journal._file import connected, transaction
from cometrunway._journal._folders import Folders
from cometrunway._journal._journal import Journal
from cometrunway._journal._records import Records

COMMITS = 150


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """An empty journal's."""
    with closing(connected(tmp_path / "shots.db", lock_timeout=1)) as database, transaction(database):
        yield database


def changed(kind: Any, key: str, rng: Random) -> Change:
    """Return a change of some row, with values that often meet those of another."""
    text = {"reason": rng.choice(("a", "b", None)), "failure": rng.choice(('{"code": "a", "message": "b"}', None))}
    times = ("created_at", "accepted_at", "ended_at", "delivered_at", "submitted_at")
    moments = {name: rng.choice((1.1, 2.2, None)) for name in times}
    known = {**text, **moments, "task_id": rng.choice(("t1", "t2", None))}
    known["assets"] = rng.choice(("[]", '[{"url": "u"}]'))
    known |= {"state": rng.choice(("refused", "in_doubt", "failed", "succeeded")), "key": key}
    names = {
        ACCEPT: ("key", "task_id", "created_at"),
        STOP: ("key", "state", "reason"),
        END: ("key", "state", "task_id", "accepted_at", "ended_at", "failure", "assets"),
        DELIVER: ("key", "task_id", "accepted_at", "ended_at", "delivered_at", "assets"),
        REINSTATE: ("key", "state", "task_id", "submitted_at", "created_at", "ended_at", "reason", "failure"),
    }[kind]
    return Change(key, kind, {name: known[name] for name in names})


def commits(records: Records) -> Iterator[list[Change]]:
    """Yield commits of some changes of some rows; now and then of one row twice, or of one that is not there."""
    rng = Random(7)

    def begun(database: sqlite3.Connection, rows: Any) -> list[Entry | None]:
        return begin(database, records, rows)

    for number in range(COMMITS):
        keys = [f"{rng.randrange(2 * number + 5)}" for _ in range(rng.randrange(1, 40))]
        if rng.random() < 0.8:
            keys = list(dict.fromkeys(keys))
        row = {"route": "r", "fingerprint": "f", "request": "{}", "submitted_at": float(number)}
        yield [
            Change(key, begun, {**row, "key": key})
            if rng.random() < 0.5
            else changed(rng.choice((ACCEPT, STOP, END, DELIVER, REINSTATE)), key, rng)
            for key in keys
        ]


@pytest.mark.parametrize("is_modern", [True, False])
def test_changes_together_are_the_changes_one_by_one(
    database: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_modern: bool
) -> None:
    """Whatever a commit holds, the table and the results are those of its changes alone; with any SQLite."""
    if not is_modern:
        monkeypatch.setattr(_changes, "_HAS_UPDATE_FROM", False)
    with closing(connected(tmp_path / "alone.db", lock_timeout=1)) as other, transaction(other):
        for together, alone in zip(
            commits(Records(database, Folders())), commits(Records(other, Folders())), strict=True
        ):
            found = run(database, together)
            assert found == [change(other) for change in alone]
            everything = "SELECT key, state, creates, task_id, submitted_at, created_at, ended_at, delivered_at, "
            everything += "reason, failure, assets FROM submission ORDER BY key"
            assert database.execute(everything).fetchall() == other.execute(everything).fetchall()
        assert other.execute("SELECT count(DISTINCT state) FROM submission").fetchone()[0] >= 5


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
