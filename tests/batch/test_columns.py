"""A column that the route of a row does not know is told with its cure."""

import json
from pathlib import Path

import pytest

from cometrunway import ImageToVideo
from cometrunway._batch._columns import listed
from cometrunway._batch._files import BatchFileError, read_batch
from tests.batch.written import CAT, problems, write

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
    if name == "a.csv":  # what is wrong is its first line
        assert first.startswith("1: ")
        assert first.endswith("or leave it out: --ignore-columns Bemerkung")
        assert second.startswith("1: unknown field 'price'")
    else:
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
        ("Format", "ratio or output_format?"),
        ("format", "ratio or output_format? Else leave it empty in such rows: it is for sound_effect"),
        ("prompt", "prompt_image or prompt_text? Else leave it empty in such rows: it is for pro_generate"),
    ],
)
def test_a_foreign_heading_is_told_with_the_field_that_it_resembles(heading: str, meant: str, tmp_path: Path) -> None:
    """By its letters, or by one of its words."""
    [line] = problems(write(tmp_path, "a.csv", f"key,route,{heading}\na,image_to_video,x\n"))
    assert f"did you mean {meant}" in line


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
