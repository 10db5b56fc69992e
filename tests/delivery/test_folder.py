"""A folder of files: it is tested before anything is paid for."""

import logging
import shutil
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve

from cometrunway import Asset, _file_locks
from cometrunway._delivery._folder import FolderOutput, try_folder
from cometrunway._delivery._free_space import LEAST_FREE
from cometrunway.emulator import Emulator


async def test_a_folder_that_cannot_be_is_known_before_anything_is_paid(session: Any, tmp_path: Path) -> None:
    """A file in the place of output_dir stops the session as it opens."""
    (tmp_path / "out").touch()
    async with Emulator() as emulator:
        with pytest.raises(ValueError, match="output_dir"):
            await session(emulator).__aenter__()


async def test_a_missing_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    """It was tried with a file that is gone."""
    async with FolderOutput(tmp_path / "new" / "out") as output:
        assert output.folder == tmp_path / "new" / "out"
    assert list((tmp_path / "new" / "out").iterdir()) == []


@pytest.mark.parametrize("free", [LEAST_FREE - 1, LEAST_FREE])
async def test_a_full_disk_is_told_on_opening(free: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than a megabyte is no place for files."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    full = pytest.raises(
        ValueError, match=r"output_dir .* cannot be written: not enough space, less than 1 MiB is free"
    )
    with full if free < LEAST_FREE else nullcontext():
        await try_folder(tmp_path)


async def test_a_file_system_without_locks_is_used_and_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The warning says what may be left there."""

    def unsupported(_: object) -> bool:
        raise _file_locks.LocksUnsupportedError

    monkeypatch.setattr(_file_locks, "take", unsupported)
    with caplog.at_level(logging.WARNING):
        await try_folder(tmp_path)
    assert caplog.messages == [
        f"{tmp_path} is on a file system without locks: a download that a crash cut short leaves a .part file there"
    ]


async def test_files_are_recalled_if_all_are_intact_on_this_disk(tmp_path: Path) -> None:
    """Else they are downloaded again. A file in a bucket is not in the folder."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"content")
    whole = Asset(url="u", path=path, size=7, sha256=sha256(b"content").hexdigest())
    async with FolderOutput(tmp_path) as output:
        assert await output.recall((whole,)) == (whole,)
        for other in (evolve(whole, path=tmp_path / "gone.mp4"), evolve(whole, location="s3://bucket/a.mp4")):
            assert await output.recall((whole, other)) is None


async def test_a_file_is_stored_at_its_place_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which does not move with the current folder."""
    monkeypatch.chdir(tmp_path)
    output = FolderOutput(Path("out"))
    monkeypatch.chdir("/")
    asked: list[tuple[Path, str]] = []

    async def download(*, folder: Path, stem: str) -> Asset:
        asked.append((folder, stem))
        return Asset(url="u")

    await output.store(download, "monday/cat")
    assert asked == [(tmp_path / "out", "monday/cat")]
