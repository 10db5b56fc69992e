"""Locks on open files: one holder at a time, whatever kind of lock the file system has."""

import asyncio
import errno
import fcntl
import io
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from cometrunway import Journal, JournalError
from cometrunway._file_locks import LocksUnsupportedError, closing, is_record_locked, release, take


def refuses(number: int) -> Callable[..., None]:
    """Return a system call that fails."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.fixture(params=["flock", "record"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each kind of lock; a record lock is taken where the file system has no other."""
    if request.param == "record":
        monkeypatch.setattr(fcntl, "flock", refuses(errno.ENOSYS))
    return str(request.param)


def test_a_lock_has_one_holder(tmp_path: Path, kind: str) -> None:
    """Whoever opens the file a second time, in this process too, does not get it until it is released."""
    path = tmp_path / "lock"
    with closing(path.open("a+b")) as first, path.open("a+b") as second:
        assert take(first)
        assert not take(second)
        assert is_record_locked(path) is (kind == "record")
    assert first.closed
    assert not is_record_locked(path)
    with closing(path.open("a+b")) as third:
        assert take(third)


class _OnFullDisk(io.BufferedRandom):
    """A file whose buffered bytes do not fit on the disk."""

    def close(self) -> None:
        if not self.closed:
            super().close()
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_keeps_no_lock(tmp_path: Path) -> None:
    """The file is closed, and to release it once more does nothing."""
    path = tmp_path / "lock"
    path.touch()
    file = _OnFullDisk(io.FileIO(path, "r+"))
    assert take(file)
    release(file)
    release(file)
    with closing(path.open("a+b")) as again:
        assert take(again)


def test_a_file_system_without_any_lock_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a lock that is held, and from any other error, which is raised as it is."""
    with (tmp_path / "lock").open("a+b") as file:
        monkeypatch.setattr(fcntl, "flock", refuses(errno.EIO))
        with pytest.raises(OSError, match="Input/output error") as failed:
            take(file)
        assert not isinstance(failed.value, LocksUnsupportedError)
        monkeypatch.setattr(fcntl, "flock", refuses(errno.EOPNOTSUPP))
        monkeypatch.setattr(fcntl, "lockf", refuses(errno.ENOLCK))
        with pytest.raises(LocksUnsupportedError):
            take(file)
        for held in (errno.EAGAIN, errno.EACCES):
            monkeypatch.setattr(fcntl, "lockf", refuses(held))
            assert not take(file)
    assert not is_record_locked(tmp_path / "lock")
    assert not is_record_locked(tmp_path / "gone")


async def test_a_record_lock_keeps_others_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another session of this process is told so, and so is another process; the query affects no session."""
    monkeypatch.setattr(fcntl, "flock", refuses(errno.ENOSYS))
    path = tmp_path / "shots.db"
    async with Journal(path):
        with pytest.raises(JournalError, match="this process"):
            await Journal(path).__aenter__()
        assert Journal.holder(path) == os.getpid()
        code = (
            "import asyncio, errno, fcntl, sys; from cometrunway import Journal\n"
            "def fail(*_): raise OSError(errno.ENOSYS, 'no')\n"
            "fcntl.flock = fail\n"
            "asyncio.run(Journal(sys.argv[1]).__aenter__())"
        )
        other = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
        )
        assert f"another process (pid {os.getpid()})" in other.stderr
    async with Journal(path):
        pass


def nothing(_: int) -> int:
    """Be some work in another process."""
    return os.getpid()


def test_forked_children_do_not_keep_the_lock(tmp_path: Path) -> None:
    """A pool of processes that was forked while the journal was open does not prevent opening it afterwards."""
    path = tmp_path / "shots.db"
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:

        async def fork() -> None:
            async with Journal(path):
                list(pool.map(nothing, range(2)))
            async with Journal(path):
                with pytest.raises(JournalError, match="another Session of this process"):
                    await Journal(path).__aenter__()

        asyncio.run(fork())


def test_children_of_a_killed_process_do_not_keep_the_lock(tmp_path: Path) -> None:
    """A session that is killed with forked children alive leaves a journal that opens at once."""
    code = (
        "import asyncio, multiprocessing, os, signal, sys; from cometrunway import Journal\n"
        "async def main():\n"
        "    await Journal(sys.argv[1]).__aenter__()\n"
        "    child = multiprocessing.get_context('fork').Process(target=signal.pause)\n"
        "    child.start()\n"
        "    print(child.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "shots.db")], stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    child = int(killed.stdout.readline())
    try:
        killed.wait()

        async def reopen() -> None:
            async with Journal(tmp_path / "shots.db"):
                pass

        asyncio.run(reopen())
    finally:
        os.kill(child, signal.SIGKILL)
        killed.stdout.close()
