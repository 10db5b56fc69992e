"""A downloader on its own, with a host of files or with an emulator."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cometrunway import Asset, DownloadError, RetryPolicy, Session
from cometrunway._delivery._downloader import Downloader
from cometrunway.emulator import Emulator, Fault
from tests.hosts import asset_hosts
from tests.samples import yawn

Download = Callable[..., Awaitable[Asset]]
SAMPLES = Path(__file__).parent.parent / "media" / "samples"
UNKNOWN = b"glTF\x02\0\0\0" + bytes(range(256)) * 8
"""What is of no kind that is known here, and no text."""


@pytest.fixture
async def download(tmp_path: Path) -> AsyncIterator[Download]:
    """Download a URL, with this `RetryPolicy`, to `out/clip` in a fresh folder."""
    async with asset_hosts() as hosts:

        async def run(url: str, **policy: Any) -> Asset:
            downloader = Downloader(open_asset=hosts.open, retry=RetryPolicy(**policy), rng=Random(7))
            return await downloader.download(url, folder=tmp_path / "out", stem="clip")

        yield run


class Store:
    """A downloader, and an emulator that has one file to offer."""

    def __init__(self, emulator: Emulator, downloader: Downloader, url: str, folder: Path) -> None:
        self.emulator = emulator
        self.downloader = downloader
        self.url = url
        self.folder = folder

    async def download(self, stem: str = "clip") -> Path:
        path = (await self.download_asset(stem)).path
        assert path is not None
        return path

    async def download_asset(self, stem: str = "clip") -> Asset:
        return await self.downloader.download(self.url, folder=self.folder, stem=stem)

    async def refuses(self, content: bytes) -> bool:
        """Whether a file is refused that its host states to be whole."""
        self.emulator.script("asset", *[Fault.answer(200, content)] * 50)
        with pytest.raises(DownloadError):
            await self.download()
        return list(self.folder.iterdir()) == []


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """One finished task's file, and a folder for it."""
    async with Emulator(duration=0, not_exist_seconds=0) as emulator:
        async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=None) as runway:
            [asset] = await (await runway.submit(yawn()))
        async with asset_hosts() as hosts:
            downloader = Downloader(open_asset=hosts.open, retry=RetryPolicy(), rng=Random(7))
            yield Store(emulator, downloader, asset.url, tmp_path / "out")
        assert not emulator.leaked_credentials
