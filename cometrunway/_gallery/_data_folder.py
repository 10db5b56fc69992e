"""The folder beside a large gallery's page that holds its data, and is only ever ours to change."""

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

    Each time that the page is made its files get a folder of their own in there, so that a page that is there always
    finds all of its data, and never that of another. What is no data of this very page is never touched.
    """

    page: Path

    @property
    def path(self) -> Path:
        """Where it is, or would be."""
        return self.page.with_name(f"{self.page.stem}-data")

    def url_of(self, build: Path) -> str:
        """Return what leads from the page to a build."""
        return f"{quote(os.fsencode(self.path.name), safe='')}/{build.name}/"

    @contextmanager
    def new_build(self) -> Iterator[Path]:
        """Yield an empty folder for the data; at the end it is the only one, or after an error it is gone.

        Raises:
            GalleryError: another process is at it, or the folder is no gallery's, or cannot be written.
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
        """Remove the folder if it is ours and not in use, because the page contains all its data itself."""
        with suppress(OSError, GalleryError):
            if self._is_ours():
                with self._locked():
                    self._remove_builds()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Make the folder ours alone, as long as the block lasts. One that holds no build afterwards is removed."""
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
        with suppress(OSError):  # what somebody put there stays
            (self.path / _MARK).unlink()
            self.path.rmdir()

    def _remove_builds(self, but: str = "") -> None:
        for build in filter(_is_build, self._found()):
            if build.name == but:
                continue
            for file in filter(_is_data, _entries(build.path)):
                Path(file).unlink()
            with suppress(OSError):  # what somebody put there stays
                Path(build).rmdir()

    def _found(self) -> list["os.DirEntry[str]"]:
        return _entries(self.path)

    def _check(self) -> None:
        """Refuse a folder that is not ours."""
        if not os.path.lexists(self.path):
            return
        if self._is_ours():
            return
        is_free = self.path.is_dir() and not self.path.is_symlink() and not self._found()
        if not is_free:
            raise GalleryError(
                f"{self.path} is there already and is not the data of {self.page.name}; choose another name with -o"
            )

    def _is_ours(self) -> bool:
        mark = self.path / _MARK
        if self.path.is_symlink() or mark.is_symlink() or not mark.is_file():
            return False
        return mark.read_bytes() in {b"", self._told()}  # empty: its process was killed as it began

    def _told(self) -> bytes:
        return b"The data of " + os.fsencode(self.page.name) + b", made by `cometrunway gallery`: keep them together.\n"


def _entries(folder: "str | os.PathLike[str]") -> "list[os.DirEntry[str]]":
    with os.scandir(folder) as entries:
        return list(entries)


def _is_data(entry: "os.DirEntry[str]") -> bool:
    return bool(_FILE.fullmatch(entry.name)) and entry.is_file(follow_symlinks=False)


def _is_build(entry: "os.DirEntry[str]") -> bool:
    return bool(_BUILD.fullmatch(entry.name)) and entry.is_dir(follow_symlinks=False)
