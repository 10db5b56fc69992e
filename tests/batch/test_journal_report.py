"""What a journal holds, as text and as records."""

import csv
import io
from pathlib import Path

from cometrunway._batch._export import write_csv
from cometrunway._batch._journal_report import JournalReport
from tests.recorded import Recorded, record


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
