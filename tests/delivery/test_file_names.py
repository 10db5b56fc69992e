"""What files are called: harmless names that never meet, and a template that can do no harm."""

import os
import re
from pathlib import Path
from unicodedata import normalize

import pytest

from cometrunway import Session
from cometrunway._delivery._file_names import FileNames, safe_stem
from cometrunway.emulator import Emulator
from tests.samples import yawn


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b", ".hidden", "", "con", "NUL.txt", "x" * 500, "a\0b", "..", "a.", "a "]
)
def test_a_strange_name_becomes_a_harmless_stem(name: str) -> None:
    """Whatever a key or an id holds, the file stays in its folder, and two names never meet."""
    stem = safe_stem(name)
    assert stem
    assert set(stem) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    assert not stem.startswith(".")
    assert len(stem) < 150
    assert stem not in {name, safe_stem(name + "x")}


@pytest.mark.parametrize(
    "name",
    [
        "shot-0042_v1.2",
        "XXL",
        "Bär-läuft",
        "Der Bär läuft (2)",
        "медведь",
        "熊が走る",
        "곰",
        "भालू",
        "หมี",
        "دب-٣",
        "café №5, 50 % & more = #1'!",
        "🐻❤️",
        "con-1",
        "-",
        "_",
        "熊" * 43,
    ],
)
def test_a_name_that_can_be_read_is_kept(name: str) -> None:
    """A key that can be a file name is one, whatever its script."""
    assert safe_stem(name) == name == normalize("NFC", name)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("B\u0061\u0308r", "Bär"),
        ("a\u202etxt.exe", "a_txt.exe"),
        ("a\u200bb\u200d\ufeff", "a_b__"),
        ("a\u3164b\u00adc", "a_b_c"),
        ("a\u00a0b\u2028c\u3000", "a_b_c_"),
        ("\ue000\udce9", "__"),
        ('a<b>c:d"e/f\\g|h?i*j', "a_b_c_d_e_f_g_h_i_j"),
        ("~root", "root"),
        (" ..ä", "ä"),
        ("ä. .", "ä"),
        ("LPT1.ä", "LPT1.ä"),
        ("熊" * 44, "熊" * 40),
        ("x" * 129 + "ä", "x" * 121),
        ("x" * 120 + ". y" + "z" * 20, "x" * 120),
    ],
)
def test_what_harms_is_replaced_and_told_by_a_digest(name: str, kept: str) -> None:
    """Controls, what shows nothing or turns text about, what a system forbids, reserves, strips or finds too long."""
    stem = safe_stem(name)
    assert re.fullmatch(re.escape(kept) + "-[0-9a-f]{8}", stem)
    assert len(stem.encode()) <= 130


def test_names_that_look_alike_stay_apart() -> None:
    """Composed and decomposed accents, and names cut alike, give other names; case is left to the file system."""
    names = ["Bär", "Ba\u0308r", "B\u200bär", "B\u200cär", "x" * 140, "x" * 141, "a", "A", "a.", "a "]
    assert len({safe_stem(name) for name in names}) == len(names)


def test_a_system_without_unicode_gets_names_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system's names cannot hold is replaced: a file that is paid for has a name everywhere."""
    monkeypatch.setattr(os, "fsencode", lambda name: name.encode("latin-1"))
    assert safe_stem("Bär") == "Bär"
    assert re.fullmatch("_-[0-9a-f]{8}", safe_stem("熊"))


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
        ("~/clips/{key}", "template"),
        ("a/~{key}", "template"),
        ("com¹/{key}", "template"),
        ("{key}/" + "x" * 300, "200"),
    ],
)
def test_a_wrong_template_is_refused_before_anything_is_bought(template: str, reason: str) -> None:
    """What is no field, no name, or leads out of the folder is an error as the session is made."""
    with pytest.raises(ValueError, match=reason):
        Session("sk-x", template=template)


async def test_a_key_of_any_script_names_its_file(tmp_path: Path) -> None:
    """Letters stay letters on the disk, and keys that look alike have files of their own."""
    keys = ["Bär-läuft", "Ba\u0308r-la\u0308uft", "熊が走る", "медведь", "a", "A"]
    async with Emulator() as emulator:
        async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=tmp_path) as runway:
            handles = [await runway.submit(yawn(number), key=key) for number, key in enumerate(keys)]
            names = [asset.path.name for handle in handles for asset in await handle if asset.path]
    assert {"Bär-läuft.mp4", "熊が走る.mp4", "медведь.mp4", "a.mp4", "A.mp4"} < set(names)
    [other] = [name for name in names if name.startswith("Bär-läuft-")]
    assert len(set(names)) == len(keys)
    assert other.isprintable()
