"""What a page tells of one shot."""

import os
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Asset
from cometrunway._gallery._cards import Card, MediaFile
from cometrunway._gallery._page import write_page
from cometrunway._gallery._sources import source_of
from cometrunway._journal._entry import Entry
from tests.gallery.pages import cards_of, change, data_of
from tests.recorded import Recorded, record


def card(request: dict[str, object], *paths: Path) -> Card:
    """Return the card of a shot with these files."""
    assets = tuple(Asset(url="https://example.com/a?signature=secret", path=path) for path in paths)
    entry = Entry(key="cat", route="image_to_video", fingerprint="f", request=request, task_id="t-1", assets=assets)
    return Card.of_entry(entry, "failed", "no luck")


def test_no_file_of_another_kind_is_shown_or_linked(tmp_path: Path) -> None:
    """An SVG may hold a script. A link, a folder, a pipe and what is gone have no address."""
    (tmp_path / "real.MP4").write_bytes(b"x")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "real.MP4")
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    for name in ("page.html", "picture.svg", "script.js", "shots.db"):
        (tmp_path / name).touch()
        assert MediaFile.at(tmp_path / name) is None
    names = ["real.MP4", "link.mp4", "folder.mp4", "pipe.mp4", "gone.mp4", "picture.svg"]
    files = card({}, *(tmp_path / name for name in names)).to_json(7, lambda n, i, file: f"{n}/{i}/{file.path.name}")[
        "files"
    ]
    assert [(file["name"], file["url"]) for file in files] == [
        ("real.MP4", "7/0/real.MP4"),
        *((name, None) for name in names[1:5]),
    ]


def test_of_local_files_only_the_names_are_told(tmp_path: Path) -> None:
    """Others may see the page. A URL of a file is not told at all."""
    local = {"path": "/home/me/secret/cat.png", "sha256": "0123456789abcdef"}
    shown = card(
        {"prompt_image": local, "references": [{"uri": local}, {"uri": {"sha256": "fedcba9876543210"}}]},
        tmp_path / "secret" / "a.mp4",
    )
    told = shown.to_json(0, lambda *_: "url")
    assert told["more"] == [["prompt_image", "cat.png"], ["references", "uri cat.png; uri fedcba987654…"]]
    assert "secret" not in str(told) + shown.text


@pytest.mark.parametrize(
    ("request_", "prompt", "seconds"),
    [
        ({"prompt_text": "yawns", "duration": 5}, "yawns", 5),
        ({"prompt": "yawns", "seconds": 10}, "yawns", 10),
        ({"prompt_text": None, "prompt": "yawns"}, "yawns", None),
        ({}, None, None),
    ],
)
def test_each_family_of_routes_is_told_alike(
    request_: dict[str, object], prompt: str | None, seconds: float | None
) -> None:
    """Whatever its fields are called."""
    told = card(request_).to_json(0, lambda *_: "url")
    assert (told["prompt"], told["seconds"], told["more"]) == (prompt, seconds, [])


def test_a_shot_is_found_by_what_is_told_of_it() -> None:
    """Key, prompt, id, model, route as it is written or as words, seed, reason and the names of its files."""
    shown = card({"prompt_text": "a prompt", "model": "gen4", "seed": 7}, Path("/out/clip.mp4"))
    words = ["cat", "a prompt", "t-1", "gen4", "image_to_video", "image to video", "7", "no luck", "clip.mp4"]
    assert shown.text.split("\n") == words
    assert len(card({"prompt_text": "x" * 10_000}).text) == 4000


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("key", 5), ("route", 5), ("task_id", b"x"), ("created_at", "now"), ("reason", []), ("request", [])],
)
def test_what_is_not_of_its_type_makes_no_card(name: str, wrong: Any) -> None:
    """Its values come from a disk, and the page's script relies on them."""
    given: dict[str, Any] = {"key": "a", "status": "failed", name: wrong}
    with pytest.raises(TypeError):
        Card(**given)


async def test_sounds_and_unknown_files_are_shown_as_what_they_are(tmp_path: Path) -> None:
    """Each by its suffix; a file that could not be verified says so, in a journal's gallery and in a folder's."""
    types = {".gif": "image/gif", ".heic": "image/heic", ".mp3": "audio/mpeg", ".bin": "application/octet-stream"}
    paths = tuple(tmp_path / f"file{suffix}" for suffix in types)
    for path in paths:
        path.write_bytes(b"x")
    await record(
        tmp_path / "shots.db",
        [Recorded(key="known", files=paths[:-1]), Recorded(key="unknown", files=paths[-1:], verified=False)],
    )
    for source in (source_of(tmp_path), source_of(tmp_path / "shots.db")):
        files = [file for card in cards_of(source) for file in card.files]
        assert {file.path.suffix: file.media_type for file in files} == types
        assert {file.path.suffix for file in files if not file.verified} == {".bin"}
        write_page(source, tmp_path / "gallery.html")
        shown = [file for shot in data_of(tmp_path / "gallery.html")["shots"] for file in shot["files"]]
        assert {file["name"] for file in shown if not file["verified"]} == {"file.bin"}


async def test_what_json_cannot_say_is_left_out(tmp_path: Path) -> None:
    """Infinities and the like are no JSON, and no browser reads them; what is no text is shown as text."""
    request = {"seed": float("nan"), "duration": float("inf"), "model": {"sha256": 5}, "x": {"sha256": 5, "path": 5}}
    await record(tmp_path / "shots.db", [Recorded(key="one", outcome="accepted", request=request)])
    change(tmp_path / "shots.db", "UPDATE submission SET created_at = 9e999")
    write_page(source_of(tmp_path / "shots.db"), tmp_path / "gallery.html")
    [shot] = data_of(tmp_path / "gallery.html")["shots"]
    told = {"created": None, "seed": None, "seconds": None, "model": "5…", "more": [["x", "5"]]}
    assert told.items() <= shot.items()
