"""What is asked of a large journal is found by an index, and held row by row."""

from contextlib import closing
from pathlib import Path

import pytest

from cometrunway._journal._entry import DOUBTFUL, OWED
from cometrunway._journal._file import connected
from cometrunway._journal._folders import Folders
from cometrunway._journal._records import Records
from tests.recorded import Recorded, record


def plans(path: Path, records: str) -> str:
    """Return how SQLite answers what a method of `Records` asks."""
    asked: list[str] = []
    with closing(connected(path, lock_timeout=1)) as database:
        found = Records(database, Folders())
        database.set_trace_callback(asked.append)
        answer = eval(records, {"records": found, "OWED": OWED, "DOUBTFUL": DOUBTFUL})  # noqa: S307 - of this file
        list(answer) if not isinstance(answer, int) else None
        database.set_trace_callback(None)
        return " ".join(
            detail for statement in asked for *_, detail in database.execute(f"EXPLAIN QUERY PLAN {statement}")
        )


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ("records.entries(OWED, after=7, limit=250)", "SEARCH submission USING INDEX not_delivered"),
        ("records.entries(DOUBTFUL)", "SEARCH submission USING INDEX not_delivered"),
        ("records.counts()", "USING COVERING INDEX not_delivered"),
        ("records.creates()", "USING COVERING INDEX creates"),
        ("records.creates()", "USING INDEX not_delivered"),
        ("records.unverified(50)", "USING INDEX not_verified"),
        ("records.unverified_count()", "USING INDEX not_verified"),
        ("records.find('shot') or ()", "SEARCH submission USING INDEX sqlite_autoindex_submission_1"),
    ],
)
async def test_what_is_asked_is_found_by_an_index(tmp_path: Path, asked: str, index: str) -> None:
    """No question but for all entries looks at every row."""
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key="1")])
    plan = plans(path, asked)
    assert index in plan
    assert "SCAN submission USING INDEX sqlite" not in plan
    assert "SCAN submission USING INDEX creates" not in plan
    assert not plan.endswith("SCAN submission")


async def test_the_first_submission_counts_as_any_other(tmp_path: Path) -> None:
    """What is asked for by its number, its digest or its files is all that there is, and nothing else."""
    path = tmp_path / "shots.db"
    files = (tmp_path / "a.bin",)
    files[0].write_bytes(b"a")
    await record(
        path,
        [
            Recorded(key="1", files=files, verified=False),
            Recorded(key="2", outcome="refused"),
            *(Recorded(key=str(number)) for number in range(3, 30)),
            Recorded(key="30", files=files, verified=False),
        ],
    )
    with closing(connected(path, lock_timeout=1)) as database:
        records = Records(database, Folders())
        entries = {entry.key: entry for entry in records.entries()}
        assert [entry.key for entry in records.unverified(10)] == ["1", "30"]
        assert records.unverified_count() == 2
        accepted = [(key, entry.fingerprint) for key, entry in entries.items() if key != "2"]
        assert list(records.fingerprints()) == accepted
        for numbers in ([1], [1, 30], [3, 5, 6], [29, 31]):
            assert records.numbered(numbers) == {
                number: entries[str(number)] for number in numbers if str(number) in entries
            }
