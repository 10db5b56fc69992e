"""Paths: `~` is a home folder, and every name can be written as text."""

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from cometrunway import ImageToVideo, Journal, Session
from cometrunway._paths import expanded, in_utf8, portable
from cometrunway.emulator import Emulator
from tests.samples import PNG

CAFE = os.fsdecode(b"/data/caf\xe9/a b%41.mp4")


def test_a_tilde_is_a_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the beginning only, as a shell has it; `./~` is a name."""
    monkeypatch.setenv("HOME", "/home/you")
    assert expanded("~") == Path("/home/you")
    assert expanded("~/a/~b") == Path("/home/you/a/~b")
    assert expanded(Path("~/a")) == Path("/home/you/a")
    for name in ("a~", "a/~", "-", "/~/a"):
        assert expanded(name) == Path(name)


def test_a_name_that_begins_with_a_tilde_stays_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What `./` protected once is not expanded when it is expanded again."""
    monkeypatch.chdir(tmp_path)
    assert expanded(expanded("./~root/a")) == tmp_path / "~root/a"


def test_an_unknown_home_folder_is_an_error_with_the_cure() -> None:
    """No folder of that name is made."""
    with pytest.raises(ValueError, match=r"no home folder is known for '~no\.such', got '~no\.such/a'; write the path"):
        expanded("~no.such/a")


def test_a_name_that_is_no_utf8_is_written_so_that_it_can_be_had_again() -> None:
    """Such a path is a `file:` URI, byte for byte; any other is left as it is."""
    uri = portable(Path(CAFE))
    assert uri == "file:///data/caf%E9/a%20b%2541.mp4"
    assert os.fsdecode(unquote_to_bytes(uri.removeprefix("file://"))) == CAFE
    assert portable(Path("/data/café/100%.mp4")) == "/data/café/100%.mp4"


def test_json_is_made_to_fit_utf8() -> None:
    """Paths inside of it are portable, and other texts get escapes; what fits is left alone."""
    record = {"a": [{"path": CAFE, "sha256": "0"}], "reason": f"cannot write {CAFE}", "n": 5, "é": None}
    made = in_utf8(record)
    assert made["a"] == [{"path": portable(Path(CAFE)), "sha256": "0"}]
    assert made["reason"] == r"cannot write /data/caf\udce9/a b%41.mp4"
    assert (made["n"], made["é"]) == (5, None)
    assert in_utf8(made) == made


def names_in(folder: Path) -> list[str]:
    """Return the names of all that is in a folder."""
    return sorted(path.name for path in folder.iterdir())


async def test_a_tilde_is_a_home_folder_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The output folder, the journal, a local image and a download may begin with `~`; no folder is named so."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "cat.png").write_bytes(PNG)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    async with Emulator() as emulator:
        options = {"base_url": emulator.base_url, "output_dir": "~/clips", "journal": "~/s.db"}
        async with Session(emulator.api_key, **options) as runway:  # type: ignore[arg-type]  # all are strings
            [asset] = await (await runway.submit(ImageToVideo(prompt_image=Path("~/cat.png")), key="a"))
            copy = await runway.download(asset, "~/copy.mp4")
    assert asset.path == home / "clips" / "a.mp4"
    assert copy.path == home / "copy.mp4"
    assert [entry.key for entry in Journal.read("~/s.db")] == ["a"]
    assert Journal.holder("~/s.db") is None
    assert names_in(tmp_path) == ["home"]


@pytest.mark.parametrize("option", ["output_dir", "journal"])
def test_an_unknown_home_folder_is_found_at_once(option: str) -> None:
    """A name such as ~backup is an error as the session is made, not a folder of that name."""
    with pytest.raises(ValueError, match=r"'~no\.such'.*write the path in full"):
        Session("sk-x", **{option: "~no.such/a"})  # type: ignore[arg-type]  # mypy takes all values for all options
