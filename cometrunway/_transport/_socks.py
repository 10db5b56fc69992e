"""SOCKS proxies, with the library of the extra `socks`. It is imported only if one is used."""

import asyncio
from ssl import SSLContext
from typing import Any

import python_socks
from aiohttp.client_proto import ResponseHandler
from aiohttp_socks import ProxyConnector, ProxyType

from cometrunway._transport._proxies import NotConnectedError, Proxy
from cometrunway._transport._reuse import QuietWhileIdle

_TYPES = {
    "socks4": ProxyType.SOCKS4,
    "socks4a": ProxyType.SOCKS4,
    "socks5": ProxyType.SOCKS5,
    "socks5h": ProxyType.SOCKS5,
}


class SocksConnector(QuietWhileIdle, ProxyConnector):
    """Makes connections through one SOCKS proxy, which also resolves names; version 4 cannot, but 4a can.

    Args:
        proxy: one whose `is_socks` is true.
        options: of an aiohttp `TCPConnector`.
    """

    def __init__(self, proxy: Proxy, **options: Any) -> None:
        super().__init__(
            host=proxy.host,
            port=proxy.port,
            proxy_type=_TYPES[proxy.scheme],
            username=proxy.username,
            password=proxy.password,
            rdns=proxy.scheme != "socks4",
            **options,
        )
        self._proxy = proxy

    async def _connect_via_proxy(
        self,
        host: str,
        port: int,
        ssl: SSLContext | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        try:
            return await super()._connect_via_proxy(host, port, ssl, timeout)
        except (python_socks.ProxyError, OSError) as error:
            inner = error if isinstance(error, OSError) else OSError(str(error))
            raise NotConnectedError(host, inner) from error
