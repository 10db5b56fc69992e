"""A downloader on its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cometrunway import Asset, RetryPolicy
from cometrunway._delivery._downloader import Downloader
from tests.hosts import asset_hosts

Download = Callable[..., Awaitable[Asset]]


@pytest.fixture
async def download(tmp_path: Path) -> AsyncIterator[Download]:
    """Download a URL, with this `RetryPolicy`, to `out/clip` in a fresh folder."""
    async with asset_hosts() as hosts:

        async def run(url: str, **policy: Any) -> Asset:
            downloader = Downloader(open_asset=hosts.open, retry=RetryPolicy(**policy), rng=Random(7))
            return await downloader.download(url, folder=tmp_path / "out", stem="clip")

        yield run
