"""Files in a bucket: downloaded to this disk and verified, uploaded to the bucket, and then removed from this disk."""

import asyncio
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from attrs import evolve

from cometrunway._delivery._intact_files import IntactFiles
from cometrunway._delivery._output import Download
from cometrunway._delivery._part_file import alternatives
from cometrunway._object_storage._bucket import Bucket, BucketError, StoredFile
from cometrunway._tasks import Asset
from cometrunway.errors import DownloadError

_AT_ONCE = 8
"""The number of files that are uploaded to the bucket at once."""


class BucketOutput:
    """Keeps files under a prefix of a bucket.

    Args:
        address: the address of the prefix, such as `s3://bucket/prefix`.

    Raises:
        ValueError: the address does not have this form.
    """

    folder = None
    keeps_files = True

    def __init__(self, address: str) -> None:
        self._bucket = Bucket(address)
        self._numbers = count()
        self._intact = IntactFiles()

    async def __aenter__(self) -> Self:
        try:
            await self._bucket.check()
        except BucketError as error:
            raise ValueError(f"output_dir {error}") from error
        self._temporary = await asyncio.to_thread(TemporaryDirectory, prefix="cometrunway-", ignore_cleanup_errors=True)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._temporary.cleanup)

    async def store(self, download: Download, name: str) -> Asset:
        """Download a file, upload it to the bucket, and return it with its location and a link.

        Raises:
            DownloadError: the download or the upload failed.
        """
        asset = await download(folder=Path(self._temporary.name), stem=str(next(self._numbers)))
        assert asset.path is not None  # noqa: S101 - it was downloaded
        try:
            async with self._slots:
                names = alternatives(name + asset.path.suffix)
                location = await self._bucket.put(asset.path, _known(asset), names)
                return evolve(asset, path=None, location=location, link=await self._bucket.link(location))
        except BucketError as error:
            raise DownloadError(str(error), asset=asset) from error
        finally:
            await asyncio.to_thread(asset.path.unlink, missing_ok=True)

    async def recall(self, assets: tuple[Asset, ...]) -> tuple[Asset, ...] | None:
        """Return the files with fresh links, if each is still in the bucket and unchanged; else None."""
        found = []
        for asset in assets:
            recalled = await self._recalled(asset)
            if recalled is None:
                return None
            found.append(recalled)
        return tuple(found)

    async def _recalled(self, asset: Asset) -> Asset | None:
        if asset.location is None:
            return asset if await self._intact.are_intact((asset,)) else None
        try:
            is_there = await self._bucket.holds(asset.location, _known(asset))
            return evolve(asset, link=await self._bucket.link(asset.location)) if is_there else None
        except BucketError as error:
            raise DownloadError(str(error), asset=asset) from error


def _known(asset: Asset) -> StoredFile:
    return StoredFile(size=asset.size or 0, sha256=asset.sha256, media_type=asset.media_type)
