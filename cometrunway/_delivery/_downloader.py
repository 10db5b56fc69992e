"""Files: streamed to NAME.part, verified, made durable, and only then given their name."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeVar

from cometrunway._delivery._part_file import PartFile, give_name, open_part
from cometrunway._media._containers import is_whole, tells_its_end
from cometrunway._media._kinds import BEGINNING, UNKNOWN, MediaType, is_text, recognise
from cometrunway._media._urls import without_query
from cometrunway._policies import RetryPolicy, is_transient
from cometrunway._tasks import Asset
from cometrunway._transport._assets import AssetStream
from cometrunway._transport._descriptors import downloads, when_free
from cometrunway.errors import AssetExpiredError, CometRunwayError, DownloadError, ProtocolError, TransportError

_T = TypeVar("_T")
ASSET_LIMIT = 4 * 1024**3
"""Bytes beyond which a file is refused."""
_BLOCK = 256 * 1024
"""Bytes that one hop to a thread writes: what is larger has left the processor's cache before it is digested."""
_PROGRESS = 64 * 1024
"""Bytes by which a download must have grown to be retried as often again."""
_GONE = frozenset({401, 403, 404, 410})

OpenAsset = Callable[[str, dict[str, str]], AbstractAsyncContextManager[AssetStream]]


class Downloader:
    """Downloads assets, at most 32 at once, fewer if few descriptors are free. Disk work happens in worker threads."""

    def __init__(self, *, open_asset: OpenAsset, retry: RetryPolicy, rng: Random) -> None:
        self._open_asset = open_asset
        self._retry = retry
        self._rng = rng
        self._slots = asyncio.Semaphore(downloads())

    async def download(self, url: str, *, folder: Path, stem: str, extension: str | None = None) -> Asset:
        """Download one file to `folder / stem`, plus the extension that its content calls for unless one is given.

        A file that exists is never overwritten: unless it is the same to the byte, the new one becomes `stem-2`,
        `stem-3` and so on.

        Raises:
            AssetExpiredError: the host answers 401, 403, 404 or 410.
            DownloadError: anything else; only a whole file gets its name.
        """
        asset = Asset(url=url)
        async with self._slots:
            try:
                return await self._fetch(asset, folder, stem, extension)
            except OSError as error:
                raise DownloadError(f"cannot write {stem} to {folder}: {error.strerror}", asset=asset) from error
            except (TransportError, ProtocolError) as error:
                raise DownloadError(str(error), asset=asset, retryable=error.retryable) from error

    async def _fetch(self, asset: Asset, folder: Path, stem: str, extension: str | None) -> Asset:
        parts: list[PartFile] = []
        try:
            await when_free(lambda: _in_thread(lambda: parts.append(open_part(folder, stem))))
            [part] = parts
            media = await self._stream(asset, part)
            target = part.path.with_name(stem + (media.extension if extension is None else extension))
            path = await _in_thread(lambda: give_name(part, target))
        finally:
            for part in parts:
                part.discard()
        return Asset(
            url=asset.url,
            path=path,
            media_type=media.media_type,
            size=part.size,
            sha256=part.digest.hexdigest(),
            verified=tells_its_end(media.media_type),
        )

    async def _stream(self, asset: Asset, part: "PartFile") -> MediaType:
        pauses, furthest = self._retry.pauses(self._rng), 0
        while True:
            try:
                return await self._stream_once(asset, part)
            except CometRunwayError as error:
                if part.size >= furthest + _PROGRESS:  # progress earns as many retries anew
                    pauses, furthest = self._retry.pauses(self._rng), part.size
                pause = next(pauses, None)
                if pause is None or not is_transient(error):
                    raise
            await asyncio.sleep(pause)

    async def _stream_once(self, asset: Asset, part: "PartFile") -> MediaType:
        async with self._open_asset(asset.url, part.range()) as stream:
            _check_answer(stream, asset, part)
            if stream.status == 200 and part.size:
                await _in_thread(part.restart)
            part.validator = _strong_etag(stream)
            stated = part.size + _declared_length(stream)
            async for chunks, size in _blocks(stream):
                _check_size(part.size + size, asset)
                await _in_thread(partial(part.write, chunks))
        return await _in_thread(lambda: _verified(asset, part, stated))


async def _blocks(stream: AssetStream) -> AsyncIterator[tuple[Sequence[bytes], int]]:
    """Yield the body in lists of chunks, each with its size, which is that of a block or a little more."""
    pending, size = [], 0
    try:
        async for chunk in stream.chunks:
            pending.append(chunk)
            size += len(chunk)
            if size >= _BLOCK:
                yield pending, size
                pending, size = [], 0
    except TransportError:
        if pending:
            yield pending, size  # a resumed download goes on after these
        raise
    if pending:
        yield pending, size


def _check_answer(stream: AssetStream, asset: Asset, part: PartFile) -> None:
    shown = f"GET {without_query(asset.url)} answered {stream.status}"
    if stream.status in _GONE:
        raise AssetExpiredError(f"{shown}: the URL has expired or the file is gone", asset=asset)
    if stream.status == 416:
        part.restart()
    if stream.status == 206 and not _continues(stream, part):
        part.restart()
        raise DownloadError(f"{shown}, with another part of the file than was asked for", asset=asset)
    if stream.status not in {200, 206}:
        raise DownloadError(shown, asset=asset, retryable=stream.status >= 500 or stream.status in {408, 416, 429})
    if stream.headers.get("content-encoding", "identity") != "identity":
        raise DownloadError(f"{shown} with an encoding that was not asked for", asset=asset, retryable=False)
    _check_size(_declared_length(stream), asset)


def _check_size(size: int, asset: Asset) -> None:
    if size > ASSET_LIMIT:
        raise DownloadError(f"the file is larger than {ASSET_LIMIT} bytes", asset=asset, retryable=False)


def _declared_length(stream: AssetStream) -> int:
    length = stream.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def _continues(stream: AssetStream, part: PartFile) -> bool:
    """Whether a 206 goes on where the part ends, and is of the same file."""
    goes_on = stream.headers.get("content-range", "").startswith(f"bytes {part.size}-")
    return bool(part.range()) and goes_on and _strong_etag(stream) == part.validator


def _strong_etag(stream: AssetStream) -> str | None:
    etag = stream.headers.get("etag", "")
    return etag if etag.startswith('"') and etag.isascii() and etag.isprintable() else None


def _verified(asset: Asset, part: PartFile, stated: int) -> MediaType:
    """Return what the file is: one that is whole, or one of the `stated` length whose end nobody can check."""
    part.file.flush()
    part.file.seek(0)
    first = part.file.read(BEGINNING)
    media = recognise(first) or UNKNOWN
    whole = is_whole(part.file, media.media_type)
    part.file.seek(0, os.SEEK_END)
    if media is UNKNOWN and is_text(first):
        part.restart()
        raise DownloadError(f"what came is no image or video: it begins with {first[:60]!r}", asset=asset)
    if not whole:
        raise DownloadError(f"the {media.media_type} ends too early, after {part.size} bytes", asset=asset)
    if not tells_its_end(media.media_type) and part.size != stated:
        part.restart()
        raise DownloadError(f"what came is {media.media_type} of a length that the host does not state", asset=asset)
    return media


async def _in_thread(work: Callable[[], _T]) -> _T:
    """Run blocking work in a thread; cancelled meanwhile, leave only when the thread has, for it holds our files."""
    thread = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        await asyncio.wait([thread])
        raise
