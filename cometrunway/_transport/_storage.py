"""Storage: sends a local file piece by piece to the address that the API gave, without credentials."""

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO

import aiohttp
from aiohttp.payload import Payload, StringPayload
from yarl import URL

from cometrunway._media._inputs import LocalFile
from cometrunway._media._urls import shown, without_query
from cometrunway._transport._connections import CONNECT_SECONDS, FileRoutes
from cometrunway._transport._descriptors import when_free
from cometrunway._transport._exceptions import THEIRS, ours_of_host, refused_by_proxy
from cometrunway._wire._http import HttpResponse
from cometrunway._wire._uploads import UploadTarget

_BLOCK = 256 * 1024
"""The number of bytes that are read at once. No more of the file is in memory."""
_ANSWER = 64 * 1024
"""The largest number of bytes of an answer that are read."""
_STALL_SECONDS = 60.0
"""The longest time in seconds without progress of the upload, or without an answer after its end."""
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=_STALL_SECONDS)

Progress = Callable[[int], None]
"""Called with the number of bytes of a file that were sent so far."""


class Storage:
    """Sends files to any host, over connections that no API call uses."""

    def __init__(self, routes: FileRoutes) -> None:
        self._routes = routes

    async def store(
        self, target: UploadTarget, file: LocalFile, *, name: str, digest: str, on_progress: Progress
    ) -> HttpResponse:
        """Send a file once, in a form, and return the storage's answer.

        Args:
            target: the address and form of the upload.
            file: the file.
            name: the name of the file in the form.
            digest: the SHA-256 of its content, in hexadecimal.
            on_progress: called with the number of bytes that were sent.

        Raises:
            TransportError: no answer came.
            ValueError: the file has changed.
        """
        where = without_query(target.url)
        part = _FilePart(file, digest, on_progress)
        url = URL(target.url, encoded=True)
        try:
            route = self._routes.to(url)
            async with await when_free(
                partial(
                    route.session.post,
                    url,
                    data=_form(target, part, name),
                    headers={"Accept-Encoding": "identity", **route.headers},
                    timeout=_TIMEOUT,
                    allow_redirects=False,
                    **route.options,
                )
            ) as response:
                content = await response.content.read(_ANSWER)
        except THEIRS as error:
            failure, cause = ours_of_host("POST", where, error)
        else:
            if response.status == 407:
                raise refused_by_proxy(f"POST {where}", response.status)
            if part.problem is None or response.status >= 400:
                return HttpResponse(status=response.status, headers={}, body=content)
        if part.problem is not None:
            raise ValueError(part.problem)
        raise failure from cause


def _form(target: UploadTarget, part: "_FilePart", name: str) -> aiohttp.MultipartWriter:
    """Return the form in the way of browsers: fields without a type, and the file last."""
    form = aiohttp.MultipartWriter("form-data")
    for field, value in target.fields.items():
        text = StringPayload(value)
        del text.headers["Content-Type"]
        text.set_content_disposition("form-data", name=field)
        form.append_payload(text)
    part.set_content_disposition("form-data", name="file", filename=name)
    form.append_payload(part)
    return form


class _FilePart(Payload):
    """A file of a known size and digest, read as it is written. Disk work happens in worker threads."""

    _autoclose = True  # `write` closes what it has opened

    def __init__(self, file: LocalFile, digest: str, on_progress: Progress) -> None:
        super().__init__(file, content_type=file.type.media_type)
        self._size = file.size
        self._file = file
        self._digest = digest
        self._on_progress = on_progress
        self.problem: str | None = None
        """Why the sent bytes are not the file; None if they are."""

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Raise an error, because a file is not text."""
        raise TypeError("a file is written, not decoded")

    async def write(self, writer: Any) -> None:
        """Write the file, and check that it has the announced size and digest."""
        try:
            await self._write(writer)
        except OSError as error:
            if self.problem is None and not isinstance(error, TimeoutError | ConnectionError):
                self.problem = f"local file {shown(self._file.source)} cannot be read any more: {error.strerror}"
            raise

    async def _write(self, writer: Any) -> None:
        digest, sent = hashlib.sha256(), 0
        with await asyncio.to_thread(self._file.opened) as content:
            while block := await asyncio.to_thread(_next, content, digest, self._file.size - sent):
                async with asyncio.timeout(_STALL_SECONDS):
                    await writer.write(block)
                sent += len(block)
                self._on_progress(sent)
        if digest.hexdigest() != self._digest:
            self.problem = f"local file {shown(self._file.source)} changed while it was uploaded; submit it again"
            raise OSError(self.problem)


def _next(content: BinaryIO, digest: Any, left: int) -> bytes:
    block = content.read(min(_BLOCK, left))
    digest.update(block)
    return block
