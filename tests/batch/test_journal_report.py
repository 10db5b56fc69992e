"""What a journal holds, as text and as records."""

import csv
import io
from pathlib import Path

from cometrunway._batch._export import write_csv
from cometrunway._batch._journal_report import JournalReport
from cometrunway._journal._entry import State, status_of
from cometrunway._outcome import STATUSES
from tests.recorded import Recorded, record


async def test_each_state_has_a_status_of_its_own_or_of_others(tmp_path: Path) -> None:
    """So that the counts by status sum up to the total, whatever the journal holds."""
    outcomes = ["submitting", "accepted", "refused", "in_doubt", "failed", "cancelled", "delivered"]
    await record(tmp_path / "a.db", [Recorded(key=outcome, outcome=outcome) for outcome in outcomes])
    counts = JournalReport(tmp_path / "a.db").counts()
    assert {name: counts[name] for name in STATUSES} == {
        **dict.fromkeys(STATUSES, 1),
        "in_doubt": 2,
        "submitting": 0,
    }
    assert sum(counts[name] for name in STATUSES) == counts["total"]
    assert {status_of(state, is_written=written) for state in State for written in (True, False)} == {*STATUSES}


async def test_files_that_are_not_verified_are_named(tmp_path: Path) -> None:
    """In the text, and in each export; a batch without such files says nothing of it."""
    sound, scene = tmp_path / "sound.flac", tmp_path / "scene.bin"
    await record(tmp_path / "a.db", [Recorded(key="a", files=(sound,))])
    await record(
        tmp_path / "b.db", [Recorded(key="a", files=(sound,)), Recorded(key="b", files=(scene,), verified=False)]
    )
    assert "verified" not in JournalReport(tmp_path / "a.db").text()
    report = JournalReport(tmp_path / "b.db")
    assert report.text().splitlines()[-2:] == ["files of a kind that cannot be verified:", f"  b  {scene}"]
    assert [record["unverified"] for record in report.records()] == [[], [str(scene)]]
    stream = io.StringIO()
    write_csv(report, stream)
    assert [row["unverified"] for row in csv.DictReader(io.StringIO(stream.getvalue().removeprefix("\ufeff")))] == [
        "",
        str(scene),
    ]
