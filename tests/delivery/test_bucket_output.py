"""Sessions that keep their files in a bucket."""

import asyncio
import hashlib
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from cometrunway import EventKind, Journal, PollPolicy, errors
from cometrunway.emulator import Emulator
from tests.samples import yawn
from tests.storages import Storage

FAST = PollPolicy(floor=0.02, ceiling=0.1)


@pytest.fixture
def anyio_backend() -> str:
    """The library's threads know nothing of virtual time."""
    return "asyncio"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of the test's own to temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
async def emulator() -> Any:
    """Return a quick emulator."""
    async with Emulator(duration=0.1, not_exist_seconds=0) as running:
        yield running


def _files(folder: Path) -> list[Path]:
    return [found for found in folder.rglob("*") if found.is_file()]


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def read(url: str) -> bytes:
    """Read a URL, as a browser does."""
    with await asyncio.to_thread(urllib.request.urlopen, url) as answer:
        content: bytes = answer.read()
    return content


async def test_files_go_to_the_bucket(
    session: Any, emulator: Emulator, bucket: str, storage: Storage, temporary: Path
) -> None:
    """Under the names that a folder would give them, verified, with a link; nothing stays on this disk."""
    async with session(emulator, output_dir=bucket, poll=FAST, template="{route}/{key}") as runway:
        [asset] = await (await runway.submit(yawn(), key="a shot"))
        assert not _files(temporary)
    assert not _entries(temporary)
    assert asset.location == f"{bucket}/image_to_video/a shot.mp4"
    assert asset.path is None
    content = storage.get(asset.location.removeprefix("s3://bucket/"))
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (asset.sha256, asset.size)
    assert asset.media_type == "video/mp4"
    assert await read(asset.link) == content
    assert "X-Amz" not in repr(asset)


async def test_a_later_session_finds_the_files(
    session: Any, emulator: Emulator, bucket: str, storage: Storage, tmp_path: Path
) -> None:
    """Nothing is bought or downloaded again; the link is fresh, and no link is in the journal."""
    options = {"output_dir": bucket, "poll": FAST, "journal": tmp_path / "j.db"}
    async with session(emulator, **options) as runway:
        [made] = await (await runway.submit(yawn(), key="shot"))
    assert b"X-Amz" not in (tmp_path / "j.db").read_bytes()
    async with session(emulator, **options) as runway:
        handle = await runway.find("shot")
        [found] = handle.result()
        [again] = await (await runway.submit(yawn(), key="shot"))
        [event] = [event async for event in runway.events("shot")]
        assert not await runway.resume()
    assert found == again == evolve(made, url=found.url)
    assert event.kind is EventKind.DOWNLOADED
    assert len(await read(found.link)) == made.size
    assert emulator.creates.accepted == 1
    prefix = bucket.removeprefix("s3://bucket/")
    found = [name.removeprefix(prefix) for name in storage.names() if name.startswith(prefix)]
    assert found == ["/.cometrunway", "/shot.mp4"]


async def test_a_file_that_is_gone_is_put_there_again(
    session: Any, emulator: Emulator, bucket: str, storage: Storage, tmp_path: Path
) -> None:
    """As long as the provider has it, and without a second create."""
    options = {"output_dir": bucket, "poll": FAST, "journal": tmp_path / "j.db"}
    async with session(emulator, **options) as runway:
        [made] = await (await runway.submit(yawn(), key="shot"))
    storage.client.delete_object(Bucket="bucket", Key=made.location.removeprefix("s3://bucket/"))
    async with session(emulator, **options) as runway:
        [again] = await (await runway.find("shot"))
    assert (again.location, again.sha256) == (made.location, made.sha256)
    assert emulator.creates.accepted == 1


async def test_a_journal_that_was_pruned_knows_its_bucket(
    session: Any, emulator: Emulator, bucket: str, tmp_path: Path
) -> None:
    """What is kept of a file is enough to find it there."""
    options = {"output_dir": bucket, "poll": FAST, "journal": tmp_path / "j.db"}
    async with session(emulator, **options) as runway:
        [made] = await (await runway.submit(yawn(), key="shot"))
    async with Journal(tmp_path / "j.db") as journal:
        await journal.prune(delivered_before=datetime.now(UTC))
    async with session(emulator, **options) as runway:
        handle = await runway.find("shot")
        assert handle.result()[0].location == made.location
    assert emulator.creates.accepted == 1


async def test_a_bucket_that_goes_away_leaves_the_task_owed(
    session: Any, emulator: Emulator, bucket: str, storage: Storage, tmp_path: Path
) -> None:
    """The error says why, and a later session puts the file there."""
    storage.make("fleeting")
    options = {"output_dir": bucket.replace("bucket", "fleeting"), "poll": FAST, "journal": tmp_path / "j.db"}
    async with session(emulator, **options) as runway:
        for name in storage.names("fleeting"):
            storage.client.delete_object(Bucket="fleeting", Key=name)
        storage.client.delete_bucket(Bucket="fleeting")
        with pytest.raises(errors.DownloadError, match="no bucket 'fleeting'") as caught:
            await (await runway.submit(yawn(), key="shot"))
    assert caught.value.token
    storage.make("fleeting")
    async with session(emulator, **options) as runway:
        [handle] = await runway.resume()
        [asset] = await handle
    assert asset.location.endswith("/shot.mp4")
    assert emulator.creates.accepted == 1


async def test_a_wrong_bucket_is_known_before_anything_is_paid(session: Any, emulator: Emulator, bucket: str) -> None:
    """The session does not open."""
    with pytest.raises(ValueError, match=r"output_dir s3://no-such-bucket.*make it"):
        await session(emulator, output_dir=bucket.replace("bucket", "no-such-bucket", 1)).__aenter__()
    assert not emulator.creates.received
