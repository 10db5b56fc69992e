"""Opens files at asset hosts for reading, without credentials and cookies."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
from attrs import frozen
from multidict import CIMultiDictProxy
from yarl import URL

from cometrunway._media._urls import normalised_url, without_query
from cometrunway._transport._connections import CONNECT_SECONDS, FileRoutes
from cometrunway._transport._descriptors import when_free
from cometrunway._transport._exceptions import THEIRS, ours_of_host, refused_by_proxy
from cometrunway.errors import ProtocolError

_HOPS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=60)


@frozen(kw_only=True, eq=False, repr=False)
class AssetStream:
    """An asset host's answer. Its body is not yet read."""

    status: int
    headers: Mapping[str, str]
    """The headers by their names in lower case."""
    chunks: AsyncGenerator[bytes, None]


class AssetHosts:
    """Opens files at any host, over connections that are not used for API calls."""

    def __init__(self, routes: FileRoutes) -> None:
        self._routes = routes

    @asynccontextmanager
    async def open(self, url: str, headers: dict[str, str]) -> AsyncGenerator[AssetStream, None]:
        """Open a file for reading. It follows up to five redirects, but none to a refused address.

        Raises:
            TransportError: no answer came, the connection broke while reading, or no byte came for 60 seconds.
            ProtocolError: there are too many redirects, or one is not to http(s).
        """
        response, shown = await self._response(url, headers)
        try:
            yield AssetStream(
                status=response.status, headers=_joined(response.headers), chunks=_chunks(response, shown)
            )
        finally:
            response.close()

    async def _response(self, url: str, headers: dict[str, str]) -> tuple[aiohttp.ClientResponse, str]:
        """Return the answer, and what may be shown of where it came from."""
        shown = without_query(url)
        target = normalised_url(url)
        if target is None:
            raise ProtocolError(f"not a URL that can be downloaded: {shown[:200]!r}", status=0)
        for _ in range(_HOPS + 1):
            response = await self._get(target, shown, headers)
            location = response.headers.get("Location") if response.status in _REDIRECTS else None
            if location is None:
                return response, shown
            response.close()
            target = normalised_url(location, relative_to=target)
            if target is None:
                raise ProtocolError(
                    f"GET {without_query(url)} was redirected to {len(location)} characters, not an http(s) URL",
                    status=response.status,
                )
            shown = str(URL(target, encoded=True).origin())
        raise ProtocolError(f"more than {_HOPS} redirects from {without_query(url)}", status=response.status)

    async def _get(self, url: str, shown: str, headers: dict[str, str]) -> aiohttp.ClientResponse:
        target = URL(url, encoded=True).with_user(None)
        try:
            route = self._routes.to(target)
            response = await when_free(
                partial(
                    route.session.get,
                    target,
                    headers={"Accept-Encoding": "identity", **headers, **route.headers},
                    timeout=_TIMEOUT,
                    allow_redirects=False,
                    **route.options,
                )
            )
        except THEIRS as error:
            failure, cause = ours_of_host("GET", shown, error)
        else:
            if response.status != 407:
                return response
            response.close()
            failure, cause = refused_by_proxy(f"GET {shown}", response.status), None
        raise failure from cause


async def _chunks(response: aiohttp.ClientResponse, shown: str) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except THEIRS as error:
        failure, cause = ours_of_host("GET", shown, error)
    else:
        return
    raise failure from cause


def _joined(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """Return headers by their names in lower case; several of one name are a list."""
    return {name.lower(): ", ".join(headers.getall(name)) for name in headers}
