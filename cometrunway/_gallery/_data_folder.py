"""The folder with the data of a large gallery, beside its page. Only folders that the gallery made are changed."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote

from attrs import frozen

from cometrunway import _file_locks
from cometrunway._gallery._errors import GalleryError

_MARK = "cometrunway-gallery.txt"
_BUILD = re.compile(r"[0-9a-f]{16}")
_FILE = re.compile(r"(shots|rows|texts)-[0-9]+\.js")


@frozen
class DataFolder:
    """The folder of a page: `gallery-data` of `gallery.html`.

    Each build of the page gets its own subfolder. An existing page therefore always finds its complete data, and never
    those of another build. Files that are not data of this page are never changed.
    """

    page: Path

    @property
    def path(self) -> Path:
        """The path of the folder, which may not exist yet."""
        return self.page.with_name(f"{self.page.stem}-data")

    def url_of(self, build: Path) -> str:
        """Return the URL of a build relative to the page."""
        return f"{quote(os.fsencode(self.path.name), safe='')}/{build.name}/"

    @contextmanager
    def new_build(self) -> Iterator[Path]:
        """Yield an empty folder for the data. At the end, other builds are removed; after an error, this build.

        Raises:
            GalleryError: another process makes the gallery, the folder is not from a gallery, or it cannot be written.
        """
        with self._locked():
            build = self.path / token_hex(8)
            try:
                build.mkdir()
                yield build
            except BaseException:
                shutil.rmtree(build, ignore_errors=True)
                raise
            self._remove_builds(but=build.name)

    def remove(self) -> None:
        """Remove the folder if a gallery made it and it is not in use, because the page contains all its data."""
        with suppress(OSError, GalleryError):
            if self._is_ours():
                with self._locked():
                    self._remove_builds()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock the folder while the block runs. Remove it afterwards if it has no build."""
        self._check()
        self.path.mkdir(exist_ok=True)
        with (self.path / _MARK).open("ab") as mark:
            with suppress(_file_locks.LocksUnsupportedError):
                if not _file_locks.take(mark):
                    raise GalleryError(f"another process is making the gallery {self.page}; let it end")
            try:
                if not mark.tell():
                    mark.write(self._told())
                    mark.flush()
                yield
            finally:
                if not any(map(_is_build, self._found())):
                    self._remove()
                _file_locks.release(mark)

    def _remove(self) -> None:
        with suppress(OSError):  # files of others stay
            (self.path / _MARK).unlink()
            self.path.rmdir()

    def _remove_builds(self, but: str = "") -> None:
        for build in filter(_is_build, self._found()):
            if build.name == but:
                continue
            for file in filter(_is_data, _entries(build.path)):
                Path(file).unlink()
            with suppress(OSError):  # files of others stay
                Path(build).rmdir()

    def _found(self) -> list["os.DirEntry[str]"]:
        return _entries(self.path)

    def _check(self) -> None:
        """Refuse a folder that a gallery did not make."""
        if not os.path.lexists(self.path):
            return
        if self._is_ours():
            return
        is_free = self.path.is_dir() and not self.path.is_symlink() and not self._found()
        if not is_free:
            raise GalleryError(
                f"{self.path} exists and is not the data of {self.page.name}; choose another name with -o"
            )

    def _is_ours(self) -> bool:
        mark = self.path / _MARK
        if self.path.is_symlink() or mark.is_symlink() or not mark.is_file():
            return False
        return mark.read_bytes() in {b"", self._told()}  # empty: its process was killed at the start

    def _told(self) -> bytes:
        return b"The data of " + os.fsencode(self.page.name) + b", made by `cometrunway gallery`: keep them together.\n"


def _entries(folder: "str | os.PathLike[str]") -> "list[os.DirEntry[str]]":
    with os.scandir(folder) as entries:
        return list(entries)


def _is_data(entry: "os.DirEntry[str]") -> bool:
    return bool(_FILE.fullmatch(entry.name)) and entry.is_file(follow_symlinks=False)


def _is_build(entry: "os.DirEntry[str]") -> bool:
    return bool(_BUILD.fullmatch(entry.name)) and entry.is_dir(follow_symlinks=False)
