"""An open folder. Files are found in the folder itself, also if its path leads to another folder in the meantime."""

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

from attrs import frozen

_TAKES_DESCRIPTORS = sys.platform != "win32"
"""Whether the functions of the system take a descriptor of a folder."""
_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_PATH", 0)
_NOT_THROUGH_LINKS = getattr(os, "O_NOFOLLOW", 0)


@frozen(kw_only=True, eq=False, repr=False)
class OpenFolder:
    """A folder, and its descriptor. No name that is given to its methods is followed if it is a link.

    Every method may raise `OSError`. On Windows there is no descriptor, and the path is used instead.
    """

    path: Path
    descriptor: int | None = None

    @classmethod
    def below(cls, root: Path, *names: str) -> Self:
        """Open a folder at so many names below a root. Make what is missing. Only the root may be a link.

        Raises:
            NotADirectoryError: one of the names is a link or a file.
        """
        root.mkdir(parents=True, exist_ok=True)
        path = root.joinpath(*names)
        if not _TAKES_DESCRIPTORS:
            path.mkdir(parents=True, exist_ok=True)
            return cls(path=path)
        descriptor = os.open(root, _FLAGS)
        for name in names:
            outer = descriptor
            try:
                descriptor = _opened_within(outer, name)
            finally:
                os.close(outer)
        return cls(path=path, descriptor=descriptor)

    def open(self, name: str, flags: int, mode: int = 0o666) -> int:
        """Return a descriptor of a file."""
        return os.open(self._at(name), flags | _NOT_THROUGH_LINKS, mode, dir_fd=self.descriptor)

    def status(self, name: str) -> os.stat_result:
        """Return the status of a file, or of a link."""
        return os.stat(self._at(name), dir_fd=self.descriptor, follow_symlinks=False)

    def is_at(self, name: str, file: os.stat_result) -> bool:
        """Whether a name is that of a file with this status."""
        try:
            return os.path.samestat(self.status(name), file)
        except FileNotFoundError:
            return False

    def names(self) -> list[str]:
        """Return the names of all files."""
        if self.descriptor is None:
            return [path.name for path in self.path.iterdir()]
        handle = os.open(".", os.O_RDONLY, dir_fd=self.descriptor)
        try:
            return os.listdir(handle)  # noqa: PTH208 - a path cannot be a descriptor
        finally:
            os.close(handle)

    def link(self, name: str, new: str) -> None:
        """Give a file a further name, which must be free."""
        if self.descriptor is None:
            os.link(self._at(name), self._at(new))
        else:
            os.link(name, new, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor, follow_symlinks=False)

    def rename(self, name: str, new: str) -> None:
        """Give a file another name."""
        os.rename(self._at(name), self._at(new), src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def unlink(self, name: str) -> None:
        """Remove a name."""
        os.unlink(self._at(name), dir_fd=self.descriptor)

    def sync(self) -> None:
        """Make the names durable, if the file system supports this. Some network file systems do not."""
        if self.descriptor is None:
            return
        with suppress(OSError):
            handle = os.open(".", os.O_RDONLY, dir_fd=self.descriptor)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def close(self) -> None:
        """Close the descriptor. Call it once."""
        if self.descriptor is not None:
            os.close(self.descriptor)

    def _at(self, name: str) -> str | Path:
        return self.path / name if self.descriptor is None else name


def _opened_within(outer: int, name: str) -> int:
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=outer)
    try:
        return os.open(name, _FLAGS | _NOT_THROUGH_LINKS, dir_fd=outer)
    except OSError as error:
        if stat.S_ISLNK(os.stat(name, dir_fd=outer, follow_symlinks=False).st_mode):
            reason = f"{name} is a link, and files are not written through links; put a folder in its place"
            raise NotADirectoryError(errno.ENOTDIR, reason) from error
        raise
