"""The changes of rows: what is recorded of a submission, for one row or for several in one statement."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import evolve

from cometrunway._journal import _changes
from cometrunway._journal._changes import ACCEPT, DELIVER, END, REINSTATE, STOP, again, begin
from cometrunway._journal._commit import Change, run
from cometrunway._journal._entry import Entry, State
from cometrunway._journal._file import connected, transaction
from cometrunway._journal._folders import Folders
from cometrunway._journal._records import Records

COMMITS = 150


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """An empty journal's."""
    with closing(connected(tmp_path / "shots.db", lock_timeout=1)) as database, transaction(database):
        yield database


ROW = {"route": "r", "fingerprint": "f", "request": "{}", "submitted_at": 1.0}


def found(database: sqlite3.Connection, key: str = "a") -> Entry:
    """Return what stands under a key."""
    entry = Records(database, Folders()).find(key)
    assert entry is not None
    return entry


def begun(database: sqlite3.Connection, *keys: str, **changes: Any) -> list[Entry | None]:
    """Begin submissions together."""
    return begin(database, Records(database, Folders()), [{**ROW, **changes, "key": key} for key in keys])


def end(database: sqlite3.Connection, task_id: str | None, accepted_at: float | None) -> None:
    """Record the failure of a task."""
    row = {"key": "a", "state": "failed", "task_id": task_id, "accepted_at": accepted_at, "ended_at": 3.0}
    END(database, [{**row, "failure": None, "assets": "[]"}])


@pytest.mark.parametrize("keys", [["a"], ["new", "a"]])
def test_a_key_stands_for_what_was_first_recorded(database: sqlite3.Connection, keys: list[str]) -> None:
    """Alone or among others: what stands is returned unchanged, for it may have been paid for."""
    assert begun(database, "a") == [None]
    *_, standing = begun(database, *keys, fingerprint="other", submitted_at=2.0)
    assert standing == found(database)
    assert (standing.fingerprint, standing.submitted_at, standing.creates) == ("f", 1.0, 1)


@pytest.mark.parametrize("keys", [["a"], ["new", "a"]])
def test_what_was_refused_begins_again(database: sqlite3.Connection, keys: list[str]) -> None:
    """Also with another request; the refused create counts no more."""
    begun(database, "a")
    STOP(database, [{"key": "a", "state": "refused", "reason": "no credits"}])
    assert begun(database, *keys, fingerprint="other", submitted_at=2.0) == [None] * len(keys)
    entry = found(database)
    assert (entry.state, entry.fingerprint, entry.submitted_at) == (State.SUBMITTING, "other", 2.0)
    assert (entry.creates, entry.reason) == (1, None)


def test_a_decision_to_pay_again_counts_only_for_what_it_was_made_about(database: sqlite3.Connection) -> None:
    """Of two decisions about one entry, or after a change of it, only the first one submits."""
    begun(database, "a")
    ACCEPT(database, [{"key": "a", "task_id": "t1", "created_at": 2.0}])
    end(database, "t1", 2.0)
    entry = found(database)
    assert again(database, entry, 4.0)
    assert not again(database, entry, 5.0)
    now = found(database)
    assert (now.state, now.submitted_at, now.creates, now.task_id, now.ended_at) == (
        State.SUBMITTING,
        4.0,
        2,
        None,
        None,
    )
    assert not again(database, evolve(now, state=State.FAILED), 6.0)


@pytest.mark.parametrize(
    ("task_id", "accepted_at", "counts"),
    [("t1", None, True), ("t0", 5.0, False), (None, None, True)],
)
def test_the_end_of_another_task_is_not_that_of_the_one_under_the_key(
    database: sqlite3.Connection, task_id: str | None, accepted_at: float | None, counts: bool
) -> None:
    """It was replaced; the task that stands there is still owed."""
    begun(database, "a")
    ACCEPT(database, [{"key": "a", "task_id": "t1", "created_at": 2.0}])
    end(database, task_id, accepted_at)
    assert found(database).state is (State.FAILED if counts else State.ACCEPTED)


@pytest.mark.parametrize(("accepted_at", "counts"), [(0.5, False), (None, False), (1.0, True), (2.0, True)])
def test_a_doubt_is_ended_only_by_a_task_that_is_not_older(
    database: sqlite3.Connection, accepted_at: float | None, counts: bool
) -> None:
    """An older task is of an earlier submission, and one of which it is not known may be."""
    begun(database, "a")
    STOP(database, [{"key": "a", "state": "in_doubt", "reason": "the answer is lost"}])
    end(database, "t0", accepted_at)
    assert found(database).state is (State.FAILED if counts else State.IN_DOUBT)


def test_the_first_end_stays(database: sqlite3.Connection) -> None:
    """A delivery that comes later changes when the task has ended no more."""
    begun(database, "a")
    ACCEPT(database, [{"key": "a", "task_id": "t1", "created_at": 2.0}])
    end(database, "t1", 2.0)
    files = {"task_id": None, "accepted_at": None, "ended_at": 9.0, "delivered_at": 9.0, "assets": '[{"url": "u"}]'}
    DELIVER(database, [{"key": "a", **files}])
    entry = found(database)
    assert (entry.state, entry.task_id, entry.ended_at, entry.delivered_at) == (State.DELIVERED, "t1", 3.0, 9.0)
    assert [asset.url for asset in entry.assets] == ["u"]


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
