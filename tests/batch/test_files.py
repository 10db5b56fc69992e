"""Batch files: each row is a shot with a key, and what is wrong or doubtful in a row is told with its line."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from cometrunway import ImageToVideo, Shot
from cometrunway._batch._files import read_batch, read_shots
from tests.batch.written import CAT, OBJECTS, TABLE, WANTED, problems, write


def test_standard_input_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads standard input, whatever its format."""
    for text in (TABLE, json.dumps(OBJECTS), "\n".join(map(json.dumps, OBJECTS))):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert read_shots(Path("-")) == WANTED


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_json_of_pandas_is_read(name: str, tmp_path: Path) -> None:
    """A frame of several routes has a null, or NaN, for each field that a row has not, and whole numbers are floats."""
    row = {"key": None, "route": "image_to_video", "promptImage": CAT, "duration": 5.0, "seed": float("nan")}
    path = write(tmp_path, name, json.dumps(row | {"videoUri": None, "options": None, "promptText": float("nan")}))
    assert read_shots(path) == [Shot("a-0001", ImageToVideo(prompt_image=CAT))]


def test_a_short_row_is_told(tmp_path: Path) -> None:
    """Its last cells count as empty; that is doubtful, for a line may be cut, but not where only ignored ones lack."""
    table = f"key,route,prompt_image,prompt_text,note\na,image_to_video,{CAT}\nb,image_to_video,{CAT},it yawns\n"
    batch = read_batch(write(tmp_path, "a.csv", table), ignore=["note"])
    assert batch.doubts == [(2, "has no cells for prompt_text; these count as empty")]
    assert [shot.key for shot in batch.shots] == ["a", "b"]
    [line] = problems(write(tmp_path, "a.csv", "key,route,prompt_image,prompt_text\na,image_to_video\n"))
    assert line == "2: ImageToVideo.prompt_image: required; the row has no cells for prompt_image, prompt_text"


@pytest.mark.parametrize("value", ["2,5", "-0,5"])
def test_a_decimal_comma_is_named(value: str, tmp_path: Path) -> None:
    """It is what a German spreadsheet writes, and no number of a request."""
    table = f"route;prompt;seconds\npro_generate;cat;{value}\n"
    [line] = problems(write(tmp_path, "a.csv", table))
    assert f"got '{value}'; a number has a decimal point, not a comma" in line


def test_a_wrong_value_is_told_with_the_column_as_it_is_spelt(tmp_path: Path) -> None:
    """The column can be found in the file by this name."""
    [line] = problems(write(tmp_path, "a.csv", f"route,promptImage,promptText\nimage_to_video,{CAT},{'x' * 1001}\n"))
    assert line == "2: promptText: ImageToVideo.prompt_text: at most 1000 UTF-16 units, got 1001"


def test_a_key_may_be_a_number(tmp_path: Path) -> None:
    """A column of numbers names the shots alike in JSON and CSV; anything else that is no text is refused."""
    row = {"route": "image_to_video", "prompt_image": CAT}
    for number, text in ((7, "7"), (7.0, "7"), (10**15, "1000000000000000")):
        assert [shot.key for shot in read_shots(write(tmp_path, "a.jsonl", json.dumps(row | {"key": number})))] == [
            text
        ]
        table = write(tmp_path, "a.csv", f"key,route,prompt_image\n{text},image_to_video,{CAT}\n")
        assert [shot.key for shot in read_shots(table)] == [text]
    for wrong in ("true", "1.5", "[]", "{}", '""'):
        [line] = problems(write(tmp_path, "a.jsonl", json.dumps(row)[:-1] + f', "key": {wrong}}}'))
        assert line.startswith("1: key: must be a non-empty string, got ")


def test_a_name_that_no_key_can_have_names_no_shot(tmp_path: Path) -> None:
    """A file whose name is no UTF-8, or has a line break, gives keys all the same."""
    path = tmp_path / os.fsdecode(b"caf\xe9\n.csv")
    path.write_text(f"route,prompt_image\nimage_to_video,{CAT}\n")
    assert [shot.key for shot in read_shots(path)] == ["caf%E9%0A-0002"]
