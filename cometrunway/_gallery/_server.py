"""The server of the live page. It serves only this machine, and every browser that has the URL."""

import asyncio
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter

from cometrunway._gallery._cards import MediaFile
from cometrunway._gallery._errors import GalleryError
from cometrunway._gallery._feed import DATA_URL, Feed
from cometrunway._gallery._page import policy, render
from cometrunway._gallery._source import Source
from cometrunway.errors import JournalError

_HOST = "127.0.0.1"
_LOOK = 0.5
_HEARTBEAT = 15.0
_STREAMS = 24
"""The largest number of connected pages. A browser opens at most six."""
_PIECE = 64 * 1024
"""The number of bytes that are buffered for a page that does not read. One event may have several MB."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_ONE_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE | re.ASCII)
_logger = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class GalleryServer:
    """Serves a source as a live page at `url`, on 127.0.0.1, under a path that cannot be guessed.

    The server answers only requests with its own host name. A page of another site therefore cannot reach it by DNS
    rebinding. It serves only files that the source names. Errors of aiohttp go to the package's logger, which is silent
    by default.

    Args:
        source: the source of the shots.
        port: the port; 0 chooses any free port.

    Raises:
        GalleryError: on entering, if the port is in use.
    """

    def __init__(self, source: Source, *, port: int = 0) -> None:
        self.port = port
        self._title = source.title
        self._feed = Feed(source)
        self._token = secrets.token_urlsafe(24)
        self._streams = 0
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The URL of the page. Anyone on this machine who has the URL can see the gallery."""
        return f"http://{_HOST}:{self.port}/{self._token}/"

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/{token}/", self._page),
                web.get("/{token}/events", self._events, allow_head=False),
                web.get(rf"/{{token}}/{DATA_URL}{{kind:shots|rows|texts}}-{{number:\d{{1,9}}}}.js", self._data),
                web.get(r"/{token}/media/{number:\d{1,9}}/{index:\d{1,4}}", self._media),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, logger=_logger, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, _HOST, self.port)
        try:
            await site.start()
        except (OSError, OverflowError) as error:
            await self._runner.cleanup()
            raise GalleryError(f"cannot listen on port {self.port} of this machine: {error}") from error
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if request.host not in {f"{_HOST}:{self.port}", f"localhost:{self.port}"}:
            raise web.HTTPMisdirectedRequest(text="this server answers for 127.0.0.1 only\n")
        token = request.match_info.get("token", "")
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            raise web.HTTPNotFound(text="open the whole URL that `cometrunway gallery` printed\n")
        return await handler(request)

    async def _page(self, _request: web.Request) -> web.Response:
        await self._feed.refresh()
        content = await asyncio.to_thread(render, self._title, await self._feed.state())
        headers = {"Content-Security-Policy": f"{policy(is_live=True, has_data=True)}; frame-ancestors 'none'"}
        return web.Response(
            text=content, content_type="text/html", headers={**_HEADERS, **headers, "Cache-Control": "no-store"}
        )

    async def _data(self, request: web.Request) -> web.Response:
        try:
            script = await self._feed.script(request.match_info["kind"], int(request.match_info["number"]))
        except (JournalError, GalleryError) as error:
            raise web.HTTPServiceUnavailable(text=f"{error}\n", headers=_HEADERS) from error
        if script is None:
            raise web.HTTPNotFound(text="there are no such shots\n", headers=_HEADERS)
        headers = {**_HEADERS, "Cache-Control": "no-store"}
        return web.Response(text=script, content_type="text/javascript", headers=headers)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if self._streams >= _STREAMS:
            raise web.HTTPServiceUnavailable(text="too many pages are open; close some\n", headers=_HEADERS)
        self._streams += 1
        try:
            return await self._stream(request)
        finally:
            self._streams -= 1

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        told = _version(request.headers.get("Last-Event-ID") or request.query.get("since"))
        headers = {**_HEADERS, "Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        with suppress(ConnectionError):  # the page was closed
            await response.prepare(request)
            await self._tell(request, response, told)
        return response

    async def _tell(self, request: web.Request, response: web.StreamResponse, told: int) -> None:
        """Send the changes after the version of the page, and continue to send later changes."""
        await response.write(b"retry: 1000\n\n")
        now = asyncio.get_running_loop().time
        spoke = now()
        while request.transport is not None and not self._stopping.is_set():
            await self._feed.refresh()
            if told != self._feed.version:
                told, event = await self._feed.event(told)
                spoke = now()
                for start in range(0, len(event), _PIECE):
                    await response.write(event[start : start + _PIECE])
            elif now() - spoke > _HEARTBEAT:
                spoke = now()
                await response.write(b": still here\n\n")
            if not self._feed.is_first:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_LOOK):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _media(self, request: web.Request) -> web.StreamResponse:
        try:
            file = await self._feed.file(int(request.match_info["number"]), int(request.match_info["index"]))
        except (JournalError, GalleryError) as error:
            raise web.HTTPServiceUnavailable(text=f"{error}\n", headers=_HEADERS) from error
        found = file and await asyncio.to_thread(MediaFile.at, file.path)
        if found is None or found.size is None:
            raise web.HTTPNotFound(text="there is no such file\n", headers=_HEADERS)
        headers = {**_HEADERS, "Content-Type": found.media_type, "Cache-Control": "no-cache"}
        return _PlainFile(found.path, headers=headers)


class _PlainFile(web.FileResponse):
    """Serves the file itself, and never a file beside it with the additional extension `.gz` or `.br`.

    A Range header is ignored unless it asks for one range of bytes (RFC 9110, 14.2).
    """

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        headers = request.headers.copy()
        headers.popall(hdrs.ACCEPT_ENCODING, None)
        wanted = headers.popall(hdrs.RANGE, [])
        if len(wanted) == 1 and (range_of_bytes := _range_of_bytes(wanted[0])):
            headers[hdrs.RANGE] = range_of_bytes
        return await super().prepare(request.clone(headers=headers))


def _range_of_bytes(text: str) -> str | None:
    """Return a Range header for one range of bytes in the form that aiohttp reads; None for any other header."""
    match = _ONE_RANGE.fullmatch(text.strip())
    if match is None or match[1] == match[2] == "":
        return None
    is_backwards = bool(match[1] and match[2]) and int(match[2]) < int(match[1])
    return None if is_backwards else f"bytes={match[1]}-{match[2]}"


def _version(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 18 else 0
