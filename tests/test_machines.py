"""Machines as they are: file systems without locks or folder syncs, few descriptors, full disks."""

import asyncio
import contextlib
import errno
import fcntl
import json
import logging
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Event, EventKind, Journal, JournalError, Session, State
from cometrunway._delivery._part_file import open_part
from cometrunway.emulator import Emulator
from tests.samples import yawn
from tests.served import COMMAND
from tests.test_file_locks import refuses


async def run(folder: Path, count: int = 3) -> list[Path]:
    """Run a batch with a journal; return its files."""
    async with Emulator() as emulator:
        options: dict[str, Any] = {"journal": folder / "shots.db", "output_dir": folder / "out"}
        async with Session(emulator.api_key, base_url=emulator.base_url, **options) as runway:
            handles = [handle async for handle in runway.map(yawn(number) for number in range(count))]
            return sorted([asset.path for handle in handles for asset in await handle if asset.path])


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
@pytest.mark.parametrize("also_records", [False, True])
async def test_a_file_system_without_locks_is_used_without(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: int,
    *,
    also_records: bool,
) -> None:
    """Where flock does not work a record lock is tried; where neither does, that is said once for each folder."""
    monkeypatch.setattr(fcntl, "flock", refuses(number))
    if also_records:
        monkeypatch.setattr(fcntl, "lockf", refuses(number))
    with caplog.at_level(logging.WARNING, "cometrunway"):
        assert len({path for path in await run(tmp_path) if path.exists()}) == 3
    assert caplog.text.count("without locks") == (2 if also_records else 0)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EACCES, errno.EBADF, errno.ENOTSUP])
@pytest.mark.parametrize("call", ["fsync", "open"])
async def test_a_folder_that_cannot_be_synced_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    """Files are whole and named all the same, and the next run finds them without a request."""
    real: Callable[..., Any] = getattr(os, call)

    def fail_for_folders(target: Any, *arguments: Any, **options: Any) -> Any:
        is_folder = Path(target if call == "open" else f"/dev/fd/{target}").is_dir()
        if is_folder and (call == "fsync" or arguments == (os.O_RDONLY,)):
            raise OSError(number, os.strerror(number))
        return real(target, *arguments, **options)

    monkeypatch.setattr(os, call, fail_for_folders)
    files = await run(tmp_path)
    assert all(path.exists() for path in files)
    assert await run(tmp_path) == files


def test_few_descriptors_are_enough(tmp_path: Path) -> None:
    """With 64 descriptors, 150 shots against a server in the same process are all delivered."""
    shots = [
        {"key": str(number), "route": "video_upscale", "videoUri": f"https://example.com/{number}.mp4"}
        for number in range(150)
    ]
    (tmp_path / "shots.jsonl").write_text("\n".join(map(json.dumps, shots)))
    ended = subprocess.run(
        [*COMMAND, "run", "shots.jsonl", "--emulator", "--journal", "shots.db"],
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert len(list((tmp_path / "outputs").iterdir())) == 150


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)],  # noqa: S607 - where the system has it
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 - as above


async def test_a_disk_that_fills_up_loses_no_id(small_disk: Path, tmp_path: Path) -> None:
    """Shots are submitted until the journal's disk is full; every accepted id is recorded once there is room."""
    filler = small_disk / "filler"
    filler.write_bytes(bytes(2 * 1024**2))
    path = small_disk / "shots.db"
    async with Emulator() as emulator:
        options: dict[str, Any] = {"journal": path, "output_dir": tmp_path / "out"}
        async with Session(emulator.api_key, base_url=emulator.base_url, **options) as runway:
            with pytest.raises(JournalError, match=r"full|disk I/O"):
                async for _ in runway.map(yawn(number, "x" * 900) for number in range(3000)):
                    pass
            filler.unlink()
        recorded = [entry.task_id for entry in Journal.read(path) if entry.task_id]
        assert sorted(recorded) == sorted(emulator.tasks)
        assert emulator.creates.accepted > 100


@pytest.mark.parametrize("has_journal_there", [False, True])
async def test_a_disk_that_fills_stops_the_submitting_until_there_is_room(
    small_disk: Path, tmp_path: Path, *, has_journal_there: bool
) -> None:
    """It is said once; what is paid for waits for room, and then the batch goes on to its end and bought each once."""
    filler = small_disk / "filler"
    path = (small_disk if has_journal_there else tmp_path) / "shots.db"
    accepted: list[int] = []
    full: list[Event] = []

    async with Emulator(duration=5) as emulator:

        def make_room() -> None:
            accepted.append(emulator.creates.accepted)
            filler.unlink()

        def on_event(event: Event) -> None:
            if event.kind is EventKind.DISK_FULL:
                full.append(event)
                accepted.append(emulator.creates.accepted)
                asyncio.get_running_loop().call_later(600, make_room)

        options: dict[str, Any] = {"journal": path, "output_dir": small_disk / "out", "max_in_flight": 2}
        async with Session(emulator.api_key, base_url=emulator.base_url, on_event=on_event, **options) as runway:
            filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - 500_000))
            handles = await runway.map([yawn(number) for number in range(8)])
        assert [handle.exception() for handle in handles] == [None] * 8
        assert len(full) == 1
        at_first, at_last = accepted
        assert at_first <= at_last <= 4
        assert emulator.creates.accepted == 8
    assert len(list((small_disk / "out").iterdir())) == 8
    assert {entry.state for entry in Journal.read(path)} == {State.DELIVERED}


async def test_a_full_disk_is_found_out_first(small_disk: Path) -> None:
    """An output folder without space is an error before anything is sent."""
    (small_disk / "filler").write_bytes(bytes(3 * 1024**2 - 8192))
    async with Emulator() as emulator:
        with pytest.raises(ValueError, match="space"):
            await Session(emulator.api_key, base_url=emulator.base_url, output_dir=small_disk / "out").__aenter__()
    assert not emulator.requests


async def test_a_checkpoint_that_was_cut_short_damages_nothing(small_disk: Path, tmp_path: Path) -> None:
    """A session that is left on a full disk leaves a journal that is read, and opened, with all its ids."""
    path = small_disk / "shots.db"
    async with Emulator(duration=1000) as emulator:
        with pytest.raises(KeyError):
            async with Session(
                emulator.api_key, base_url=emulator.base_url, journal=path, output_dir=tmp_path
            ) as runway:
                for number in range(80):
                    await runway.submit(yawn(number, "x" * 900), key=str(number))
                with (small_disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
                    while filler.write(bytes(4096)):
                        pass
                raise KeyError
        (small_disk / "filler").unlink()
        assert {entry.task_id for entry in Journal.read(path)} == set(emulator.tasks)
    async with Journal(path) as journal:
        assert len([entry async for entry in journal.entries()]) == 80


async def test_a_lock_that_cannot_be_written_is_let_go(small_disk: Path) -> None:
    """A full disk is an error of the journal, and none any more once there is room."""
    with (small_disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while filler.write(bytes(4096)):
            pass
    with pytest.raises(JournalError, match="space"):
        await Journal(small_disk / "shots.db").__aenter__()
    (small_disk / "filler").unlink()
    async with Journal(small_disk / "shots.db"):
        pass


def test_a_forked_child_keeps_its_own_files(tmp_path: Path) -> None:
    """What a child opens gets no bytes of a download that was under way when it was forked."""
    part = open_part(tmp_path, "clip")
    part.write([b"of the parent"])
    child = os.fork()
    if not child:
        handle = os.open(tmp_path / "child", os.O_WRONLY | os.O_CREAT)
        os.write(handle, b"of the child")
        part.file.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert (tmp_path / "child").read_bytes() == b"of the child"
    part.discard()
