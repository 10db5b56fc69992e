"""Files that are where they were put, to the byte: each is read once, and again only if it may have changed."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Asset, Session
from cometrunway._delivery import _intact_files
from cometrunway._delivery._intact_files import IntactFiles
from cometrunway.emulator import Emulator
from tests.samples import yawn

CONTENT = b"a film" * 100


@pytest.fixture
def digests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that are digested from now on."""
    names: list[str] = []

    def counted(file: Any, digest: str) -> Any:
        names.append(Path(file.name).name)
        return hashlib.new(digest, file.read())

    monkeypatch.setattr(hashlib, "file_digest", counted)
    return names


def film(folder: Path, name: str = "film.mp4", *, age: float = 60.0) -> Asset:
    """Return a file that was written so many seconds ago."""
    path = folder / name
    path.write_bytes(CONTENT)
    written = path.stat().st_mtime - age
    os.utime(path, (written, written))
    return Asset(url="", path=path, size=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())


async def test_a_file_is_digested_once(tmp_path: Path, digests: list[str]) -> None:
    """As long as its size, times and inode are the same; another digest that is asked for is another question."""
    files, asset = IntactFiles(), film(tmp_path)
    for _ in range(5):
        assert await files.are_intact((asset,))
    assert digests == ["film.mp4"]
    assert not await files.are_intact((Asset(url="", path=asset.path, size=asset.size, sha256="0"),))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
async def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    """Opening it would block until another program writes."""
    files, asset = IntactFiles(), film(tmp_path)
    assert asset.path is not None
    asset.path.unlink()
    os.mkfifo(asset.path)
    assert not await files.are_intact((asset,))


@pytest.mark.parametrize("change", ["in place", "its time kept", "replaced", "cut", "gone"])
async def test_a_file_that_has_changed_is_noticed(tmp_path: Path, change: str) -> None:
    """Also one of the same length, whose time of change somebody has put back."""
    files, asset = IntactFiles(), film(tmp_path)
    assert asset.path is not None
    assert await files.are_intact((asset,))
    before = asset.path.stat()
    if change == "gone":
        asset.path.unlink()
    elif change == "cut":
        os.truncate(asset.path, 10)
    else:
        changed = tmp_path / "other.mp4" if change == "replaced" else asset.path
        changed.write_bytes(CONTENT.upper())
        if change != "in place":
            os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
        shutil.move(changed, asset.path)
    assert not await files.are_intact((asset,))


async def test_a_file_that_was_just_written_is_digested_each_time(tmp_path: Path, digests: list[str]) -> None:
    """A second change within the resolution of a file system's clock would leave no trace."""
    files, asset = IntactFiles(), film(tmp_path, age=0.0)
    for _ in range(3):
        assert await files.are_intact((asset,))
    assert len(digests) == 3


async def test_what_is_remembered_has_a_bound(
    tmp_path: Path, digests: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more files than that the first are forgotten, and read again."""
    monkeypatch.setattr(_intact_files, "_REMEMBERED", 2)
    files, assets = IntactFiles(), tuple(film(tmp_path, f"{number}.mp4") for number in range(3))
    assert await files.are_intact(assets)
    assert await files.are_intact(assets[1:])
    assert len(digests) == 3
    assert await files.are_intact(assets[:1])
    assert len(digests) == 4


async def test_a_shot_that_is_found_again_costs_no_digest(
    session: Callable[..., Session], tmp_path: Path, digests: list[str]
) -> None:
    """Each request for a part of a finished film asks the journal for it."""
    async with Emulator() as emulator, session(emulator, journal=tmp_path / "shots.db") as runway:
        [clip] = await (await runway.submit(yawn(), key="shot"))
        assert clip.path is not None
        os.utime(clip.path, (1.0, 1.0))
        digests.clear()
        for _ in range(10):
            found = await runway.find("shot")
            assert found is not None
            assert [asset.path for asset in await found] == [clip.path]
    assert len(digests) == 1
