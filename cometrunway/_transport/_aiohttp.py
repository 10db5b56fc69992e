"""The transport: the only module that knows aiohttp's client, and where its exceptions become ours."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_address
from typing import Self

import aiohttp
from attrs import frozen
from multidict import CIMultiDict
from yarl import URL

from cometrunway._media._urls import without_query
from cometrunway._transport._descriptors import BETWEEN_WAITS, WAITS, connections, is_exhaustion, when_free
from cometrunway._transport._time_limit import TimeLimit
from cometrunway._wire._http import HttpRequest, HttpResponse
from cometrunway.errors import ProtocolError, TransportError

BODY_LIMIT = 1024 * 1024
"""Bytes of an API answer, after decompression, beyond which it is refused."""
_HOPS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPALIVE = 4.0  # shorter than common servers' own, so that no create meets a connection that is being closed
_CONNECT = 15.0
_CALL_SECONDS = 30.0
_CALL = aiohttp.ClientTimeout(
    total=None, sock_connect=_CONNECT
)  # `total` and `connect` are one more timer for every poll
_CREATE = aiohttp.ClientTimeout(total=180, connect=_CONNECT)  # the gateway may try several channels before it answers
_ASSET = aiohttp.ClientTimeout(total=None, connect=_CONNECT, sock_read=60)

_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)
_THEIRS = (aiohttp.ClientError, OSError, ValueError)
"""OSError: also a timeout and TLS; ValueError: a host or a header that cannot be put into words."""


@frozen(kw_only=True)
class AssetStream:
    """An asset host's answer, its body still to be read."""

    status: int
    headers: Mapping[str, str]
    """Looked up in any case."""
    chunks: AsyncGenerator[bytes, None]


class Transport:
    """Sends requests to one API, with its key, and fetches assets from anywhere, without.

    Args:
        base_url: the API's origin, `https` unless it is this machine.
        api_key: goes into the Authorization header of API calls and nowhere else.
        version: the X-Runway-Version to speak.
        http: a session to borrow for the API calls; it is never closed here. Assets never go through it.

    Raises:
        ValueError: there is no key, or the base URL is no absolute http(s) URL, or would send the key in the clear.
    """

    def __init__(self, *, base_url: str, api_key: str | None, version: str, http: aiohttp.ClientSession | None) -> None:
        self._base = _checked_base(base_url)
        api_key = _checked_key(api_key)
        self._prefix = self._base.raw_path.rstrip("/")
        self._secret = api_key.encode()
        self._headers = CIMultiDict(
            {"Authorization": f"Bearer {api_key}", "Accept": "application/json", "X-Runway-Version": version}
        )
        # A session of our own adds them to each request, which takes less of the processor than to pass them.
        self._passed = CIMultiDict(self._headers if http else {})
        self._passed_with_body = CIMultiDict({**self._passed, "Content-Type": "application/json"})
        self._calls = TimeLimit(_CALL_SECONDS)
        self._borrowed = http
        self._api: aiohttp.ClientSession | None = None
        self._assets: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._api = self._borrowed or _new_session(self._headers)
        self._assets = _new_session({}, auto_decompress=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._calls.stop()
        try:
            if self._api is not None and self._api is not self._borrowed:
                await self._api.close()
        finally:
            if self._assets is not None:
                await self._assets.close()

    async def call(self, request: HttpRequest) -> HttpResponse:
        """Send what is free to repeat: a poll. At most 30 seconds."""
        try:
            with self._calls:
                return await self._send(request, limits=_CALL)
        except TimeoutError as error:
            raise _ours(request.method, request.path, error) from None

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
            ) as response:
                body = self._masked(await _beginning(response.content))
                if len(body) > BODY_LIMIT:
                    raise ProtocolError(
                        f"the answer to {request.path} is larger than {BODY_LIMIT} bytes",
                        status=response.status,
                        body=body[:2000],
                    )
                return HttpResponse(status=response.status, headers=response.headers, body=body)
        except _THEIRS as error:
            if not (waits and isinstance(error, aiohttp.ClientConnectorError) and is_exhaustion(error)):
                raise _ours(request.method, request.path, error) from _safe(error)
        await asyncio.sleep(BETWEEN_WAITS)
        return await self._send(request, limits=limits, waits=waits - 1)

    def _masked(self, body: bytes) -> bytes:
        return body.replace(self._secret, b"***") if self._secret in body else body

    @asynccontextmanager
    async def asset(self, url: str, headers: dict[str, str]) -> AsyncGenerator[AssetStream, None]:
        """Open a file for reading, following up to five redirects, with no credential and no cookie.

        Raises:
            TransportError: no answer, a broken one while reading, or a silence of 60 seconds.
            ProtocolError: too many redirects, or one to something other than http(s).
        """
        assert self._assets is not None  # noqa: S101 - as in `_send`
        response = await self._open_asset(url, headers)
        try:
            yield AssetStream(status=response.status, headers=response.headers, chunks=_chunks(response))
        finally:
            response.close()

    async def _open_asset(self, url: str, headers: dict[str, str]) -> aiohttp.ClientResponse:
        assert self._assets is not None  # noqa: S101 - as in `_send`
        target = _asset_url(url)
        for _ in range(_HOPS + 1):
            try:
                response = await when_free(
                    partial(
                        self._assets.get,
                        target,
                        headers={"Accept-Encoding": "identity", **headers},
                        timeout=_ASSET,
                        allow_redirects=False,
                    )
                )
            except _THEIRS as error:
                raise _ours("GET", str(target), error) from _safe(error)
            location = response.headers.get("Location") if response.status in _REDIRECTS else None
            if location is None:
                return response
            response.close()
            target = _asset_url(location, relative_to=target)
        raise ProtocolError(f"more than {_HOPS} redirects from {without_query(url)}", status=response.status)


def _new_session(headers: Mapping[str, str], *, auto_decompress: bool = True) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        headers=headers,
        connector=aiohttp.TCPConnector(limit=connections(), keepalive_timeout=_KEEPALIVE),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=auto_decompress,
    )


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
    if url.scheme == "http" and not _is_this_machine(url.host):
        raise ValueError(f"base_url {base_url!r} would send the API key in the clear: use https")
    if url.user or url.query_string or url.fragment:
        raise ValueError("base_url must hold no user, query or fragment")
    if url.path.rstrip("/").endswith("/v1"):
        raise ValueError(f"base_url {base_url!r} must be without /v1: the routes carry their own prefix")
    return url


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _asset_url(url: str, *, relative_to: URL | None = None) -> URL:
    try:
        target = URL(url, encoded=True)
        if relative_to is not None:
            target = relative_to.join(target)
        usable = target.scheme in {"http", "https"} and bool(target.host)
    except ValueError:
        usable = False
    if not usable:
        raise ProtocolError(f"not a URL that can be downloaded: {without_query(url)[:200]!r}", status=0)
    return target.with_user(None)


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """Return the body, or, of one beyond the limit, somewhat more than the limit."""
    chunk = await content.readany()
    if content.at_eof():
        return chunk
    body = bytearray(chunk)
    while not content.at_eof() and len(body) <= BODY_LIMIT:
        body += await content.readany()
    return bytes(body)


async def _chunks(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except _THEIRS as error:
        raise _ours("GET", str(response.url), error) from _safe(error)


def _ours(method: str, url: str, error: Exception) -> TransportError:
    """Return what to raise instead, from `_safe(error)`: theirs may hold the key, so only safe ones are the cause."""
    what = f"{method} {without_query(url)}"
    if isinstance(error, _NEVER_SENT):
        return TransportError(f"{what}: no connection: {_told(error)}", may_have_been_sent=False)
    if isinstance(error, TimeoutError):
        return TransportError(f"{what}: no answer in time")
    if isinstance(error, aiohttp.ClientError | OSError):
        return TransportError(f"{what}: the connection broke: {_told(error)}")
    return TransportError(f"{what}: {_told(error)}")


def _told(error: Exception) -> str:
    if isinstance(error, aiohttp.InvalidURL | TimeoutError):  # their text holds the URL, which may be signed
        return type(error).__name__
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _safe(error: Exception) -> Exception | None:
    if isinstance(error, aiohttp.ClientResponseError):
        # It holds the request's headers, and with them the key, and stays reachable as the context of ours.
        error.request_info, error.history, error.headers, error.args = None, (), None, ()  # type: ignore[assignment]
        return None
    return None if isinstance(error, aiohttp.InvalidURL | TimeoutError) else error
