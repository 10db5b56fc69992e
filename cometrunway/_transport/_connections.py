"""Makes connections: their number, how long idle ones are kept, the proxy, the trusted certificates."""

import copy
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Self

import aiohttp
from attrs import evolve, frozen
from yarl import URL

from cometrunway._threads import in_thread
from cometrunway._transport._addresses import AddressRule, is_same_origin
from cometrunway._transport._certificates import tls_context
from cometrunway._transport._descriptors import connections
from cometrunway._transport._proxies import Proxies, Proxy
from cometrunway._transport._reuse import Connector

CONNECT_SECONDS = 15.0
_KEEPALIVE = 4.0
"""Idle connections are closed after so many seconds, which is less than common servers wait."""
_NONE: Mapping[str, Any] = {}
AS_SENT: Mapping[str, Any] = {
    "max_line_size": 65_536,
    "max_field_size": 65_536,
    "max_headers": 1_000,
    "auto_decompress": False,
}
"""Options of a request: a gateway may add cookies and policies of any length; bodies come as they were sent."""


@frozen(kw_only=True, eq=False, repr=False)
class Route:
    """How requests to one origin are sent."""

    session: aiohttp.ClientSession
    headers: Mapping[str, str] = _NONE
    """The headers of each request that its session does not add."""
    options: Mapping[str, Any] = _NONE
    """The options of each request."""


class Connections:
    """Makes client sessions with the proxies and certificates of the environment as it is when this is entered.

    A `.netrc` is never read.

    Args:
        trust_env: whether to use the environment's proxies and certificates.

    Raises:
        ValueError: on entering, a proxy or certificates of the environment cannot be used.
    """

    def __init__(self, *, trust_env: bool = True) -> None:
        self._trust_env = trust_env
        self._proxies = Proxies()
        self._tls: Any = True

    async def __aenter__(self) -> Self:
        await in_thread(self.read_environment)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close nothing, because the code that opened a session closes it."""

    def read_environment(self) -> None:
        """Read the environment; `ValueError` if a proxy or a certificate cannot be used. Reads files."""
        self._tls = tls_context(trust_env=self._trust_env)
        self._proxies = Proxies.of_environment() if self._trust_env else Proxies()
        for proxy in self._proxies.by_scheme.values():
            _check_support(proxy)

    def to_api(
        self,
        base: URL,
        headers: Mapping[str, str],
        *,
        borrowed: aiohttp.ClientSession | None = None,
        keepalive: float = _KEEPALIVE,
    ) -> Route:
        """Return the route of API calls, with these headers, over connections that are kept for so many seconds.

        The session of the route is the caller's: to be closed, or, where one was borrowed, to be detached.
        """
        if borrowed is not None:
            route = _by_copy(borrowed, base)
        elif proxy := self._proxies.for_url(base):
            route = _through(proxy, base, self.new_session(proxy=proxy, keepalive=keepalive))
        else:
            # It adds them itself, which takes less of the processor. With a proxy it would send them there, too.
            return Route(session=self.new_session(headers, keepalive=keepalive))
        return evolve(route, headers={**headers, **route.headers})

    def proxy_for(self, url: URL) -> Proxy | None:
        """Return the proxy for a URL; None if there is none."""
        return self._proxies.for_url(url)

    def new_session(
        self,
        headers: Mapping[str, str] = _NONE,
        *,
        proxy: Proxy | None = None,
        rule: AddressRule | None = None,
        keepalive: float = _KEEPALIVE,
    ) -> aiohttp.ClientSession:
        """Return a client session with its own connections, without cookies; bodies come as they were sent.

        Args:
            headers: what it adds to each request.
            proxy: the proxy of its connections. Only a SOCKS proxy is set here; an HTTP proxy is set for each request.
            rule: the addresses to which it may not connect.
            keepalive: idle connections are closed after so many seconds.
        """
        options: dict[str, Any] = {"limit": connections(), "keepalive_timeout": keepalive, "ssl": self._tls}
        if rule:
            options["socket_factory"] = rule.socket
        return aiohttp.ClientSession(
            headers=headers,
            connector=_socks_connector(proxy, options) if proxy and proxy.is_socks else Connector(**options),
            cookie_jar=aiohttp.DummyCookieJar(),
            **AS_SENT,
        )


class FileRoutes:
    """Sessions for files at any host: one for each proxy, and one without, which keeps the rule about addresses.

    They are used for no API call. Leaving the block closes their connections.

    Args:
        connections: makes the sessions; entered before this is.
        api: the API's origin, to which the rule about private addresses is relative.
        allow_private: whether private addresses are allowed.
    """

    def __init__(self, connections: Connections, *, api: URL, allow_private: bool = False) -> None:
        self._connections = connections
        self._rule = AddressRule.beside(api.host or "", allow_private=allow_private)
        self._api = api
        self._sessions: dict[tuple[Proxy | None, bool], aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def to(self, url: URL) -> Route:
        """Return the route of a file's URL.

        Raises:
            PrivateAddressError: the host is refused because of its name.
        """
        is_free = is_same_origin(url, self._api)
        proxy = self._connections.proxy_for(url)
        if not is_free and self._rule:
            self._rule.check_name(url.raw_host or "")
        is_guarded = proxy is None and not is_free
        session = self._sessions.get((proxy, is_guarded))
        if session is None:
            rule = self._rule if is_guarded else None
            session = self._connections.new_session(proxy=proxy, rule=rule)
            self._sessions[proxy, is_guarded] = session
        return _through(proxy, url, session)


def _by_copy(borrowed: aiohttp.ClientSession, base: URL) -> Route:
    """Return the route over a borrowed session's connections.

    It is made by a copy of the session that reads no `.netrc`, and adds no credentials of its own to the key.
    """
    session = copy.copy(borrowed)
    session._default_auth = None  # noqa: SLF001 - aiohttp raises where there is an Authorization header, too
    if not borrowed.trust_env:
        return Route(session=session)
    session._trust_env = False  # noqa: SLF001 - it makes aiohttp read a .netrc, and look up the proxy for each request
    has_proxy = session._default_proxy is not None  # noqa: SLF001 - it goes before the environment's
    return _through(None if has_proxy else Proxies.of_environment().for_url(base), base, session)


def _through(proxy: Proxy | None, url: URL, session: aiohttp.ClientSession) -> Route:
    """Return the route of a session through a proxy, which reads requests to http URLs, and CONNECT for others."""
    route = Route(session=session)
    if proxy is None or proxy.is_socks:
        return route
    if url.scheme == "http":
        return evolve(route, headers=proxy.headers, options={"proxy": proxy.url})
    return evolve(route, options={"proxy": proxy.url, "proxy_headers": proxy.headers})


def _check_support(proxy: Proxy) -> None:
    if proxy.is_socks:
        try:
            import_module("cometrunway._transport._socks")
        except ImportError as error:
            raise ValueError(
                f"{proxy.source} names a SOCKS proxy, which needs an extra: pip install 'cometrunway[socks]'; "
                "Session(trust_env=False) ignores it"
            ) from error


def _socks_connector(proxy: Proxy, options: dict[str, Any]) -> aiohttp.BaseConnector:
    from cometrunway._transport._socks import SocksConnector  # noqa: PLC0415 - the extra may be missing

    return SocksConnector(proxy, **options)
