"""API calls: each is sent once, with the key, and its answer is read whole, up to a limit."""

import asyncio
from collections.abc import Mapping
from typing import Any, Self

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from cometrunway._transport._addresses import is_this_machine
from cometrunway._transport._connections import CONNECT_SECONDS, Connections
from cometrunway._transport._descriptors import BETWEEN_WAITS, WAITS, is_exhaustion
from cometrunway._transport._exceptions import THEIRS, ours, refused_by_proxy, safe
from cometrunway._transport._time_limit import TimeLimit
from cometrunway._wire._http import HttpRequest, HttpResponse
from cometrunway.errors import ProtocolError

BODY_LIMIT = 1024 * 1024
"""Bytes of an API answer, after decompression, beyond which it is refused."""
_CALL_SECONDS = 30.0
# `total` and `connect` are one more timer for every poll.
_CALL = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
# The gateway may try several channels before it answers.
_CREATE = aiohttp.ClientTimeout(total=180, connect=CONNECT_SECONDS)


class Transport:
    """Sends requests to one API, with its key.

    Args:
        base_url: the API's origin, `https` unless it is this machine.
        api_key: goes into the Authorization header of API calls and nowhere else.
        version: the X-Runway-Version to speak.
        http: a session to borrow for the API calls; it is never closed here.
        connections: makes the connections where none are borrowed; entered before this is.

    Raises:
        ValueError: there is no key, or the base URL is no absolute http(s) URL, or would send the key in the clear.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str | None,
        version: str,
        http: aiohttp.ClientSession | None,
        connections: Connections,
    ) -> None:
        self._base = _checked_base(base_url)
        api_key = _checked_key(api_key)
        self._prefix = self._base.raw_path.rstrip("/")
        self._secret = api_key.encode()
        self._headers = CIMultiDict(
            {"Authorization": f"Bearer {api_key}", "Accept": "application/json", "X-Runway-Version": version}
        )
        self._passed: Mapping[str, str] = {}
        self._passed_with_body: Mapping[str, str] = {}
        self._options: Mapping[str, Any] = {}
        self._calls = TimeLimit(_CALL_SECONDS)
        self._borrowed = http
        self._connections = connections
        self._api: aiohttp.ClientSession | None = None

    @property
    def base(self) -> URL:
        """The API's origin, with the path before its routes."""
        return self._base

    async def __aenter__(self) -> Self:
        route = self._connections.to_api(self._base, self._headers, borrowed=self._borrowed)
        self._api, self._options = route.session, route.options
        self._passed = CIMultiDict(route.headers)
        self._passed_with_body = CIMultiDict({**route.headers, "Content-Type": "application/json"})
        return self

    async def __aexit__(self, *_: object) -> None:
        self._calls.stop()
        if self._api is None:
            return
        if self._borrowed is None:
            await self._api.close()
        else:
            self._api.detach()  # what is borrowed stays open

    async def call(self, request: HttpRequest) -> HttpResponse:
        """Send what is free to repeat: a poll. At most 30 seconds."""
        try:
            with self._calls:
                return await self._send(request, limits=_CALL)
        except TimeoutError as error:
            raise ours(request.method, request.path, error) from None

    async def create(self, request: HttpRequest) -> HttpResponse:
        """Send what is paid: the caller must not repeat it without proof of refusal. At most 180 seconds."""
        return await self._send(request, limits=_CREATE)

    async def _send(self, request: HttpRequest, *, limits: aiohttp.ClientTimeout, waits: int = WAITS) -> HttpResponse:
        """Send a request; where no descriptor is left for its connection, wait: not a byte has been sent then."""
        assert self._api is not None  # noqa: S101 - the session opens its transport before it uses it
        try:
            async with self._api.request(
                request.method,
                self._base.with_path(self._prefix + request.path, encoded=True),
                data=request.body,
                headers=self._passed if request.body is None else self._passed_with_body,
                timeout=limits,
                allow_redirects=False,
                raise_for_status=False,  # a borrowed session may have it otherwise
                **self._options,
            ) as response:
                if response.status == 407:  # no API answers so, only a proxy that has not passed it on
                    raise refused_by_proxy(f"{request.method} {request.path}", response.status, response.reason)
                body = self._masked(await _beginning(response.content))
                if len(body) > BODY_LIMIT:
                    raise ProtocolError(
                        f"the answer to {request.path} is larger than {BODY_LIMIT} bytes",
                        status=response.status,
                        body=body[:2000],
                    )
                return HttpResponse(status=response.status, headers=response.headers, body=body)
        except THEIRS as error:
            if not (waits and isinstance(error, aiohttp.ClientConnectorError) and is_exhaustion(error)):
                raise ours(request.method, request.path, error, host=self._base.host) from safe(error)
        await asyncio.sleep(BETWEEN_WAITS)
        return await self._send(request, limits=limits, waits=waits - 1)

    def _masked(self, body: bytes) -> bytes:
        return body.replace(self._secret, b"***") if self._secret in body else body


def _checked_key(key: str | None) -> str:
    key = (key or "").strip()
    if not key:
        raise ValueError("no API key: set COMETAPI_KEY in the environment, or pass Session(api_key=...)")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError("the API key holds characters that no key has; was more than the key copied?")
    return key


def _checked_base(base_url: str) -> URL:
    try:
        url = URL(base_url)
    except ValueError as error:
        raise ValueError(f"base_url {base_url!r}: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"base_url must be an absolute http(s) URL such as https://api.cometapi.com, got {base_url!r}")
    if url.scheme == "http" and not is_this_machine(url.host):
        raise ValueError(f"base_url {base_url!r} would send the API key in the clear: use https")
    if url.user or url.query_string or url.fragment:
        raise ValueError("base_url must hold no user, query or fragment")
    if url.path.rstrip("/").endswith("/v1"):
        raise ValueError(f"base_url {base_url!r} must be without /v1: the routes carry their own prefix")
    return url


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """Return the body, or, of one beyond the limit, somewhat more than the limit."""
    chunk = await content.readany()
    if content.at_eof():
        return chunk
    body = bytearray(chunk)
    while not content.at_eof() and len(body) <= BODY_LIMIT:
        body += await content.readany()
    return bytes(body)
