"""The receiver of callbacks. A user mounts it in a web application and gives it to a session."""

import asyncio
import logging
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cometrunway._callbacks import _asgi
from cometrunway._keywords import hints_keywords
from cometrunway._media._hosts import is_this_machine
from cometrunway._media._urls import check_web_url

if TYPE_CHECKING:
    from aiohttp import web

_logger = logging.getLogger(__name__)
_BODY_LIMIT = 64 * 1024
"""Bytes. A callback has less than a kilobyte; one that repeats the request may have more."""
_AT_ONCE = 256
"""The largest number of posts that are read at the same time."""
_READ_SECONDS = 10.0
"""Seconds for the whole body of a post."""
_URL_ROOM = 512
"""The largest length of a public URL. A gateway may store only a few hundred characters of a callback URL."""
Take = Callable[[str, bytes], bool]
"""Called with the last part of a post's path and the body; returns whether the post will be processed."""


@hints_keywords
class CallbackReceiver:
    """Receives the posts of the gateway. With them, the session knows the end of a task at once, and polls rarely.

    Mount `asgi` or `aiohttp_app()` in a web application that the gateway can reach, and give the receiver to a session:
    `Session(callbacks=receiver)`. The session then adds a `callback_url` to each submission of a `/runway/pro/*` route
    that has none. This URL cannot be guessed.

    A post is only a hint: it makes the session poll the task at once, and only the API's answer to that poll counts.
    Every POST to any path gets the same answer: 200 without a body. Other answers do not depend on the path: 405 for
    another method, 413 above 64 KiB, 408 after 10 seconds, 400 for a body that does not have its stated encoding, and
    503 if no session is open or 256 other posts are being read or processed.

    Args:
        public_url: the URL of the receiver for the gateway, such as `https://me.example/hooks`: http or https, without
            query or fragment, at most 512 characters.

    Raises:
        ValueError: `public_url` is not such a URL.
    """

    def __init__(self, public_url: str) -> None:
        self.public_url: str = _checked(public_url)
        self._take: Take | None = None
        self._reading = 0

    @contextmanager
    def serving(self, take: Take) -> Iterator[None]:
        """While the block runs, pass the last part of each post's path, and its body, to `take`.

        Raises:
            RuntimeError: another session uses the receiver.
        """
        if self._take is not None:
            raise RuntimeError("another open Session uses this CallbackReceiver: make one for each, at its own path")
        self._take = take
        try:
            yield
        finally:
            self._take = None

    async def status(self, method: str, path: str, chunks: AsyncIterable[bytes]) -> int:
        """Return the status of the answer to one request. The post is processed after that.

        Args:
            method: the method of the request, in upper case.
            path: the path of the request. Only the part after the last slash is used.
            chunks: the body. It is not read beyond its limit.
        """
        take = self._take
        if method != "POST":
            return 405
        if take is None or self._reading >= _AT_ONCE:
            return 503
        self._reading += 1
        try:
            async with asyncio.timeout(_READ_SECONDS):
                body = await _read(chunks)
        except TimeoutError:
            return 408
        finally:
            self._reading -= 1
        if body is None:
            return 413
        return 200 if take(path.rpartition("/")[2], body) else 503

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """The receiver as an ASGI application, which can be mounted or served alone."""
        await _asgi.respond(self.status, scope, receive, send)

    def aiohttp_app(self) -> "web.Application":
        """Return the receiver as an application of aiohttp.web, for `add_subapp` or to be served alone."""
        from cometrunway._callbacks._aiohttp_app import application  # noqa: PLC0415 - a server is not always wanted

        return application(self.status)

    def __repr__(self) -> str:
        return f"CallbackReceiver({self.public_url!r})"


async def _read(chunks: AsyncIterable[bytes]) -> bytes | None:
    """Return a body; None if it is too long."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > _BODY_LIMIT:
            return None
    return bytes(body)


def _checked(public_url: object) -> str:
    if not isinstance(public_url, str):
        raise ValueError(f"public_url must be an http(s) URL, got {public_url!r}")  # noqa: TRY004 - as for other text
    check_web_url(public_url, field="public_url")
    parts = urlsplit(public_url)
    if parts.query or parts.fragment or "@" in parts.netloc or len(public_url) > _URL_ROOM:
        raise ValueError(f"public_url must have no query, fragment or user, and at most {_URL_ROOM} characters")
    if parts.scheme == "http" and not is_this_machine(parts.hostname or ""):
        _logger.warning(
            "public_url %r: callbacks are not encrypted, so anyone on the way can forge them: use https", public_url
        )
    return public_url.rstrip("/")
