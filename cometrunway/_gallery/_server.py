"""The live page: served on this machine only, to whoever has its URL."""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

from aiohttp import web

from cometrunway._gallery._feed import Feed
from cometrunway._gallery._page import policy, render
from cometrunway._gallery._sources import GalleryError, Source

_HOST = "127.0.0.1"
_LOOK = 0.5
_HEARTBEAT = 15.0
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class GalleryServer:
    """Serves a source as a live page at `url`, on 127.0.0.1, under a path that nobody can guess.

    Only requests for this very host are answered, so that no page of another site can reach it by a name of its own
    (DNS rebinding), and only files that the source names are served.

    Args:
        source: what to show.
        port: 0 takes any free one.

    Raises:
        GalleryError: on entering, when the port is taken.
    """

    def __init__(self, source: Source, *, port: int = 0) -> None:
        self.port = port
        self._title = source.title
        self._feed = Feed(source)
        self._token = secrets.token_urlsafe(24)
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where the page is. Whoever has it sees the gallery."""
        return f"http://{_HOST}:{self.port}/{self._token}/"

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/{token}/", self._page),
                web.get("/{token}/events", self._events),
                web.get(r"/{token}/media/{number:\d{1,9}}/{index:\d{1,4}}", self._media),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
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
        content = await asyncio.to_thread(render, self._title, self._feed.since(0))
        headers = {"Content-Security-Policy": f"{policy(is_live=True)}; frame-ancestors 'none'"}
        return web.Response(
            text=content, content_type="text/html", headers={**_HEADERS, **headers, "Cache-Control": "no-store"}
        )

    async def _events(self, request: web.Request) -> web.StreamResponse:
        told = _version(request.headers.get("Last-Event-ID") or request.query.get("since"))
        headers = {**_HEADERS, "Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        with suppress(ConnectionError):  # the page has gone
            await self._tell(response, told)
        return response

    async def _tell(self, response: web.StreamResponse, told: int) -> None:
        """Tell what changed after the version that the page has, and go on telling."""
        await response.write(b"retry: 1000\n\n")
        now = asyncio.get_running_loop().time
        spoke = now()
        while not self._stopping.is_set():
            await self._feed.refresh()
            if told != self._feed.version:
                changes = self._feed.since(told)
                told, spoke = self._feed.version, now()
                await response.write(f"id: {told}\ndata: {json.dumps(changes)}\n\n".encode())
            elif now() - spoke > _HEARTBEAT:
                spoke = now()
                await response.write(b": still here\n\n")
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_LOOK):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _media(self, request: web.Request) -> web.StreamResponse:
        file = self._feed.file(int(request.match_info["number"]), int(request.match_info["index"]))
        if file is None or not await asyncio.to_thread(file.path.is_file):
            raise web.HTTPNotFound(text="there is no such file\n", headers=_HEADERS)
        headers = {**_HEADERS, "Content-Type": file.media_type, "Cache-Control": "no-cache"}
        return web.FileResponse(file.path, headers=headers)


def _version(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 18 else 0
