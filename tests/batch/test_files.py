"""Batch files: each format gives the same shots, and everything that is wrong is named with its line."""

import io
import json
import sys
from pathlib import Path

import pytest

from cometrunway import ImageToVideo, Shot, TextToImage
from cometrunway._batch._files import BatchFileError, read_shots

CAT = "https://example.com/cat.jpg"
WANTED = [
    Shot("one", ImageToVideo(prompt_image=CAT, prompt_text="123", seed=7, watermark=True)),
    Shot("two", TextToImage(prompt_text="[a] cat, asleep", reference_images=[CAT])),
]
OBJECTS = [
    {"route": "image_to_video", "key": "one", "promptImage": CAT, "prompt_text": "123", "seed": 7, "watermark": True},
    {"route": "text_to_image", "key": "two", "prompt_text": "[a] cat, asleep", "reference_images": [CAT]},
]
TABLE = f"""\
key,route,prompt_image,promptText,seed,watermark,referenceImages
one,image_to_video,{CAT},123,7,TRUE,

two,text_to_image,,"[a] cat, asleep",,,{CAT}
"""


def write(folder: Path, name: str, text: str) -> Path:
    """Write a batch file and return where it is."""
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def problems(path: Path) -> list[str]:
    """Return the lines of what is wrong with a file, without the file's name."""
    with pytest.raises(BatchFileError) as refused:
        read_shots(path)
    return [line.removeprefix(f"{path}:") for line in str(refused.value).split("\n")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("shots.jsonl", "\n".join(map(json.dumps, OBJECTS))),
        ("shots.json", json.dumps(OBJECTS)),
        ("shots.json", "\ufeff" + json.dumps(OBJECTS, indent=2)),
        ("shots.csv", TABLE),
        ("shots.csv", "\ufeff" + TABLE.replace("\n", "\r\n")),
        ("shots.csv", TABLE.replace(",", ";").replace("cat; asleep", "cat, asleep")),
        ("shots.csv", TABLE.replace(",7,", ",7.0,")),
        ("shots", "\n".join(map(json.dumps, OBJECTS))),
        ("shots.txt", json.dumps(OBJECTS)),
        ("SHOTS.CSV", TABLE),
    ],
)
def test_every_format_says_the_same(name: str, text: str, tmp_path: Path) -> None:
    """JSON Lines, JSON and CSV give equal shots, with a byte order mark or without, by suffix or by content."""
    assert read_shots(write(tmp_path, name, text)) == WANTED


def test_standard_input_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads standard input, whatever its format."""
    for text in (TABLE, json.dumps(OBJECTS), "\n".join(map(json.dumps, OBJECTS))):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert read_shots(Path("-")) == WANTED


def test_a_single_object_is_a_batch_of_one(tmp_path: Path) -> None:
    """A JSON file may hold one shot without a list around it; without a key it is named after its place."""
    path = write(tmp_path, "cat.json", json.dumps({"route": "image_to_video", "prompt_image": CAT}, indent=2))
    assert [shot.key for shot in read_shots(path)] == ["cat-0001"]


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


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_json_of_pandas_is_read(name: str, tmp_path: Path) -> None:
    """A frame of several routes has a null, or NaN, for each field that a row has not, and whole numbers are floats."""
    row = {"key": None, "route": "image_to_video", "promptImage": CAT, "duration": 5.0, "seed": float("nan")}
    path = write(tmp_path, name, json.dumps(row | {"videoUri": None, "options": None, "promptText": float("nan")}))
    assert read_shots(path) == [Shot("a-0001", ImageToVideo(prompt_image=CAT))]


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        (
            "a.json",
            '[\n{"route": "image_to_video"},\n\n 7,\n{"route": "?"}]',
            {2: "prompt_image", 4: "object", 5: "route"},
        ),
        ("a.json", '[{"route": "image_to_video"}', {1: "is not JSON"}),
        ("a.json", '\n\n{"route": "image_to_video", "seed": 1, "seed": 2}', {1: "seed: given twice"}),
        ("a.json", "[" * 100_000, {1: "nested too deeply"}),
        ("a.jsonl", '{"route": "image_to_video",\n"seed": 1}', {1: "one shot is one line", 2: "is not JSON"}),
        ("a.jsonl", '{"seed": 1, "seed": 2}', {1: "seed: given twice"}),
        ("a.csv", f"route,prompt_image\nimage_to_video,{CAT},more\n", {2: "3 cells"}),
        ("a.csv", f"route,prompt_image,\nimage_to_video,{CAT},more\n", {2: "heading without a name"}),
        ("a.csv", f'route,prompt_image,prompt_text\nimage_to_video,{CAT},"a\nb"\n?,,\n', {4: "route"}),
        ("a.csv", f"route,prompt_image,seed\nimage_to_video,{CAT},seven\n", {2: "seed"}),
        ("a.csv", f"route,prompt_image,promt_text\nimage_to_video,{CAT},x\n", {2: "did you mean prompt_text"}),
        ("a.csv", 'route,key\nimage_to_video,"x', {2: "is not CSV"}),
        ("a.csv", "route,key\n", {1: "holds no shot"}),
        ("a.csv", "Key,Route\na,image_to_video\n", {1: "`route` among them, got Key, Route"}),
        ("a.csv", "route,key,key\nimage_to_video,a,b\n", {1: "key: two columns"}),
        ("a.csv", f"route,prompt_image,prompt_text\nimage_to_video,{CAT},a\u2028b,c\n", {2: "4 cells"}),
        ("a.json", "[]", {1: "holds no shot"}),
        ("a.jsonl", "", {1: "holds no shot"}),
    ],
)
def test_everything_wrong_is_named_with_its_line(name: str, text: str, wrong: dict[int, str], tmp_path: Path) -> None:
    """Each problem begins with the line of its shot and says what is wrong; there are no others."""
    found = problems(write(tmp_path, name, text))
    assert len(found) == len(wrong), found
    for line, (number, reason) in zip(found, wrong.items(), strict=True):
        assert line.startswith(f"{number}: ")
        assert reason in line


def test_what_is_no_text_is_said(tmp_path: Path) -> None:
    """A file in another encoding is named with the reason."""
    (tmp_path / "a.csv").write_bytes("route\nä".encode("latin-1"))
    assert "is not UTF-8" in problems(tmp_path / "a.csv")[0]
