"""How connections are made: their number, how long an idle one is kept, and the client session that owns them."""

from collections.abc import Mapping

import aiohttp

from cometrunway._transport._descriptors import connections

CONNECT_SECONDS = 15.0
_KEEPALIVE = 4.0  # shorter than common servers' own, so that no create meets a connection that is being closed


def new_session(headers: Mapping[str, str], *, auto_decompress: bool = True) -> aiohttp.ClientSession:
    """Return a client session with its own connections, without cookies."""
    return aiohttp.ClientSession(
        headers=headers,
        connector=aiohttp.TCPConnector(limit=connections(), keepalive_timeout=_KEEPALIVE),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=auto_decompress,
    )
