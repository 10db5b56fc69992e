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


def test_paths_are_relative_to_the_current_folder_if_they_are_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of several files is also in a column of its own. A file that is not on disk is no path."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    places = [None, tmp_path / "work" / "out" / "a.mp4", tmp_path / "elsewhere" / "b.mp4"]
    assets = tuple(Asset(url="https://example.com/a?signature=secret", path=place) for place in places)
    row = Outcome(key="a", route="r", task_id="t", status="delivered", assets=assets, seconds=1.23456).to_record()
    assert row["path"] == str(Path("out") / "a.mp4")
    assert row["paths"] == [row["path"], str(tmp_path / "elsewhere" / "b.mp4")]
    assert row["seconds"] == 1.235
    assert "secret" not in str(row)
