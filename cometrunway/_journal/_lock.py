"""The lock that says which process writes a journal; it ends with its process."""

import os
import sys
import time
from pathlib import Path
from typing import BinaryIO

from cometrunway.errors import JournalError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_LONGEST_PID = 20
_TRIES, _BETWEEN_TRIES = 20, 0.01


def locked(path: Path) -> BinaryIO:
    """Take the lock that says who writes; the kernel drops it when its process dies, however that happens."""
    name = _lock_of(path)
    try:
        name.parent.mkdir(parents=True, exist_ok=True)
        lock = name.open("a+b")
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be written: {error.strerror}: {error.filename}") from error
    if not _take_patiently(lock):
        pid = _pid_in(lock)
        lock.close()
        raise JournalError(
            f"the journal {path} is in use by another process (pid {pid}); one writes at a time: wait for it to "
            "end, or give this run a journal of its own"
        )
    lock.seek(0)
    if lock.read(_LONGEST_PID).strip(b"0123456789"):
        lock.close()
        raise JournalError(f"{name} is in the way: a file of others has the name of the journal's lock; choose another")
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())
    lock.flush()
    return lock


def holder(path: Path) -> int | None:
    """Return the pid of the process that holds the lock; None if nobody does."""
    try:
        with _lock_of(path).open("rb") as lock:
            return None if _take(lock) else _pid_in(lock)
    except OSError:
        return None


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _pid_in(lock: BinaryIO) -> int:
    lock.seek(0)
    written = lock.read(_LONGEST_PID)
    return int(written) if written.isdigit() else 0


def _take(lock: BinaryIO) -> bool:
    try:
        _lock(lock)
    except OSError:
        return False
    return True


def _take_patiently(lock: BinaryIO) -> bool:
    # A process that asks for the holder has the lock for a moment.
    for _ in range(_TRIES):
        if _take(lock):
            return True
        time.sleep(_BETWEEN_TRIES)
    return False


def _lock(lock: BinaryIO) -> None:
    if sys.platform == "win32":
        lock.seek(1 << 30)  # beyond what is read, for locks are mandatory there
        msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
