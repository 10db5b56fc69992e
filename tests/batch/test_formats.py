"""JSON Lines, JSON and CSV: each gives the same shots, and what cannot be read is named with its line."""

import json
from pathlib import Path

import pytest

from cometrunway._batch._files import read_shots
from tests.batch.written import CAT, OBJECTS, TABLE, WANTED, problems, write


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


def test_a_single_object_is_a_batch_of_one(tmp_path: Path) -> None:
    """A JSON file may hold one shot without a list around it; without a key it is named after its place."""
    path = write(tmp_path, "cat.json", json.dumps({"route": "image_to_video", "prompt_image": CAT}, indent=2))
    assert [shot.key for shot in read_shots(path)] == ["cat-0001"]


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
        ("a.jsonl", '[{"route": "pro_generate"}]', {1: "a file with a list of objects ends with .json"}),
        ("a.json", "{}\n{}", {1: "one with an object on each line ends with .jsonl"}),
        ("a.csv", f"route,prompt_image\nimage_to_video,{CAT},more\n", {2: "3 cells"}),
        ("a.csv", f"route,prompt_image,\nimage_to_video,{CAT},more\n", {2: "heading without a name"}),
        ("a.csv", f'route,prompt_image,prompt_text\nimage_to_video,{CAT},"a\nb"\n?,,\n', {4: "route"}),
        ("a.csv", f"route,prompt_image,seed\nimage_to_video,{CAT},seven\n", {2: "seed"}),
        ("a.csv", f"route,prompt_image,promt_text\nimage_to_video,{CAT},x\n", {1: "did you mean prompt_text"}),
        ("a.csv", 'route,key\nimage_to_video,"x', {2: "a quote is opened in this row, or in one above"}),
        ("a.csv", f"prompt_image,seed\n{CAT},1\n", {1: "another route to route, or add one"}),
        ("a.csv", "route,key\n", {1: "contains no shot"}),
        ("a.csv", "key,Route\na,image_to_video\n", {1: "`route` among them, got key, Route", 2: "prompt_image"}),
        ("a.csv", "route,key,key\nimage_to_video,a,b\n", {1: "key: two columns"}),
        ("a.csv", f"route,prompt_image,prompt_text\nimage_to_video,{CAT},a\u2028b,c\n", {2: "4 cells"}),
        ("a.json", "[]", {1: "contains no shot"}),
        ("a.jsonl", "", {1: "contains no shot"}),
    ],
)
def test_everything_wrong_is_named_with_its_line(name: str, text: str, wrong: dict[int, str], tmp_path: Path) -> None:
    """Each problem begins with the line of its shot and says what is wrong; there are no others."""
    found = problems(write(tmp_path, name, text))
    assert len(found) == len(wrong), found
    for line, (number, reason) in zip(found, wrong.items(), strict=True):
        assert line.startswith(f"{number}: ")
        assert reason in line


@pytest.mark.parametrize(
    ("said", "delimiter"),
    [
        ("sep=;", ";"),
        ('"sep=;"', ";"),
        ("SEP=|", "|"),
        ("sep=\t", "\t"),
        ("sep=\\t", "\t"),
        ("sep=é", "é"),
        ("sep=,", ","),
    ],
)
def test_a_first_line_names_the_separator(said: str, delimiter: str, tmp_path: Path) -> None:
    """As spreadsheets write it; the lines are counted with it."""
    text = TABLE.replace("cat, asleep", "cat; asleep").replace(",", delimiter).replace("cat; asleep", "cat, asleep")
    assert read_shots(write(tmp_path, "a.csv", f"\ufeff{said}\r\n{text}")) == WANTED
    wrong = write(tmp_path, "b.csv", f"{said}\nroute{delimiter}seed\n\nimage_to_video{delimiter}x\n")
    assert [line[:3] for line in problems(wrong)] == ["4: "]


@pytest.mark.parametrize("said", ["sep=", "sep=;;", 'sep="', "sep=\\x"])
def test_a_separator_is_one_character(said: str, tmp_path: Path) -> None:
    """Anything else after `sep=` is named, and no guess is made."""
    [line] = problems(write(tmp_path, "a.csv", f"{said}\nroute,prompt_image\n"))
    assert line.startswith("1: sep= must be followed by the one character")


@pytest.mark.parametrize(
    ("heading", "cure"),
    [
        ("key;image;prompt_text", "rename the column image to route"),
        ("key;Route;prompt_text", "rename the column Route to route"),
        ("key|route|prompt", "they are separated by commas, semicolons or tabs"),
    ],
)
def test_a_table_without_a_route_is_told_what_is_missing(heading: str, cure: str, tmp_path: Path) -> None:
    """A heading in another language is not taken for a wrong separator."""
    line, *others = problems(write(tmp_path, "a.csv", f"{heading}\na;image_to_video;x\n"))
    assert line.startswith("1: the first row must name the fields, `route` among them, got ")
    assert cure in line
    assert others == (["2: ImageToVideo.prompt_image: required"] if len(heading.split(";")) > 1 else [])


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        (
            "route;key;prompt\npro_generate;a;x,y\npro_generate,b,x\n",
            "3: is separated by ',', and the first row by ';'",
        ),
        (
            'route,key,prompt\npro_generate,a,x\n"pro_generate";"b";"x"\n',
            "3: is separated by ';', and the first row by",
        ),
        ("route\tkey\tprompt\na;pro_generate;x\nb;pro_generate;x\n", "2: is separated by ';', and the first row by"),
        (
            "route;key,prompt;seed\npro_generate;a;x;1\n",
            "2: has 4 cells, but the first row names 3 fields; separate 'key,prompt'",
        ),
    ],
)
def test_a_row_with_another_separator_is_told_as_such(rows: str, wrong: str, tmp_path: Path) -> None:
    """With the line and both separators; equal rows are one error, and a comma within a cell is none."""
    [line] = problems(write(tmp_path, "a.csv", rows))
    assert line.startswith(wrong)


GERMAN = "Strecke;Schlüssel;Bild;Dauer"


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        (f"{GERMAN}\nimage_to_video;a;{CAT};5\n", [*("Strecke to route", "Schlüssel", "Bild", "Dauer"), "required"]),
        (f"sep=;\n{GERMAN}\nBild zu Video;a;{CAT};5\n", ["another route to route", *GERMAN.split(";")]),
        (f"{GERMAN};Bild\nimage_to_video;a;{CAT};5;\n", ["Strecke to", "Bild: two columns", *GERMAN.split(";")]),
    ],
)
def test_a_heading_in_another_language_is_told_in_one_round(table: str, wrong: list[str], tmp_path: Path) -> None:
    """The column of the route and all others that are not ours, each with the line of the heading."""
    found = problems(write(tmp_path, "a.csv", table))
    assert len(found) == len(wrong), found
    for line, reason in zip(found, wrong, strict=True):
        assert reason in line
        heading = 2 if table.startswith("sep") else 1
        assert line.startswith(f"{heading if reason != 'required' else heading + 1}: ")
