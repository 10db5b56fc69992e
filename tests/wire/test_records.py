"""Rows of tables become shots, or one error that names every row that is wrong."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cometrunway import ImageToVideo, Shot, records_to_shots
from tests.samples import CAT, PNG, yawn

ROW = {"route": "image_to_video", "prompt_image": CAT}


@pytest.mark.parametrize(("key", "wanted"), [("cat", "cat"), (7, "7"), (7.0, "7"), (Decimal(7), "7")])
def test_a_row_with_a_key_is_a_shot(key: Any, wanted: str) -> None:
    """A whole number is a key of its digits, as tables have it."""
    assert records_to_shots([{**ROW, "key": key}]) == [Shot(wanted, ImageToVideo(prompt_image=CAT))]


@pytest.mark.parametrize("key", [None, float("nan")])
def test_a_row_without_a_key_is_a_request(key: Any) -> None:
    """A missing key is not given; what is a shot or a request already stays as it is."""
    shot = Shot("kept", yawn(1))
    assert records_to_shots([{**ROW, "key": key, "seed": None}, shot, yawn(2)]) == [
        ImageToVideo(prompt_image=CAT),
        shot,
        yawn(2),
    ]


def test_local_files_of_rows_are_those_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A medium without a scheme is a file in `base_dir`, by default in the current folder."""
    (tmp_path / "cat.png").write_bytes(PNG)
    row = {"route": "image_to_video", "prompt_image": "cat.png"}
    [in_folder] = records_to_shots([row], base_dir=tmp_path)
    monkeypatch.chdir(tmp_path)
    [here] = records_to_shots([row])
    assert [shot.local_files for shot in (in_folder, here) if isinstance(shot, ImageToVideo)] == [
        (tmp_path / "cat.png",),
        (Path("cat.png"),),
    ]


def test_one_error_names_the_rows_that_are_wrong() -> None:
    """Each has a line with its number and the reason; of very many the first ten are told."""
    wrong: list[Any] = [
        ROW,
        {**ROW, "seed": -1},
        {**ROW, "promt_text": "a"},
        "a cat",
        {**ROW, "key": "a"},
        {**ROW, "key": "a"},
        {**ROW, "key": True},
    ]
    with pytest.raises(ValueError, match=r"row 1: .*seed") as raised:
        records_to_shots(wrong)
    lines = str(raised.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["row 1", "row 2", "row 3", "row 5", "row 6"]
    assert "did you mean prompt_text?" in lines[1]
    assert "first in row 4" in lines[3]
    with pytest.raises(ValueError, match="and 90 more rows"):
        records_to_shots([{**ROW, "seed": -1}] * 100)


@pytest.mark.parametrize("ignore", [["notes"], "notes"])
def test_columns_can_be_left_out(ignore: Any) -> None:
    """A table may have columns of its own; no other column goes with them."""
    assert records_to_shots([{**ROW, "notes": "mine"}], ignore=ignore) == [ImageToVideo(prompt_image=CAT)]
    with pytest.raises(ValueError, match="unknown field 'note'"):
        records_to_shots([{**ROW, "note": "mine"}], ignore=ignore)


def test_what_is_no_list_of_rows_is_told_so() -> None:
    """One row alone, or a frame, whose iteration would give names of columns, is an error with the cure."""
    with pytest.raises(TypeError, match="to_dict"):
        records_to_shots(ROW)  # type: ignore[arg-type]
