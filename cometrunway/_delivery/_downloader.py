"""Downloads files: streams them to NAME.part, verifies them, makes them durable, and then renames them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from functools import partial
from pathlib import Path
from random import Random

from cometrunway._delivery._answers import brings_all, check_answer, declared_length, origin
from cometrunway._delivery._arrival import Arrival, too_large
from cometrunway._delivery._content_encoding import EncodedBody
from cometrunway._delivery._part_file import PartFile, give_name, open_part
from cometrunway._media._containers import tells_its_end
from cometrunway._media._data_urls import inline_content
from cometrunway._media._kinds import MediaType
from cometrunway._media._urls import is_data_url, without_query
from cometrunway._policies import RetryPolicy, is_transient
from cometrunway._tasks import Asset
from cometrunway._threads import in_thread
from cometrunway._tracebacks import drop_frames
from cometrunway._transport._assets import AssetStream
from cometrunway._transport._descriptors import downloads, when_free
from cometrunway.errors import AssetExpiredError, CometRunwayError, DownloadError, ProtocolError, TransportError

ASSET_LIMIT = 4 * 1024**3
"""The largest size of a file in bytes. A larger file is refused."""
_BLOCK = 256 * 1024
"""The number of bytes that one call in a thread writes. A larger block leaves the processor's cache too early."""
_PROGRESS = 4 * 1024
"""After this many new bytes, a download may be retried from the first attempt again, until the deadline of the wait."""
_RATE_SECONDS = 60.0
"""Seconds of waiting for a host, after which its rate is checked."""

OpenAsset = Callable[[str, dict[str, str]], AbstractAsyncContextManager[AssetStream]]
FreshUrl = Callable[[], Awaitable[str]]
"""Returns the present URL of the file."""


class Downloader:
    """Downloads at most 32 assets at once, or fewer if few descriptors are free. Worker threads access the disk."""

    def __init__(self, *, open_asset: OpenAsset, retry: RetryPolicy, rng: Random) -> None:
        self._open_asset = open_asset
        self._retry = retry
        self._rng = rng
        self._slots = asyncio.Semaphore(downloads())

    async def download_as(self, path: Path, url: str) -> Asset:
        """Download one file to exactly this path; `FileExistsError` if a file exists there."""
        if await asyncio.to_thread(path.exists):
            raise FileExistsError(f"{path} exists and is not overwritten")
        return await self.download(url, folder=path.parent, stem=path.name, extension="")

    async def download(
        self, url: str, *, folder: Path, stem: str, extension: str | None = None, fresh_url: FreshUrl | None = None
    ) -> Asset:
        """Download one file to `folder / stem`, plus `extension`, or the extension that fits its content.

        A `/` in the stem separates folders, which are made if they are missing, and must not be links.
        An existing file is never overwritten. If it has other content, the new file is named `stem-2`, `stem-3` and
        so on. A `data:` URL is decoded.

        Raises:
            AssetExpiredError: the host answers 401, 403, 404 or 410, or says that the URL has expired. This happens
                with each URL that `fresh_url` returns, during the whole time that the policy allows for a host that
                does not have the file yet.
            DownloadError: the download failed for another reason. There is no incomplete file under the final name.
        """
        async with aclosing(self._urls(url, fresh_url)) as urls:
            async for named in urls:
                try:
                    return await self._download(named, folder, stem, extension)
                except AssetExpiredError as error:
                    drop_frames(error)
                    refusal = error
        raise refusal

    async def _urls(self, url: str, fresh_url: FreshUrl | None) -> AsyncGenerator[str, None]:
        """Yield the URLs to try: a new URL at once, and a known URL again after a pause.

        The pauses make up the time that the policy allows. A host that is slow to answer uses none of it.
        """
        yield url
        left = self._retry.asset_grace
        fresh = await fresh_url() if fresh_url else url
        if fresh != url:
            yield fresh
        for pause in self._retry.growing_pauses(self._rng):
            if left <= 0:
                return
            await asyncio.sleep(min(pause, left))
            left -= pause
            yield await fresh_url() if fresh_url else url

    async def _download(self, url: str, folder: Path, stem: str, extension: str | None) -> Asset:
        asset = Asset(url=without_query(url) if is_data_url(url) else url)
        fill = partial(self._decode, url) if is_data_url(url) else self._stream
        async with self._slots:
            try:
                return await self._fetch(asset, fill, folder, stem, extension)
            except OSError as error:
                raise DownloadError(f"cannot write {stem} to {folder}: {error.strerror}", asset=asset) from error
            except (TransportError, ProtocolError) as error:
                raise DownloadError(str(error), asset=asset, retryable=error.retryable) from error

    async def _fetch(
        self,
        asset: Asset,
        fill: Callable[[Asset, PartFile], Awaitable[MediaType]],
        folder: Path,
        stem: str,
        extension: str | None,
    ) -> Asset:
        parts: list[PartFile] = []
        try:
            await when_free(lambda: in_thread(lambda: parts.append(open_part(folder, stem))))
            [part] = parts
            media = await fill(asset, part)
            name = stem.rpartition("/")[2] + (media.extension if extension is None else extension)
            named = await in_thread(lambda: give_name(part, name))
        finally:
            for part in parts:
                part.discard()
        return Asset(
            url=asset.url,
            path=part.folder.path / named,
            media_type=media.media_type,
            size=part.size,
            sha256=part.sha256,
            verified=tells_its_end(media.media_type),
            verified_digests=tuple(sorted({name for name, _ in part.origin.stated})),
        )

    async def _stream(self, asset: Asset, part: PartFile) -> MediaType:
        pauses, furthest = self._retry.pauses(self._rng), 0
        while True:
            try:
                return await self._stream_once(asset, part)
            except CometRunwayError as error:
                if part.size >= furthest + _PROGRESS:  # after progress, the retries start again
                    pauses, furthest = self._retry.pauses(self._rng), part.size
                pause = next(pauses, None)
                if pause is None or not is_transient(error):
                    raise
                drop_frames(error)
            await asyncio.sleep(pause)

    async def _stream_once(self, asset: Asset, part: PartFile) -> MediaType:
        async with self._open_asset(asset.url, part.range()) as stream:
            await check_answer(stream, asset, part)
            length = declared_length(stream)
            if (length or 0) > ASSET_LIMIT:
                raise too_large(asset, ASSET_LIMIT)
            if brings_all(stream, part):
                if part.size:
                    await in_thread(part.restart)
                part.begin(origin(stream))
            arrival = Arrival(
                asset=asset,
                part=part,
                limit=ASSET_LIMIT,
                length=None if length is None else part.size + length,
                body=EncodedBody(stream.headers.get("content-encoding", "")),
            )
            async for chunks in _blocks(_steady(stream.chunks, self._retry.slowest)):
                await in_thread(partial(arrival.write, chunks))
                while arrival.has_more:
                    await in_thread(arrival.write_more)
        return await in_thread(arrival.end)

    async def _decode(self, url: str, asset: Asset, part: PartFile) -> MediaType:
        arrival = Arrival(asset=asset, part=part, limit=ASSET_LIMIT, length=None, body=EncodedBody(""))
        return await in_thread(lambda: _decoded(url, arrival))


def _decoded(url: str, arrival: Arrival) -> MediaType:
    try:
        for piece in inline_content(url):
            arrival.write((piece,))
    except ValueError as error:
        raise DownloadError(f"the inline output {error}: {len(url)} characters", asset=arrival.asset) from error
    arrival.length = arrival.part.size
    return arrival.end()


async def _steady(chunks: AsyncGenerator[bytes, None], slowest: float) -> AsyncIterator[bytes]:
    """Pass a body on while it arrives fast enough. Only time spent waiting for the host counts."""
    loop, waited, size = asyncio.get_running_loop(), 0.0, 0
    asked = loop.time()
    async for chunk in chunks:
        waited += loop.time() - asked
        size += len(chunk)
        yield chunk
        if waited >= _RATE_SECONDS:
            if size < slowest * waited:
                raise TransportError(f"the host sent {size} bytes in {waited:.0f} s: fewer than {slowest:g} a second")
            waited, size = 0.0, 0
        asked = loop.time()


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[Sequence[bytes]]:
    """Yield the body in lists of chunks. Each list has one block or a little more."""
    pending, size = [], 0
    try:
        async for chunk in chunks:
            pending.append(chunk)
            size += len(chunk)
            if size >= _BLOCK:
                yield pending
                pending, size = [], 0
    except TransportError:
        if pending:
            yield pending  # a resumed download continues after these
        raise
    if pending:
        yield pending
