"""Journals that earlier versions wrote, in `samples/`: rerun, moved, and finished without a request."""

import base64
import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cometrunway import ImageToVideo, Journal, ProGenerate, Session, Shot, VideoUpscale
from cometrunway.emulator import Emulator

SAMPLES = Path(__file__).parent / "samples"
PNG = Path(__file__).parent.parent.parent / "cometrunway" / "_cli" / "demo" / "first-frame.png"
CAT, HOOK = "https://example.com/cat.jpg", "https://example.com/webhook?token=1"
DATA = f"data:image/png;base64,{base64.b64encode(PNG.read_bytes()).decode()}"


def batch(folder: Path, hook: str) -> list[Any]:
    """Return the batch that the samples are of, with its local file in a folder."""
    local = folder / "cat.png"
    local.write_bytes(PNG.read_bytes())
    return [
        Shot("plain", ImageToVideo(prompt_image=CAT, prompt_text="a cat")),
        Shot("local", ImageToVideo(prompt_image=local, prompt_text="a local cat")),
        Shot("hook", ProGenerate(prompt="a cat", callback_url=hook)),
        Shot("signed", VideoUpscale(video_uri="https://example.com/v.mp4?signature=1")),
        Shot("data", ImageToVideo(prompt_image=DATA)),
        ImageToVideo(prompt_image=CAT, prompt_text="no key"),
        ImageToVideo(prompt_image=CAT, prompt_text="no key"),
        ProGenerate(prompt="no key", callback_url=hook),
    ]


def restored(version: int, folder: Path) -> Path:
    """Return a journal as a version wrote it elsewhere, whose files now lie in `clips` beside it."""
    path = folder / "shots.db"
    (folder / "clips").mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript((SAMPLES / f"version{version}.sql").read_text())
        for number, key, assets in database.execute("SELECT number, key, assets FROM submission").fetchall():
            [asset] = json.loads(assets)
            assert asset["path"] == f"/home/you/project/clips/{key}.mp4"
            content = key.encode()
            (folder / "clips" / f"{key}.mp4").write_bytes(content)
            asset |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            database.execute("UPDATE submission SET assets = ? WHERE number = ?", (json.dumps([asset]), number))
    return path


@pytest.mark.parametrize("hook", [HOOK, "https://example.com/another"])
@pytest.mark.parametrize("version", [1, 2])
async def test_a_batch_of_an_earlier_version_is_finished(tmp_path: Path, version: int, hook: str) -> None:
    """Rerun by this version, in another place, with another callback: no request is sent, and every file is found."""
    path, shots = restored(version, tmp_path), batch(tmp_path, hook)
    async with Emulator() as emulator:
        options: dict[str, Any] = {"journal": path, "output_dir": tmp_path / "clips"}
        for _ in range(2):
            async with Session(emulator.api_key, base_url=emulator.base_url, **options) as runway:
                handles = [handle async for handle in runway.map(shots)]
                found = [asset.path for handle in handles for asset in await handle if asset.path]
            assert {file.parent for file in found} == {tmp_path / "clips"}
            assert len(set(found)) == len(shots)
    assert not emulator.requests


@pytest.mark.parametrize("version", [1, 2])
async def test_one_more_of_a_batch_is_bought(tmp_path: Path, version: int) -> None:
    """A third submission of equal content is new, and so is another request; the known ones are not."""
    path, shots = restored(version, tmp_path), batch(tmp_path, HOOK)
    more = [*shots, shots[5], ImageToVideo(prompt_image=CAT, prompt_text="new")]
    async with Emulator(seed=7) as emulator:  # the ids in the sample are those of the default one
        async with Session(
            emulator.api_key, base_url=emulator.base_url, journal=path, output_dir=tmp_path / "clips"
        ) as runway:
            assert [handle.exception() async for handle in runway.map(more)] == [None] * len(more)
    assert emulator.creates.accepted == 2


def test_a_journal_of_an_earlier_version_is_read_as_it_lies(tmp_path: Path) -> None:
    """To read it changes nothing."""
    path = restored(2, tmp_path)
    before = path.read_bytes()
    assert len(Journal.read(path)) == 8
    assert path.read_bytes() == before


@pytest.mark.parametrize("ends", ["resubmit", "resolve"])
async def test_a_doubt_of_an_earlier_version_is_ended_by_its_new_name(tmp_path: Path, ends: str) -> None:
    """What is recorded stands under the key that the earlier version gave, by whichever name it is called."""
    path = restored(2, tmp_path)
    async with Journal(path):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        [(name, key)] = database.execute("SELECT name, key FROM alias LIMIT 1").fetchall()
        database.execute("UPDATE submission SET state = 'in_doubt', task_id = NULL WHERE key = ?", (key,))
    async with Emulator() as emulator:
        async with Session(emulator.api_key, base_url=emulator.base_url, journal=path, output_dir=tmp_path) as runway:
            if ends == "resubmit":
                await (await runway.resubmit(name))
            else:
                await runway.resolve(name, task_id="t1")
                runway.stop_submitting()
                assert [entry.task_id for entry in Journal.read(path) if entry.key == key] == ["t1"]
                return
    [entry] = [entry for entry in Journal.read(path) if entry.key == key]
    assert entry.task_id in emulator.tasks
