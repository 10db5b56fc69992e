"""Links in the output folder: at whatever moment one is planted, nothing is written outside of the folder."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest
from attrs import frozen

from cometrunway import Asset, DownloadError, RetryPolicy, Session
from cometrunway._delivery import _part_file
from cometrunway._delivery._downloader import Downloader
from cometrunway._delivery._folder import FolderOutput
from cometrunway.emulator import Emulator
from tests.hosts import asset_hosts
from tests.samples import yawn

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="only administrators make links there")


@frozen
class Shared:
    """An output folder that another program can change, and a folder outside of it."""

    folder: Path
    outside: Path
    downloader: Downloader
    url: str

    async def store(self, name: str) -> Asset:
        return await FolderOutput(self.folder).store(partial(self.downloader.download, self.url), name)

    def is_untouched(self) -> bool:
        """Whether the folder outside is as it was."""
        return {path.name: path.read_text() for path in self.outside.iterdir()} == {"victim": "precious"}


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    """One finished task's file, and the two folders."""
    folder, outside = tmp_path / "out", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "victim").write_text("precious")
    async with Emulator(duration=0, not_exist_seconds=0) as emulator:
        async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=None) as runway:
            [asset] = await (await runway.submit(yawn()))
        async with asset_hosts() as hosts:
            downloader = Downloader(open_asset=hosts.open, retry=RetryPolicy(attempts=1), rng=Random(7))
            yield Shared(folder, outside, downloader, asset.url)


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


@contextmanager
def attacked(attack: Callable[[], None]) -> Iterator[None]:
    """Attack again and again in a thread."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            with suppress(OSError):
                attack()

    attacker = threading.Thread(target=run)
    attacker.start()
    try:
        yield
    finally:
        ended.set()
        attacker.join()


async def test_a_folder_that_is_a_link_is_refused(shared: Shared) -> None:
    """The error names the link, and the folder that it leads to stays as it was."""
    (shared.folder / "image").symlink_to(shared.outside)
    with pytest.raises(DownloadError, match="image is a link"):
        await shared.store("image/clip")
    assert shared.is_untouched()


async def test_the_output_folder_may_be_a_link(shared: Shared) -> None:
    """The user has chosen it."""
    (shared.folder / "real").mkdir()
    link = shared.folder / "link"
    link.symlink_to(shared.folder / "real")
    asset = await FolderOutput(link).store(partial(shared.downloader.download, shared.url), "a/clip")
    assert asset.path == link / "a" / "clip.mp4"
    assert asset.path.is_file()


async def test_a_folder_replaced_by_a_link_during_a_download_is_not_written_through(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is named in the folder in which its download began."""
    give_name, inner = _part_file.give_name, shared.folder / "a"

    def replaced(*arguments: object) -> str:
        inner.rename(shared.folder / "moved")
        inner.symlink_to(shared.outside)
        return give_name(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("cometrunway._delivery._downloader.give_name", replaced)
    await shared.store("a/clip")
    assert shared.is_untouched()
    assert [path.name for path in (shared.folder / "moved").iterdir()] == ["clip.mp4"]


async def test_a_part_replaced_by_a_link_gets_no_name(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not the file that was verified is an error, and is not found under the file's name."""
    give_name, part = _part_file.give_name, shared.folder / "clip.part"

    def replaced(*arguments: object) -> str:
        part.unlink()
        part.symlink_to(shared.outside / "victim")
        return give_name(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("cometrunway._delivery._downloader.give_name", replaced)
    with pytest.raises(DownloadError, match="replaced"):
        await shared.store("clip")
    assert shared.is_untouched()
    assert not (shared.folder / "clip.mp4").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
async def test_a_part_of_another_user_is_left(shared: Shared) -> None:
    """That user could read the file, and change it after it was verified."""
    part = shared.folder / "clip.part"
    part.write_text("theirs")
    os.chown(part, 12_345, -1)
    asset = await shared.store("clip")
    assert asset.path is not None
    assert asset.path.stat().st_uid == 0
    assert part.read_text() == "theirs"


@pytest.mark.parametrize("kind", ["folder", "fifo", "link to nowhere", "link to a file"])
async def test_a_name_that_is_taken_by_another_kind_of_file_is_left(shared: Shared, kind: str) -> None:
    """The file gets another name, and is not read from or written to what stands there."""
    taken = shared.folder / "clip.mp4"
    if kind == "folder":
        taken.mkdir()
    elif kind == "fifo":
        os.mkfifo(taken)
    else:
        taken.symlink_to(shared.outside / "victim" if kind == "link to a file" else "nowhere")
    await shared.store("first")  # opens the connection
    open_before = descriptors()
    asset = await shared.store("clip")
    assert asset.path == shared.folder / "clip-2.mp4"
    assert descriptors() <= open_before
    assert shared.is_untouched()


async def test_no_descriptor_stays_open(shared: Shared) -> None:
    """Neither of the folders of a file nor of the file."""
    await shared.store("a/b/first")  # opens the connection
    open_before = descriptors()
    await shared.store("a/b/second")
    assert descriptors() <= open_before


async def test_no_race_with_links_leads_outside(shared: Shared) -> None:
    """A thread that swaps the folder and the parts for links all the time writes nothing outside by our hand."""
    inner, moved = shared.folder / "a", shared.folder / "moved"
    whole = await shared.store("a/whole")

    def attack() -> None:
        inner.rename(moved)
        inner.symlink_to(shared.outside)
        for part in moved.glob("*.part"):
            part.unlink()
            part.symlink_to(shared.outside / "victim")
        inner.unlink()
        moved.rename(inner)

    with attacked(attack):
        stored = await asyncio.gather(
            *(shared.store(f"a/clip-{number}") for number in range(300)), return_exceptions=True
        )
    assert shared.is_untouched()
    assert all(isinstance(each, Asset | DownloadError) for each in stored)
    named = [path for path in shared.folder.rglob("*.mp4") if not path.is_symlink()]
    assert {path.stat().st_size for path in named} == {whole.size}
