"""An incomplete file: `NAME.part`. It is locked while it is written, made durable, and then renamed."""

import errno
import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from io import BufferedRandom
from itertools import count
from pathlib import Path

from attrs import define, field

from cometrunway import _file_locks
from cometrunway._delivery._open_folder import OpenFolder
from cometrunway._delivery._stated_digests import Stated, new_digest
from cometrunway._tasks import Asset

_TAKEN = frozenset({errno.EAGAIN, errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENXIO})
"""The errors of opening a part file if another file has its name, or another process writes it."""

_OPEN_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0)
_NOT_BLOCKING = getattr(os, "O_NONBLOCK", 0)
"""With it, opening a pipe returns at once."""


@define(kw_only=True)
class Origin:
    """What the first answer of a host says about a file."""

    validator: str | None = None
    """Its strong ETag, or its strong date. Without either, an interrupted download starts again."""
    length: int | None = None
    """Its number of bytes, as they are sent."""
    stated: Stated = frozenset()
    """Its digests."""


@define(kw_only=True, eq=False, repr=False)
class PartFile:
    """An incomplete file: the bytes on disk, and the digests of exactly these bytes."""

    folder: OpenFolder
    name: str
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
        """Close the file and remove the name of the part file, unless that is another file's now. May be repeated."""
        if self.file.closed:
            return
        with suppress(OSError):
            if self.folder.is_at(self.name, os.fstat(self.file.fileno())):
                self.folder.unlink(self.name)
        with suppress(OSError):  # closing may write to a full disk
            _file_locks.release(self.file)
        self.folder.close()


def open_part(root: Path, name: str) -> PartFile:
    """Open `root / name.part`, or another name if that is taken. Make the folders that are missing.

    A `/` in the name separates folders. They must not be links; the root may be one.
    """
    *folders, stem = name.split("/")
    folder = OpenFolder.below(root, *folders)
    try:
        for part in alternatives(f"{stem}.part"):
            _drop_if_named(folder, part)
            file = _locked(folder, part)
            if file is not None:
                return PartFile(folder=folder, name=part, file=file)
    except BaseException:
        folder.close()
        raise
    raise AssertionError("the alternatives are endless")


def give_name(part: PartFile, name: str) -> str:
    """Make the file durable and name it `name`, or `name-2` and so on if that exists. Close it, and return the name.

    Raises:
        OSError: another program has replaced the part file.
    """
    part.file.flush()
    os.fsync(part.file.fileno())
    for named in alternatives(name):
        if _linked(part, named) or _is_same(part, named):
            part.folder.sync()
            part.discard()
            return named
    raise AssertionError("the alternatives are endless")


def is_intact(asset: Asset) -> bool:
    """Whether a file exists and has its recorded content. Reads the file: call it in a thread."""
    return asset.path is not None and _has_digest(asset.path, os.open, asset.size, asset.sha256)


def _drop_if_named(folder: OpenFolder, part: str) -> None:
    """Remove a part file that is another link to a finished file, because a process died after the rename."""
    try:
        status = folder.status(part)
    except FileNotFoundError:
        return
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        named = (name for name in folder.names() if name != part and name.startswith(part.removesuffix(".part")))
        if any(folder.is_at(name, status) for name in named):
            folder.unlink(part)


def alternatives(name: str) -> Iterator[str]:
    """Yield the name of a file, and then endless alternatives for the case that the name is taken.

    Names are no paths here. A path interns its parts, and the table of interned strings, of 2 MB, is made anew after
    so many names: each thread that did so would keep the memory of a table.
    """
    yield name
    stem, extension = os.path.splitext(name)  # noqa: PTH122 - a path interns its parts
    for number in count(2):
        yield f"{stem}-{number}{extension}"


def _locked(folder: OpenFolder, name: str) -> BufferedRandom | None:
    """Open an empty part file that no other process writes: a new one, or one that a dead process has left."""
    try:
        handle, is_new = _opened(folder, name)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        return None
    with ExitStack() as undo:
        undo.callback(os.close, handle)
        if not (_is_ours_alone(handle) and (is_new or _is_of_this_user(handle))):
            return None
        file = os.fdopen(handle, "r+b")
        undo.pop_all()
        undo.callback(_file_locks.release, file)
        if not (_lock(file, is_new=is_new) and folder.is_at(name, os.fstat(handle))):
            return None  # another process writes it, or has just renamed it
        file.truncate()
        undo.pop_all()
        return file


def _lock(file: BufferedRandom, *, is_new: bool) -> bool:
    """Lock a file; return whether it has no other writer. Without locks, only a new file is certain to have none."""
    try:
        return _file_locks.take(file)
    except _file_locks.LocksUnsupportedError:
        return is_new


def _opened(folder: OpenFolder, name: str) -> tuple[int, bool]:
    """Return a descriptor, and whether the file is new."""
    try:
        return folder.open(name, _OPEN_FLAGS | os.O_CREAT | os.O_EXCL), True
    except FileExistsError:
        if sys.platform == "win32":
            raise
        return folder.open(name, _OPEN_FLAGS), False


def _is_ours_alone(handle: int) -> bool:
    status = os.fstat(handle)
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _is_of_this_user(handle: int) -> bool:
    """Whether no other user has made a file, who could change it after it was verified."""
    return sys.platform == "win32" or os.fstat(handle).st_uid == os.geteuid()


def _linked(part: PartFile, name: str) -> bool:
    """Give the file its name atomically. Return False if the name is taken."""
    folder = part.folder
    try:
        folder.link(part.name, name)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        with suppress(FileNotFoundError):
            folder.status(name)
            return False
        folder.rename(part.name, name)
    if not folder.is_at(name, os.fstat(part.file.fileno())):
        folder.unlink(name)
        raise OSError(errno.ESTALE, f"another program has replaced {part.name}")
    return True


def _is_same(part: PartFile, name: str) -> bool:
    """Whether a file of this name, and no link, has the same content."""
    return _has_digest(name, part.folder.open, part.size, part.sha256)


def _has_digest(path: str | Path, opened: Callable[[str, int], int], size: int | None, sha256: str | None) -> bool:
    try:
        with open(path, "rb", opener=lambda name, flags: opened(name, flags | _NOT_BLOCKING)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size != size:
                return False
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False
