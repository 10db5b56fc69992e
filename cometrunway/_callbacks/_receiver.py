"""The receiver: what a user mounts in a web application, and gives to a session."""

import asyncio
import logging
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cometrunway._callbacks import _asgi
from cometrunway._media._hosts import is_this_machine
from cometrunway._media._urls import check_web_url

if TYPE_CHECKING:
    from aiohttp import web

_logger = logging.getLogger(__name__)
_BODY_LIMIT = 64 * 1024
"""Bytes. A callback is less than a kilobyte; one that repeats the request may be more."""
_AT_ONCE = 256
"""Posts that are read at the same time."""
_READ_SECONDS = 10.0
"""For the whole body of one."""
_URL_ROOM = 512
"""Characters that a public URL may have: a gateway may keep no more than some hundred of a callback URL."""
Take = Callable[[str, bytes], bool]
"""Takes the last part of a post's path, and its body; returns whether it will be looked at."""


class CallbackReceiver:
    """Takes the posts of the gateway, so that a task's end is known at once and with few polls.

    Mount `asgi` or `aiohttp_app()` in a web application where the gateway reaches it, and give the receiver to a
    session: `Session(callbacks=receiver)`. The session then gives a `callback_url` that cannot be guessed to each
    submission of a `/runway/pro/*` route that has none of its own. A post is only a hint: the task is polled at once,
    and the API's answer to that poll decides. Any POST to any path is answered the same way: 200 without a body.
    Only its form can be refused: 405 for another method, 413 above 64 KiB, 408 after 10 seconds, 400 for a body that is
    not in the encoding that it states, and 503 while no session is open or 256 other posts are being read or
    processed.

    Args:
        public_url: where the receiver is mounted as the gateway sees it, such as `https://me.example/hooks`: http or
            https, without query or fragment, at most 512 characters.

    Raises:
        ValueError: `public_url` is no such URL.
    """

    def __init__(self, public_url: str) -> None:
        self.public_url: str = _checked(public_url)
        self._take: Take | None = None
        self._reading = 0

    @contextmanager
    def serving(self, take: Take) -> Iterator[None]:
        """Pass on the last part of each post's path, and its body, while the block runs.

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
        """Return the status of the answer to one request. The post is looked at only after that.

        Args:
            method: of the request, in upper case.
            path: of the request; what is before its last slash does not matter.
            chunks: the body, which is not read beyond its limit.
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
        """The receiver as an ASGI application, to mount or to serve alone."""
        await _asgi.respond(self.status, scope, receive, send)

    def aiohttp_app(self) -> "web.Application":
        """Return the receiver as an application of aiohttp.web, for `add_subapp` or to serve alone."""
        from cometrunway._callbacks._aiohttp_app import application  # noqa: PLC0415 - a server is not always wanted

        return application(self.status)

    def __repr__(self) -> str:
        return f"CallbackReceiver({self.public_url!r})"


async def _read(chunks: AsyncIterable[bytes]) -> bytes | None:
    """Return a body; None for one that is too long."""
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
        raise ValueError(f"public_url must hold no query, fragment or user, and at most {_URL_ROOM} characters")
    if parts.scheme == "http" and not is_this_machine(parts.hostname or ""):
        _logger.warning(
            "public_url %r: callbacks come in the clear, and anyone between can forge them: use https", public_url
        )
    return public_url.rstrip("/")
