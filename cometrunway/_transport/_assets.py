"""Asset hosts: files are opened for reading, with no credential and no cookie."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

import aiohttp
from attrs import frozen
from yarl import URL

from cometrunway._media._urls import without_query
from cometrunway._transport._connections import CONNECT_SECONDS, new_session
from cometrunway._transport._descriptors import when_free
from cometrunway._transport._exceptions import THEIRS, ours, safe
from cometrunway.errors import ProtocolError

_HOPS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=60)


@frozen(kw_only=True)
class AssetStream:
    """An asset host's answer, its body still to be read."""

    status: int
    headers: Mapping[str, str]
    """Looked up in any case."""
    chunks: AsyncGenerator[bytes, None]


class AssetHosts:
    """Opens files at any host, over connections that no API call uses."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = new_session({})
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def open(self, url: str, headers: dict[str, str]) -> AsyncGenerator[AssetStream, None]:
        """Open a file for reading, following up to five redirects.

        Raises:
            TransportError: no answer, a broken one while reading, or a silence of 60 seconds.
            ProtocolError: too many redirects, or one to something other than http(s).
        """
        response = await self._response(url, headers)
        try:
            yield AssetStream(status=response.status, headers=response.headers, chunks=_chunks(response))
        finally:
            response.close()

    async def _response(self, url: str, headers: dict[str, str]) -> aiohttp.ClientResponse:
        assert self._session is not None  # noqa: S101 - the session opens it before it is used
        target = _asset_url(url)
        for _ in range(_HOPS + 1):
            try:
                response = await when_free(
                    partial(
                        self._session.get,
                        target,
                        headers={"Accept-Encoding": "identity", **headers},
                        timeout=_TIMEOUT,
                        allow_redirects=False,
                    )
                )
            except THEIRS as error:
                raise ours("GET", str(target), error) from safe(error)
            location = response.headers.get("Location") if response.status in _REDIRECTS else None
            if location is None:
                return response
            response.close()
            target = _asset_url(location, relative_to=target)
        raise ProtocolError(f"more than {_HOPS} redirects from {without_query(url)}", status=response.status)


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


async def _chunks(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except THEIRS as error:
        raise ours("GET", str(response.url), error) from safe(error)
