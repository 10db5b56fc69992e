"""Files in a notebook: embedded if small, linked if large, and never more than a notebook can bear."""

import os
from pathlib import Path
from urllib.parse import unquote

import pytest

from cometrunway import Asset
from cometrunway._notebook import _media


@pytest.fixture(autouse=True)
def _new_kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_media._Embedded, "total", 0)
    monkeypatch.chdir(tmp_path)


def video(path: Path, size: int) -> Asset:
    """Return an asset with a file of this size, which takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(size)
    return Asset(url="https://example.com/a.mp4?signature=secret", path=path, media_type="video/mp4", size=size)


def shown(asset: Asset, *, is_small: bool = False) -> str:
    """Return the HTML of a file."""
    return _media.player(asset, is_small=is_small)


@pytest.mark.parametrize("is_small", [True, False])
def test_a_small_file_is_embedded_and_a_large_one_is_linked(is_small: bool, tmp_path: Path) -> None:
    """The limit is smaller in a grid."""
    limit = _media.EMBEDDED_SMALL if is_small else _media.EMBEDDED_EACH
    assert 'src="data:video/mp4;base64,' in shown(video(tmp_path / "a.mp4", limit), is_small=is_small)
    assert 'src="b.mp4"' in shown(video(tmp_path / "b.mp4", limit + 1), is_small=is_small)


def test_two_hundred_files_are_below_fifty_megabytes(tmp_path: Path) -> None:
    """Of many files that are small enough the first are embedded, and the others linked."""
    html = [shown(video(tmp_path / f"{number}.mp4", 3_900_000)) for number in range(200)]
    assert sum(map(len, html)) < 50_000_000
    assert all("<video" in each for each in html)
    assert sum("base64" in each for each in html) == 7


@pytest.mark.parametrize("name", ["a b#?.mp4", "läuft.mp4", "javascript:x.mp4", "a\"'><img>.mp4"])
def test_a_link_leads_to_the_file(name: str, tmp_path: Path) -> None:
    """Relative to the notebook, whatever the name holds."""
    (tmp_path / "out").mkdir()
    html = shown(video(tmp_path / "out" / name, _media.EMBEDDED_EACH + 1))
    source = html.split('src="')[1].split('"')[0]
    assert Path(unquote(source)) == Path("out") / name
    assert ":" not in source


def test_what_a_journal_says_of_other_files_is_not_shown(tmp_path: Path) -> None:
    """A path to no media file, or a link that leads elsewhere, is not read: a journal may come from anybody."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (tmp_path / "link.mp4").symlink_to(secret)
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    for name in ("secret.txt", "link.mp4", "folder.mp4", "pipe.mp4", "gone.mp4"):
        html = shown(Asset(url="https://h/a", path=tmp_path / name, media_type="video/mp4", size=6))
        assert "src" not in html
        assert f"{name} is not" in html


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (None, None),
        (7, "7 bytes"),
        (999, "999 bytes"),
        (1500, "1.5 kB"),
        (2_345_678, "2.3 MB"),
        (123_456_789, "123 MB"),
    ],
)
def test_sizes_are_said_as_people_say_them(size: int | None, told: str | None) -> None:
    """In powers of a thousand."""
    assert _media.size_of(size) == told
