"""An incomplete file: `NAME.part`. It is locked while it is written, made durable, and then renamed."""

import errno
import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import BufferedRandom
from itertools import count
from pathlib import Path, PurePath
from typing import TypeVar

from attrs import define, field

from cometrunway import _file_locks
from cometrunway._delivery._stated_digests import Stated, new_digest
from cometrunway._tasks import Asset

_TAKEN = frozenset({errno.EAGAIN, errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENXIO})
"""The errors of opening a part file if another file has its name, or another process writes it."""

_P = TypeVar("_P", bound=PurePath)
_OPEN_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0)


@define(kw_only=True)
class Origin:
    """What the first answer of a host says about a file."""

    validator: str | None = None
    """Its strong ETag, or its strong date. Without either, an interrupted download starts again."""
    length: int | None = None
    """Its number of bytes, as they are sent."""
    stated: Stated = frozenset()
    """Its digests."""


@define(kw_only=True)
class PartFile:
    """An incomplete file: the bytes on disk, and the digests of exactly these bytes."""

    path: Path
    file: BufferedRandom
    size: int = 0
    origin: Origin = field(factory=Origin)
    digests: "dict[str, hashlib._Hash]" = field(factory=lambda: {"sha256": new_digest("sha256")})

    @property
    def sha256(self) -> str:
        """The hex digest of the bytes on disk."""
        return self.digests["sha256"].hexdigest()

    def begin(self, origin: Origin) -> None:
        """Store the origin of the file, before its first byte."""
        self.origin = origin
        self.digests |= {name: new_digest(name) for name, _ in origin.stated}

    def range(self) -> dict[str, str]:
        """Return the headers that request the missing rest."""
        if self.size and self.origin.validator:
            return {"Range": f"bytes={self.size}-", "If-Range": self.origin.validator}
        return {}

    def write(self, chunks: Sequence[bytes]) -> None:
        """Append the chunks in one piece, because each switch between threads costs more than a copy."""
        block = b"".join(chunks)
        self.file.write(block)
        for digest in self.digests.values():
            digest.update(block)
        self.size += len(block)

    def restart(self) -> None:
        """Remove all bytes and the origin."""
        self.file.seek(0)
        self.file.truncate()
        self.size, self.origin, self.digests = 0, Origin(), {"sha256": new_digest("sha256")}

    def discard(self) -> None:
        """Remove the part file, unless it was renamed."""
        with suppress(OSError):
            if _is_at(self.path, self.file.fileno()):
                self.path.unlink()
        with suppress(OSError):  # closing may write to a full disk
            _file_locks.release(self.file)


def open_part(folder: Path, stem: str) -> PartFile:
    """Open `folder / stem.part`, or another name if that is taken. Make the folder if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in alternatives(folder / f"{stem}.part"):
        _drop_if_named(path)
        file = _locked(path)
        if file is not None:
            file.truncate()
            return PartFile(path=path, file=file)
    raise AssertionError("the alternatives are endless")


def give_name(part: PartFile, target: Path) -> Path:
    """Make the file durable and rename it to `target`, or to `target-2` and so on if that exists. Return the path."""
    part.file.flush()
    os.fsync(part.file.fileno())
    for path in alternatives(target):
        if _linked(part.path, path) or _has_digest(path, part.size, part.sha256):
            sync_folder(path.parent)
            return path
    raise AssertionError("the alternatives are endless")


def is_intact(asset: Asset) -> bool:
    """Whether a file exists and has its recorded content. Reads the file: call it in a thread."""
    return asset.path is not None and _has_digest(asset.path, asset.size, asset.sha256)


def _drop_if_named(part: Path) -> None:
    """Remove a part file that is another link to a finished file, because a process died after the rename."""
    try:
        status = part.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        named = (path for path in part.parent.iterdir() if path != part and path.name.startswith(part.stem))
        if any(os.path.samestat(path.lstat(), status) for path in named):
            part.unlink()


def alternatives(path: _P) -> Iterator[_P]:
    """Yield the name of a file, and then endless alternatives for the case that the name is taken."""
    yield path
    for number in count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def _locked(path: Path) -> BufferedRandom | None:
    """Open a part file that no other process writes: a new one, or one that a dead process has left.

    Without locks, only a new file is certain to have no other writer.
    """
    try:
        handle, is_new = _opened(path)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        return None
    if not _is_ours_alone(handle):
        os.close(handle)
        return None
    file = os.fdopen(handle, "r+b")
    try:
        is_ours = _file_locks.take(file)
    except _file_locks.LocksUnsupportedError:
        is_ours = is_new
    if is_ours and _is_at(path, handle):
        return file
    _file_locks.release(file)
    return None


def _opened(path: Path) -> tuple[int, bool]:
    """Return a descriptor, and whether the file is new."""
    try:
        return os.open(path, _OPEN_FLAGS | os.O_CREAT | os.O_EXCL, 0o666), True
    except FileExistsError:
        if sys.platform == "win32":
            raise
        return os.open(path, _OPEN_FLAGS | os.O_NOFOLLOW), False


def _is_ours_alone(handle: int) -> bool:
    status = os.fstat(handle)
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:  # another process has just renamed it
        return False


def _linked(part: Path, target: Path) -> bool:
    """Give the file its name atomically. Return False if the name is taken."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if target.exists():
            return False
        part.rename(target)
    return True


def _has_digest(path: Path, size: int | None, sha256: str | None) -> bool:
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_size == size and hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, if the file system supports this. Some network file systems do not."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
