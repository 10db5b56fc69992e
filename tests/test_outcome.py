"""The outcome of one shot, as a row of a table."""

import json
from pathlib import Path

import pytest

from cometrunway import Asset
from cometrunway._outcome import STATUSES, Outcome


def test_a_row_has_the_same_columns_whatever_became_of_the_shot() -> None:
    """Plain values in one order, so that rows make a table; what is not known is None."""
    rows = [Outcome(key=None, route="image_to_video", task_id=None, status=status).to_record() for status in STATUSES]
    columns = ["key", "route", "status", "path", "paths", "seconds", "reason", "task_id"]
    assert [list(row) for row in rows] == [columns] * len(STATUSES)
    assert json.loads(json.dumps(rows[0])) == rows[0]
    assert {name for name, value in rows[0].items() if value is None} == {"key", "path", "seconds", "reason", "task_id"}


def test_the_paths_of_a_record_are_those_of_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are absolute in any folder, and a file in a bucket has its address. A file that is not kept is no path."""
    monkeypatch.chdir(tmp_path)
    url = "https://example.com/a?signature=secret"
    files = (
        Asset(url=url),
        Asset(url=url, path=tmp_path / "a.mp4"),
        Asset(url=url, location="s3://bucket/b.mp4"),
    )
    row = Outcome(key="a", route="r", task_id="t", status="delivered", assets=files, seconds=1.23456).to_record()
    assert row["path"] == str(tmp_path / "a.mp4")
    assert row["paths"] == [row["path"], "s3://bucket/b.mp4"]
    assert row["seconds"] == 1.235
    assert "secret" not in str(row)
