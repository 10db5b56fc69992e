"""Cells of a table are text, and become the values that the fields of a request take."""

import json
from pathlib import Path
from typing import Any

import pytest

from cometrunway import ImageToVideo
from cometrunway._batch._cells import from_cells
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


@pytest.mark.parametrize(
    ("route", "cells", "fields"),
    [
        ("image_to_video", {"key": "7", "promptText": "7"}, {"key": "7", "promptText": "7"}),
        ("image_to_video", {"seed": "7.0", "watermark": "False"}, {"seed": 7, "watermark": False}),
        ("text_to_image", {"reference_images": "a.png"}, {"reference_images": ["a.png"]}),
        ("text_to_image", {"reference_images": '["a.png", "b.png"]'}, {"reference_images": ["a.png", "b.png"]}),
        ("image_to_video", {"seed": "seven", "strange": "x"}, {"seed": "seven", "strange": "x"}),
    ],
)
def test_a_cell_has_the_type_of_its_field(route: str, cells: dict[str, str], fields: dict[str, Any]) -> None:
    """A text stays text, also if it looks like a number; what is wrong stays as it is, and is told as such later."""
    assert from_cells({"route": route, **cells}) == {"route": route, **fields}
