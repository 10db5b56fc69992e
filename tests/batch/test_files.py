"""Batch files: each format gives the same shots, and everything that is wrong is named with its line."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from cometrunway import ImageToVideo, Shot, TextToImage
from cometrunway._batch._columns import listed
from cometrunway._batch._files import BatchFileError, read_batch, read_shots

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


ROWS = f"route;prompt_image;prompt_text\r\nimage_to_video;{CAT};Bär, 日本\r\n"
WIDE = ["utf-8-sig", "utf-16", "utf-32"]  # each with its byte order mark
MARKED = {name: ROWS.encode(name) for name in WIDE} | {
    "utf-16-be": b"\xfe\xff" + ROWS.encode("utf-16-be"),
    "utf-32-be": b"\x00\x00\xfe\xff" + ROWS.encode("utf-32-be"),
}


@pytest.mark.parametrize("name", MARKED)
@pytest.mark.parametrize("encoding", [None, "cp1252"])
def test_a_byte_order_mark_says_the_encoding(name: str, encoding: str | None, tmp_path: Path) -> None:
    """What PowerShell and spreadsheets write is read, whatever encoding is named beside."""
    (tmp_path / "a.csv").write_bytes(MARKED[name])
    [shot] = read_batch(tmp_path / "a.csv", encoding=encoding).shots
    assert shot.request == ImageToVideo(prompt_image=CAT, prompt_text="Bär, 日本")


def test_json_may_be_utf_16_too(tmp_path: Path) -> None:
    """PowerShell's `>` writes every format so."""
    for name, text in (("a.jsonl", "\r\n".join(map(json.dumps, OBJECTS))), ("a.json", json.dumps(OBJECTS))):
        (tmp_path / name).write_text(text, encoding="utf-16")
        assert read_shots(tmp_path / name) == WANTED


def test_another_encoding_is_named(tmp_path: Path) -> None:
    """A file without a byte order mark is UTF-8, or in the encoding that the user names."""
    (tmp_path / "a.csv").write_bytes(
        b"route;prompt_image;prompt_text\r\n" + f"image_to_video;{CAT};Bär €".encode("cp1252")
    )
    [shot] = read_batch(tmp_path / "a.csv", encoding="cp1252").shots
    assert shot.request == ImageToVideo(prompt_image=CAT, prompt_text="Bär €")


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (b"route;key\r\nx;B\xe4r\r\n", None, "2: column 4: the byte 0xE4 is not UTF-8 (invalid continuation byte); "),
        (b"route;key\r\nx;B\xe4r\r\n", None, "add --encoding cp1252"),
        (b"route\r\rx\x81", "cp1252", "3: column 2: the byte 0x81 is not CP1252"),
        (b"route\n\xc3", "ascii", "2: column 1: the byte 0xC3 is not ASCII"),
        (ROWS.encode("utf-16-le"), None, "1: this is UTF-16-LE without a byte order mark; add --encoding utf-16-le"),
        (ROWS.encode("utf-16-be"), "cp1252", "add --encoding utf-16-be"),
        (ROWS.encode("utf-32-le"), None, "add --encoding utf-32-le"),
        (ROWS.encode("utf-16")[:-1], None, "3: column 1: the byte 0x0A is not UTF-16-LE (truncated data); the file is"),
        (b"route,key\nx,a\0b\n", None, "2: column 4: a NUL character; the file is damaged or cut off"),
        (b"PK\x03\x04\x14\x00", None, "1: this is a workbook such as .xlsx, or an archive, no text; save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", None, "1: this is a workbook such as .xls, no text; save it as CSV"),
    ],
)
def test_what_cannot_be_decoded_is_named_with_its_place(
    content: bytes, encoding: str | None, message: str, tmp_path: Path
) -> None:
    """The file, the line, the byte and the cure are told, in one message."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(BatchFileError) as refused:
        read_batch(path, encoding=encoding)
    [line] = str(refused.value).split("\n")
    assert line.startswith(f"{path}:")
    assert message in line.removeprefix(f"{path}:")


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


FOREIGN = [
    {"route": "image_to_video", "prompt_image": CAT, "Bemerkung": f"x{number}", "price": 5} for number in range(10)
]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_a_column_that_is_not_ours_is_one_error(name: str, tmp_path: Path) -> None:
    """It is told once, with the count of its rows and the option that leaves it out; with that, the file is read."""
    rows = [
        ",".join(FOREIGN[0]),
        *(",".join(map(str, fields.values())) for fields in FOREIGN),
    ]
    text = {
        "a.csv": "\n".join(rows),
        "a.jsonl": "\n\n" + "\n".join(map(json.dumps, FOREIGN)),
        "a.json": json.dumps(FOREIGN, indent=2),
    }[name]
    path = write(tmp_path, name, text)
    first, second = problems(path)
    assert (
        "unknown field 'Bemerkung'; rename it to one of key, prompt_text, model, duration, ratio, seed and 14 " in first
    )
    assert "or leave it out: --ignore-columns Bemerkung [10 rows: lines " in first
    assert "unknown field 'price'" in second
    batch = read_batch(path, ignore=["Bemerkung", "price"])
    assert [shot.request for shot in batch.shots] == [ImageToVideo(prompt_image=CAT)] * 10
    assert (batch.ignored, batch.absent) == ({"Bemerkung": 10, "price": 10}, [])


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_an_ignored_column_that_is_not_there_is_told(name: str, tmp_path: Path) -> None:
    """With the column that may be meant, also when the file is refused for that reason."""
    text = {"a.csv": f"route,prompt_image,notes\nimage_to_video,{CAT},x\n", "a.jsonl": json.dumps(FOREIGN[0])}[name]
    column = {"a.csv": "notes", "a.jsonl": "price"}[name]
    path, others = write(tmp_path, name, text), {"Bemerkung"} - {column}
    told = f"--ignore-columns: the file has no column '{column}s'; did you mean {column}?"
    with pytest.raises(BatchFileError) as refused:
        read_batch(path, ignore=[f"{column}s", *others])
    assert told in str(refused.value).split("\n")
    batch = read_batch(path, ignore=[f"{column}s", column, *others])
    assert told in batch.absent
    assert batch.ignored[column] == 1


def test_a_misspelt_route_is_told_with_its_name(tmp_path: Path) -> None:
    """A row without a route has nothing else to check."""
    path = write(tmp_path, "a.jsonl", '{"rout": "pro_generate", "prompt": "a", "x": 1}')
    assert problems(path) == ["1: unknown field 'rout'; did you mean route?"]


@pytest.mark.parametrize(
    ("heading", "meant"),
    [
        ("Text", "prompt_text?"),
        ("Prompt Text", "prompt_text?"),
        ("Dauration", "duration?"),
        ("image", "prompt_image?"),
        ("prompt", "prompt_image or prompt_text? Else leave it empty in such rows: it is for pro_generate"),
    ],
)
def test_a_foreign_heading_is_told_with_the_field_that_it_resembles(heading: str, meant: str, tmp_path: Path) -> None:
    """By its letters, or by one of its words."""
    [line] = problems(write(tmp_path, "a.csv", f"key,route,{heading}\na,image_to_video,x\n"))
    assert f"did you mean {meant}" in line


@pytest.mark.parametrize(
    ("heading", "cure"),
    [
        ("Name;Weg;Text", "rename the column that says image_to_video, pro_generate or another route to route"),
        ("key;Route;prompt_text", "rename the column Route to route"),
        ("key|route|prompt", "they are separated by commas, semicolons or tabs"),
    ],
)
def test_a_table_without_a_route_is_told_what_is_missing(heading: str, cure: str, tmp_path: Path) -> None:
    """A heading in another language is not taken for a wrong separator."""
    [line] = problems(write(tmp_path, "a.csv", f"{heading}\na;image_to_video;x\n"))
    assert line.startswith("1: the first row must name the fields, `route` among them, got ")
    assert cure in line


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


def test_a_misspelt_column_is_told_with_the_field_that_is_meant(tmp_path: Path) -> None:
    """What is wrong with the rest of such a row is told once the name is right: the value may be what it lacks."""
    path = write(tmp_path, "a.csv", f"route,promt_text,reference_images\ntext_to_image,a,{CAT}\n")
    [line] = problems(path)
    assert (
        "unknown field 'promt_text'; did you mean prompt_text? To leave it out, add --ignore-columns promt_text" in line
    )


def test_a_column_of_another_route_is_not_to_be_ignored(tmp_path: Path) -> None:
    """It is told with the routes that take it: to leave it out would spoil their rows."""
    rows = [f"image_to_video,{CAT},,7", *[f"video_upscale,,https://example.com/{n}.mp4,7" for n in range(3)]]
    [line] = problems(write(tmp_path, "a.csv", "route,prompt_image,video_uri,seed\n" + "\n".join(rows)))
    assert line.startswith(
        "3: video_upscale has no field 'seed'; leave it empty in such rows: it is for image_to_video,"
    )
    assert line.endswith("[3 rows: lines 3, 4, 5]")


def test_names_of_columns_are_compared_as_people_read_them(tmp_path: Path) -> None:
    """Accents may be composed or not, and a line break in a heading is a space; several may share an ignored name."""
    heading = 'route,prompt_image,Gro\u0308ße,"Preis\n(EUR), netto",x,x'
    path = write(tmp_path, "a.csv", f"{heading}\nimage_to_video,{CAT},1,2,3,4\n")
    assert "x: two columns have this name" in problems(path)[0]
    names = listed('Größe,x, "Preis (EUR), netto"')
    assert names == ["Größe", "x", "Preis (EUR), netto"]
    assert read_batch(path, ignore=names).ignored == {"Größe": 1, "x": 1, "Preis (EUR), netto": 1}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{n},image_to_video,{cat},s{n},", "ImageToVideo.seed: must be a whole number from 0 to 4294967295, got 's0'"),
        ("{n},image_to_video,no/{n}.png,,", "does not exist"),
        ("{n},image{n},{cat},,", "route: must name a route, got 'image0'"),
        ("{n},image_to_video,{cat},,,{n}", "6 cells"),
        ("{n},image_to_video,,,", "ImageToVideo.prompt_image: required"),
        ("k,image_to_video,{cat},,", "key: 'k' is used twice, first in line 2; give it another"),
    ],
)
def test_one_cause_is_one_message(row: str, reason: str, tmp_path: Path) -> None:
    """However many rows it spoils, and whatever their values are; their count and the first lines are told."""
    rows = [row.format(n=number, cat=CAT) for number in range(1000)]
    [line] = problems(write(tmp_path, "a.csv", "key,route,prompt_image,seed,watermark\n" + "\n".join(rows)))
    assert reason in line
    is_double = row.startswith("k,")
    assert line.endswith(
        "[999 rows: lines 3, 4, 5, 6, 7, ...]" if is_double else "[1,000 rows: lines 2, 3, 4, 5, 6, ...]"
    )


def test_different_causes_are_told_apart(tmp_path: Path) -> None:
    """Each wrong field, and each unknown option, has a message of its own."""
    pro = {"route": "pro_generate", "prompt": "a", "callback_url": "https://example.com/hook"}
    options = [{"flipp": True}, {"second": 5}, {"flipp": False}]
    lines = [json.dumps(pro | {"options": option}) for option in options]
    lines += [json.dumps({"route": "image_to_video", "prompt_image": CAT, "seed": -1, "duration": 5})]
    lines += [json.dumps({"route": "image_to_video", "prompt_image": CAT, "duration": 0})]
    found = problems(write(tmp_path, "a.jsonl", "\n".join(lines)))
    assert [line.split(":")[0] for line in found] == ["1", "2", "4", "5"]
    assert found[0].endswith("did you mean flip? [2 rows: lines 1, 3]")


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
