"""The lock of the process that writes a journal. It ends with its process."""

import logging
import os
import sys
import time
from pathlib import Path
from typing import BinaryIO

from cometrunway import _file_locks
from cometrunway.errors import JournalError, JournalInUseError

_logger = logging.getLogger(__name__)
_LONGEST_PID = 20
_TRIES, _BETWEEN_TRIES = 20, 0.01


def locked(path: Path) -> BinaryIO:
    """Take the lock of the journal at `path`, and write this process's id into its file.

    On a file system without locks the journal is used without one; this is logged once.

    Raises:
        JournalInUseError: another session uses the journal.
        JournalError: the lock file cannot be written.
    """
    name = _lock_of(path)
    if _file_locks.is_record_locked(name):
        raise JournalInUseError(f"the journal {path} is in use by {_described(os.getpid())}")
    try:
        lock = name.open("a+b")
        is_taken = _take_patiently(lock)
    except _file_locks.LocksUnsupportedError:
        is_taken = True
        _logger.warning("%s is on a file system without locks: make sure that one process writes it at a time", path)
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be written: {error.strerror}: {name}") from error
    if not is_taken:
        pid = _pid_in(lock)
        lock.close()
        raise JournalInUseError(f"the journal {path} is in use by {_described(pid)}")
    try:
        _sign(lock, name)
    except OSError as error:
        _file_locks.release(lock)
        raise JournalError(f"the journal {path} cannot be written: {error.strerror}: {name}") from error
    except JournalError:
        _file_locks.release(lock)
        raise
    return lock


def _sign(lock: BinaryIO, name: Path) -> None:
    """Write this process's id into the lock file."""
    lock.seek(0)
    if lock.read(_LONGEST_PID).strip(b"0123456789"):
        raise JournalError(f"{name} exists and is not the lock of a journal; choose another name for the journal")
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())
    lock.flush()


def holder(path: Path) -> int | None:
    """Return the pid of the process that has the lock; None if none has it, or if there are no locks."""
    if _file_locks.is_record_locked(_lock_of(path)):
        return os.getpid()
    try:
        with _file_locks.closing(_opened(_lock_of(path))) as lock:
            return None if _file_locks.take(lock) else _pid_in(lock)
    except OSError:
        return None


def _opened(name: Path) -> BinaryIO:
    try:
        return name.open("r+b")  # a record lock needs a writable file
    except PermissionError:
        return name.open("rb")


def _lock_of(path: Path) -> Path:
    path = path.resolve()  # a journal behind several links is one journal
    return path.with_name(f"{path.name}.lock")


def _pid_in(lock: BinaryIO) -> int:
    lock.seek(0)
    written = lock.read(_LONGEST_PID)
    return int(written) if written.isdigit() else 0


def _described(pid: int) -> str:
    if pid == os.getpid():
        return f"another Session of this process (pid {pid}); close that one first, or use another journal"
    if lives(pid):
        return (
            f"another process (pid {pid}); one writes at a time: wait for it to end, as with Session(journal_wait=30), "
            "or give this run a journal of its own"
        )
    return f"a process that is gone (pid {pid}): one of its child processes still has the lock; end that one"


def lives(pid: int) -> bool:
    """Whether there is a process with this id on this machine; of some systems that is not known, and then it is."""
    if sys.platform == "win32":
        return True  # there, a lock is never inherited
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is alive, and belongs to another user
        return True
    return True


def _take_patiently(lock: BinaryIO) -> bool:
    # A process that checks who has the lock takes it for a moment.
    for _ in range(_TRIES):
        if _file_locks.take(lock):
            return True
        time.sleep(_BETWEEN_TRIES)
    return False
