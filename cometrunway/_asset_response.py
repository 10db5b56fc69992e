"""An HTTP response with an asset's file, for any web framework."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType

from cometrunway._tasks import Asset

_BLOCK = 256 * 1024
"""The size of one chunk in bytes. Each is read in a thread."""
_ONE_RANGE = r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*"


class AssetResponse:
    """The answer to a GET of an asset's file. It has `status` and `headers`; `async for chunk in response` is the body.

    For a file in a bucket it is a 307 to the file's link.

    A browser that seeks in a video asks for ranges of it. The answer to one range is 206; beyond the end of the file it
    is 416. For several ranges, or a malformed one, it is the whole file. The ETag is the file's SHA-256; If-Range and
    If-None-Match are compared with it.

    Args:
        asset: an asset whose file is on this disk or in a bucket.
        request_headers: the headers of the request, with names in any case.

    Raises:
        TypeError: `asset` is no asset.
        ValueError: the asset was not downloaded.
    """

    def __init__(self, asset: Asset, request_headers: Mapping[str, str] = MappingProxyType({})) -> None:
        if not isinstance(asset, Asset):
            raise TypeError(f"asset must be an Asset, as in [asset] = await handle, got {type(asset).__name__}")
        self.status: int = 307
        self.headers: dict[str, str] = {}
        self._range = range(0)
        if asset.link is not None:
            self.headers = {"Location": asset.link, "Cache-Control": "no-store", "Content-Length": "0"}
            return
        if asset.path is None or asset.size is None or asset.sha256 is None:
            raise ValueError(
                f"{asset!r} was not downloaded: give the session an output_dir, or `await session.download(...)`"
            )
        etag = f'"{asset.sha256}"'
        self.status, self._range = _answer(asset.size, etag, {name.lower(): it for name, it in request_headers.items()})
        self.headers = {"Accept-Ranges": "bytes", "ETag": etag}
        if self.status != 304:
            self.headers["Content-Length"] = str(len(self._range))
        if self.status in {200, 206}:
            self.headers["Content-Type"] = asset.media_type or "application/octet-stream"
        if self.status == 206:
            self.headers["Content-Range"] = f"bytes {self._range.start}-{self._range.stop - 1}/{asset.size}"
        if self.status == 416:
            self.headers["Content-Range"] = f"bytes */{asset.size}"
        self._path, self._size = asset.path, asset.size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body in chunks of at most 256 KiB. Each is read in a thread; the file is open only for that.

        Raises:
            OSError: the file was removed or replaced.
        """
        position = self._range.start
        while position < self._range.stop:
            chunk = await asyncio.to_thread(_read, self._path, self._size, position)
            yield chunk[: self._range.stop - position]
            position += len(chunk)


def _read(path: Path, size: int, position: int) -> bytes:
    with path.open("rb", buffering=0) as file:
        file.seek(position)
        chunk = file.read(_BLOCK)
        if not chunk or os.fstat(file.fileno()).st_size != size:
            raise OSError(f"{path} has changed: it is no longer the {size} bytes that were downloaded")
        return chunk


def _answer(size: int, etag: str, wanted: Mapping[str, str]) -> tuple[int, range]:
    """Return the status and the range of the file that is the body (RFC 9110, 13.2.2 and 14)."""
    if _is_known(wanted.get("if-none-match", ""), etag):
        return 304, range(0)
    asked = re.fullmatch(_ONE_RANGE, wanted.get("range", ""), re.IGNORECASE)
    if asked is None or wanted.get("if-range", etag) != etag:
        return 200, range(size)
    first, last = asked.groups()
    if first:
        found = range(int(first), min(int(last) + 1, size) if last else size)
        is_malformed = bool(last) and int(last) < int(first)
    else:
        found = range(max(0, size - int(last or 0)), size)
        is_malformed = not last
    if is_malformed:
        return 200, range(size)
    return (206, found) if found else (416, range(0))


def _is_known(if_none_match: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or tags == {"*"}
