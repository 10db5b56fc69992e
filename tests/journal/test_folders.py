"""A journal and its files can be moved: what is finished is finished there too."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Journal, Session, Shot
from cometrunway.emulator import Emulator
from tests.samples import yawn

SHOTS = [Shot(f"shot-{number}", yawn(number)) for number in range(4)]


async def run(emulator: Emulator, folder: Path, **options: Any) -> list[Path]:
    """Run the batch with a journal and an output folder in `folder`; return where its files are."""
    options = {"journal": folder / "shots.db", "output_dir": folder / "clips", **options}
    async with Session(emulator.api_key, base_url=emulator.base_url, **options) as runway:
        handles = [handle async for handle in runway.map(SHOTS)]
        return sorted([asset.path for handle in handles for asset in await handle if asset.path])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a batch runs first."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("moves", [shutil.move, shutil.copytree])
@pytest.mark.parametrize("template", ["{key}", "{route}/{key}"])
async def test_a_finished_batch_is_finished_elsewhere(home: Path, tmp_path: Path, moves: Any, template: str) -> None:
    """Moved or copied, renamed, with the old folder gone or still there: no request is sent."""
    async with Emulator() as emulator:
        before = await run(emulator, home, template=template)
        there = tmp_path / "there" / "deeper"
        there.parent.mkdir()
        moves(home, there)
        requests = len(emulator.requests)
        assert await run(emulator, there, template=template) == [there / file.relative_to(home) for file in before]
        assert len(emulator.requests) == requests


async def test_what_is_missing_is_downloaded_to_where_it_was_asked_for(home: Path, tmp_path: Path) -> None:
    """A file that was not copied is downloaded into the folder that was named, though the old one still has it."""
    async with Emulator() as emulator:
        await run(emulator, home)
        there = tmp_path / "there"
        shutil.copytree(home, there)
        (there / "clips" / "shot-1.mp4").unlink()
        (there / "clips" / "shot-2.mp4").write_bytes(b"another")
        found = await run(emulator, there)
        assert [file.name for file in found] == ["shot-0.mp4", "shot-1.mp4", "shot-2-2.mp4", "shot-3.mp4"]
        assert {file.parent for file in found} == {there / "clips"}
        assert len(emulator.requests_of("asset")) == len(SHOTS) + 2
    assert emulator.creates.accepted == len(SHOTS)


async def test_a_reader_finds_the_files_of_a_moved_journal(home: Path, tmp_path: Path) -> None:
    """What only reads a journal looks for its files beside it, as they lay, and else where they were."""
    async with Emulator() as emulator:
        files = await run(emulator, home)
    there = tmp_path / "there"
    shutil.copytree(home, there)
    assert paths_in(there / "shots.db") == [there / file.relative_to(home) for file in files]
    alone = shutil.copy(home / "shots.db", tmp_path / "alone.db")
    assert paths_in(Path(alone)) == files


def paths_in(journal: Path) -> list[Path]:
    """Return where a journal says that its files are."""
    return sorted(asset.path for entry in Journal.read(journal) for asset in entry.assets if asset.path)
