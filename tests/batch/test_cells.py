"""Cells of a table are text, and become the values that the fields of a request take."""

import json
from pathlib import Path

import pytest

from cometrunway import ImageToVideo
from cometrunway._batch._files import read_shots
from tests.batch.written import CAT, write


def test_a_cell_that_holds_json_is_a_value_where_the_field_takes_one(tmp_path: Path) -> None:
    """A table can give the two images of a video, and the tag of a reference."""
    first_and_last = json.dumps([CAT, CAT]).replace('"', '""')
    path = write(tmp_path, "a.csv", f'route,prompt_image\nimage_to_video,"{first_and_last}"\n')
    [shot] = read_shots(path)
    assert shot.request == ImageToVideo(prompt_image=[CAT, CAT])


@pytest.mark.parametrize("missing", ["", "NaN", "nan", "<NA>", "None", "null", "NULL"])
def test_what_is_missing_in_a_table_is_not_given(missing: str, tmp_path: Path) -> None:
    """An empty cell, or the word that a program writes for one, gives no field, be it text, number, flag or list."""
    names = "prompt_image,prompt_text,duration,watermark,references,last_image,notes"
    path = write(tmp_path, "a.csv", f"route,{names}\nimage_to_video,{CAT},{','.join([missing] * 6)}\n")
    [shot] = read_shots(path)
    assert shot.request == ImageToVideo(prompt_image=CAT)
