"""What files are called: harmless names that never meet, and a template that can do no harm."""

import re

import pytest

from cometrunway import Session
from cometrunway._delivery._file_names import FileNames, safe_stem


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b", ".hidden", "", "con", "NUL.txt", "ü", "x" * 500, "a\0b", "..", "a b"]
)
def test_a_strange_name_becomes_a_harmless_stem(name: str) -> None:
    """Whatever a key or an id holds, the file stays in its folder, and two names never meet."""
    stem = safe_stem(name)
    assert stem
    assert set(stem) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    assert not stem.startswith(".")
    assert len(stem) < 150
    assert stem not in {name, safe_stem(name + "x")}


def test_an_ordinary_name_is_kept() -> None:
    """A key that can be a file name is one."""
    assert safe_stem("shot-0042_v1.2") == "shot-0042_v1.2"


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{key}", ["cat-1", "cat-2"]),
        ("{route}/{id}", ["image_to_video/t-1-1", "image_to_video/t-1-2"]),
        ("{number}/{key}", ["1/cat", "2/cat"]),
    ],
)
def test_several_files_are_numbered(template: str, names: list[str]) -> None:
    """At the end, where the template does not say where; a single file is not."""
    named = FileNames(template)
    assert named(key="cat", task_id="t-1", route="image_to_video", files=2) == names
    assert len(named(key="cat", task_id="t-1", route="image_to_video", files=1)) == 1
    assert named(key=None, task_id="t-1", route="image_to_video", files=1) != named(
        key=None, task_id="t-2", route="image_to_video", files=1
    )


@pytest.mark.parametrize(
    ("template", "key"),
    [
        ("co{key}", "n"),
        ("{key}/com{key}", "1"),
        ("{key}.txt", "nul"),
        ("{key}", "NUL.my clip"),
        ("{key}/x", "a."),
        ("{key}{key}", "k" * 200),
        ("é" * 90 + "{key}", "k" * 100),
    ],
)
def test_a_filled_in_name_is_harmless(template: str, key: str) -> None:
    """No system reserves it, strips it or finds it too long, and it is still another for another key."""
    named = FileNames(template)
    first, second = (named(key=text, task_id=".", route="r", files=1)[0] for text in (key, key + "x"))
    assert first != second
    for part in first.split("/"):
        assert not re.fullmatch(r"(?i)(con|nul|com1)(\..*)?", part)
        assert part == part.rstrip(" .")
        assert len(part.encode()) <= 200


def test_numbers_are_part_of_the_name() -> None:
    """What is cut is told apart by its number, too."""
    names = FileNames("{key}{key}")(key="k" * 200, task_id="t", route="r", files=12)
    assert len({*names}) == 12
    assert max(map(len, names)) <= 200


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{prompt}", "prompt"),
        ("clip", "{key}"),
        ("../{key}", r"\.\."),
        ("/tmp/{key}", "/tmp"),  # noqa: S108 - never opened
        ("{key", "template"),
        ("{key!r}", "key!r"),
        ("{key:>10}", "key:>10"),
        ("{route}/", "template"),
        ("", "template"),
        ("a\\{key}", "template"),
        ("{key}/com{number}", "template"),
        ("{key}./x", "template"),
        ("con .txt/{key}", "template"),
        ("com¹/{key}", "template"),
        ("{key}/" + "x" * 300, "200"),
    ],
)
def test_a_wrong_template_is_refused_before_anything_is_bought(template: str, reason: str) -> None:
    """What is no field, no name, or leads out of the folder is an error as the session is made."""
    with pytest.raises(ValueError, match=reason):
        Session("sk-x", template=template)
