"""Journals that earlier versions wrote, in `samples/`: rerun, moved, and finished without a request."""

import base64
import hashlib
import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from cometrunway import ImageToVideo, Journal, ProGenerate, Session, Shot, TaskFailedError, VideoUpscale
from cometrunway._journal import _upgrade
from cometrunway._journal._check import problems_of
from cometrunway._journal._entry import State
from cometrunway._journal._reader import JournalReader
from cometrunway._journal._upgrade import upgrade
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
            assert asset["path"] == (f"{key}.mp4" if version > 2 else f"/home/you/project/clips/{key}.mp4")
            content = key.encode()
            (folder / "clips" / f"{key}.mp4").write_bytes(content)
            asset |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            database.execute("UPDATE submission SET assets = ? WHERE number = ?", (json.dumps([asset]), number))
    return path


@pytest.mark.parametrize("hook", [HOOK, "https://example.com/another"])
@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
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


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
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


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_a_journal_of_an_earlier_version_is_read_as_it_lies(tmp_path: Path, version: int) -> None:
    """To read it, count it, find in it and check it changes nothing."""
    path = restored(version, tmp_path)
    before = path.read_bytes()
    assert len(Journal.read(path)) == 8
    with JournalReader(path) as journal:
        assert journal.counts()[State.DELIVERED] == 8
        assert sum(journal.creates().values()) == 8
        assert journal.find("plain")
        assert journal.unverified(5) == (0, ())
    assert not problems_of(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("steps", range(4))
async def test_an_upgrade_that_is_cut_short_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, steps: int
) -> None:
    """Wherever a crash ends it, the journal can be read, and the next opening leaves it as a whole upgrade does."""
    (tmp_path / "whole").mkdir()
    whole, path = restored(version, tmp_path / "whole"), restored(version, tmp_path)
    monkeypatch.setattr(_upgrade, "_AT_ONCE", 2)
    async with Journal(whole):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as database, suppress(KeyboardInterrupt):
        left = steps

        def cut(statement: str) -> None:
            nonlocal left
            left -= statement == "COMMIT"
            if left < 0:
                raise KeyboardInterrupt

        upgrade(_Cut(database, cut))  # type: ignore[arg-type]  # a connection that ends
    assert len(Journal.read(path)) == 8
    async with Journal(path):
        pass
    assert dumped(path) == dumped(whole)


class _Cut:
    """A connection that is cut before some statement."""

    def __init__(self, database: sqlite3.Connection, before: Any) -> None:
        self._database, self._before = database, before

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement, if there is time for it."""
        if statement != "ROLLBACK":
            self._before(statement)
        return self._database.execute(statement, *values)


def dumped(path: Path) -> list[Any]:
    """Return all that an upgrade is about."""
    with closing(sqlite3.connect(path)) as database:
        tables = [database.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in ("submission", "alias")]  # noqa: S608 - see there
        schema = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' OR name = 'secret' ORDER BY 1"
        ).fetchall()
        return [*tables, schema, *database.execute("PRAGMA user_version")]


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
async def test_an_upgraded_journal_has_the_indexes_of_a_new_one(tmp_path: Path, version: int) -> None:
    """So that nothing is slower in it."""
    path = restored(version, tmp_path)
    for journal in (path, tmp_path / "new.db"):
        async with Journal(journal):
            pass
    assert dumped(path)[2] == dumped(tmp_path / "new.db")[2]


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
async def test_what_an_earlier_version_has_as_failed_is_not_bought_again(tmp_path: Path, version: int) -> None:
    """Also where it was cancelled, which these versions recorded as a failure: it stays one."""
    path, shots = restored(version, tmp_path), batch(tmp_path, HOOK)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        failure = json.dumps({"message": "cancelled on the server"})
        database.execute("UPDATE submission SET state = 'failed', assets = '[]', failure = ?", (failure,))
    async with Emulator() as emulator:
        async with Session(
            emulator.api_key, base_url=emulator.base_url, journal=path, output_dir=tmp_path / "clips"
        ) as runway:
            errors = [handle.exception() async for handle in runway.map(shots)]
    assert {type(error) for error in errors} == {TaskFailedError}
    assert {entry.state for entry in Journal.read(path)} == {State.FAILED}
    assert not emulator.requests


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


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
async def test_the_identities_of_an_older_journal_are_those_of_the_present_one(version: int, tmp_path: Path) -> None:
    """A reader, which does not upgrade it, knows the same submissions."""
    path = restored(version, tmp_path)
    with JournalReader(path) as before:
        known = list(before.fingerprints())
    async with Journal(path):
        pass
    with JournalReader(path) as after:
        assert list(after.fingerprints()) == known
    assert len(known) == len(batch(tmp_path, HOOK))
