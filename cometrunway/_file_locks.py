"""Exclusive locks on open files. A lock ends with its process, and forked children do not share it."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TypeVar

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_F = TypeVar("_F", bound=IO[bytes])
_BEYOND = 1 << 30
"""The byte that is locked on Windows, where locks are mandatory: beyond what is read."""
_UNSUPPORTED = frozenset({errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL})
_HELD_ELSEWHERE = frozenset({errno.EAGAIN, errno.EACCES, errno.EDEADLK})

_files: dict[int, IO[bytes]] = {}
"""What this process has locked, by descriptor."""
_record_locked: dict[int, tuple[int, int]] = {}
"""Which of them by a record lock, which does not exclude others of the same process; with device and inode."""


class LocksUnsupportedError(OSError):
    """The file system has no locks, as some network file systems."""


def take(file: IO[bytes]) -> bool:
    """Lock an open file without waiting; False if it is locked already, in this process or another.

    Raises:
        LocksUnsupportedError: neither kind of lock works on this file system.
        OSError: the file cannot be locked for another reason.
    """
    try:
        _lock(file)
    except LocksUnsupportedError:
        raise
    except OSError as error:
        if error.errno in _HELD_ELSEWHERE:
            return False
        raise
    _files[file.fileno()] = file
    return True


def release(file: IO[bytes]) -> None:
    """Close a file, which ends its lock."""
    if not file.closed:
        _files.pop(file.fileno(), None)
        _record_locked.pop(file.fileno(), None)
    with suppress(OSError):  # what is buffered may not fit on a full disk
        file.close()


def is_record_locked(path: Path) -> bool:
    """Whether this process has a record lock on a file: to open and close it once more would end the lock."""
    try:
        status = path.stat()
    except OSError:
        return False
    return (status.st_dev, status.st_ino) in _record_locked.values()


@contextmanager
def closing(file: _F) -> Iterator[_F]:
    """Release the file when the block ends."""
    try:
        yield file
    finally:
        release(file)


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        file.seek(_BEYOND)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        _record_lock(file)


def _record_lock(file: IO[bytes]) -> None:
    """Lock by record: some network file systems know only this kind."""
    if sys.platform == "win32":
        return
    status = os.fstat(file.fileno())
    identity = (status.st_dev, status.st_ino)
    if identity in _record_locked.values():
        raise BlockingIOError(errno.EAGAIN, "locked by this process")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            raise LocksUnsupportedError(error.errno, error.strerror) from error
        raise
    _record_locked[file.fileno()] = identity


def _close_in_child() -> None:
    # A descriptor that a forked child keeps open keeps the lock, also after the parent has ended. Its number stays
    # taken, so that the child's copy of the file object closes nothing of the child's own.
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in _files:
            os.dup2(nowhere, descriptor, inheritable=False)
        os.close(nowhere)
    _files.clear()
    _record_locked.clear()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_close_in_child)
