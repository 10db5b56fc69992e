"""Where the files of tasks go: what a folder and a bucket have in common, and what is neither."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Protocol, Self

from cometrunway._delivery._intact_files import IntactFiles
from cometrunway._tasks import Asset


class Download(Protocol):
    """Downloads one file to a folder of this disk."""

    def __call__(self, *, folder: Path, stem: str) -> Awaitable[Asset]:
        """Return the file, whole, at `folder / stem` plus the extension that its content calls for."""


class Output(Protocol):
    """Where files go. It is entered before anything is paid for."""

    @property
    def folder(self) -> Path | None:
        """Where all of them lie, if that is on this disk."""

    @property
    def keeps_files(self) -> bool:
        """Whether files are downloaded at all."""

    async def __aenter__(self) -> Self:
        """Find out whether files can be put there; else `ValueError`."""

    async def __aexit__(self, *_: object) -> None:
        """Remove what is not needed any more."""

    async def store(self, download: Download, name: str) -> Asset:
        """Put a file in its place, whole, under a name without an extension; `/` is between folders."""

    async def recall(self, assets: tuple[Asset, ...]) -> tuple[Asset, ...] | None:
        """Return recorded files as they can be had now; None unless each is where it was put, to the byte."""


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
        """Raise: there is no place for a file."""
        raise AssertionError("a session without an output_dir downloads nothing by itself")

    async def recall(self, assets: tuple[Asset, ...]) -> tuple[Asset, ...] | None:
        """Return the files if those on this disk are intact; of others only the URL is known."""
        return assets if await self._intact.are_intact(assets) else None
