"""The lock of a journal: who has it, and what is said to those who do not."""

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cometrunway import _file_locks
from cometrunway._journal import _lock
from cometrunway._journal._lock import holder, lives, locked
from cometrunway.errors import JournalError, JournalInUseError


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Return the path of a journal, of which the lock needs no more."""
    return tmp_path / "shots.db"


def ended_process() -> int:
    """Return the pid of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_lock_has_one_holder(journal: Path) -> None:
    """While it is taken, its process is known; after that, none is."""
    lock = locked(journal)
    assert holder(journal) == os.getpid()
    with pytest.raises(JournalInUseError, match=rf"shots\.db is in use by another Session .*\(pid {os.getpid()}\)"):
        locked(journal)
    _file_locks.release(lock)
    assert holder(journal) is None
    _file_locks.release(locked(journal))


@pytest.mark.parametrize(
    ("is_alive", "said"),
    [
        (True, r"another process \(pid \d+\); one writes at a time"),
        (False, r"a process that is gone .*child processes"),
    ],
)
def test_the_error_says_whose_lock_it_is(journal: Path, is_alive: bool, said: str) -> None:
    """A process that is gone may have left the lock to a child of its own."""
    lock = locked(journal)
    pid = os.getppid() if is_alive else ended_process()
    (journal.parent / "shots.db.lock").write_text(str(pid))
    with pytest.raises(JournalInUseError, match=said):
        locked(journal)
    _file_locks.release(lock)


def test_which_processes_live() -> None:
    """This one does, and one that has ended does not."""
    assert lives(os.getpid()) is True
    assert lives(ended_process()) is False


def test_a_file_of_another_kind_is_no_lock(journal: Path) -> None:
    """It is left as it is, and is not locked."""
    other = journal.parent / "shots.db.lock"
    other.write_text("my notes")
    with pytest.raises(JournalError, match=r"shots\.db\.lock exists and is not the lock of a journal"):
        locked(journal)
    assert other.read_text() == "my notes"
    assert holder(journal) is None


def test_a_file_system_without_locks_is_told(
    journal: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The journal works there, and a warning names it."""

    def unsupported(_: object) -> bool:
        raise _file_locks.LocksUnsupportedError

    monkeypatch.setattr(_file_locks, "take", unsupported)
    with caplog.at_level(logging.WARNING):
        _file_locks.release(locked(journal))
    assert caplog.messages == [
        f"{journal} is on a file system without locks: make sure that one process writes it at a time"
    ]


def test_a_lock_file_that_cannot_be_written_is_named(journal: Path) -> None:
    """With what the system says of it."""
    name = journal.parent / "shots.db.lock"
    name.mkdir()
    with pytest.raises(JournalError, match=rf"shots\.db cannot be written: .*: {name}$"):
        locked(journal)


def test_a_lock_that_cannot_be_signed_is_released(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk, of which the error tells; later the journal can be used."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as patched:
        patched.setattr(_lock, "_sign", full)
        with pytest.raises(JournalError, match=r"shots\.db cannot be written: no space left: .*shots\.db\.lock$"):
            locked(journal)
    _file_locks.release(locked(journal))
