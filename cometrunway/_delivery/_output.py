"""Where the files of tasks are stored: the protocol of a folder and a bucket, and the case without either."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Protocol, Self

from cometrunway._delivery._intact_files import IntactFiles
from cometrunway._tasks import Asset


class Download(Protocol):
    """Downloads one file to a folder of this disk."""

    def __call__(self, *, folder: Path, stem: str) -> Awaitable[Asset]:
        """Return the whole file at `folder / stem`, plus the extension that fits its content."""


class Output(Protocol):
    """A place for files. It is entered before anything is paid for."""

    @property
    def folder(self) -> Path | None:
        """The folder of all files, if they are on this disk; else None."""

    @property
    def keeps_files(self) -> bool:
        """Whether files are downloaded at all."""

    async def __aenter__(self) -> Self:
        """Test that files can be stored there; else `ValueError`."""

    async def __aexit__(self, *_: object) -> None:
        """Remove temporary files."""

    async def store(self, download: Download, name: str) -> Asset:
        """Store a whole file under a name without an extension; `/` separates folders."""

    async def recall(self, assets: tuple[Asset, ...]) -> tuple[Asset, ...] | None:
        """Return recorded files with their present path or link; None unless each exists and is unchanged."""


class NoOutput:
    """Downloads nothing."""

    folder = None
    keeps_files = False

    def __init__(self) -> None:
        self._intact = IntactFiles()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def store(self, download: Download, name: str) -> Asset:
        """Raise an error, because there is no place for files."""
        raise AssertionError("a session without an output_dir downloads nothing by itself")

    async def recall(self, assets: tuple[Asset, ...]) -> tuple[Asset, ...] | None:
        """Return the files if those on this disk are intact. Other files have only a URL."""
        return assets if await self._intact.are_intact(assets) else None
