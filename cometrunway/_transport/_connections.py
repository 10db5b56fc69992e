"""How connections are made: their number, how long an idle one is kept, and the client session that owns them."""

import inspect
from collections.abc import Mapping
from typing import Any

import aiohttp

from cometrunway._transport._descriptors import connections

CONNECT_SECONDS = 15.0
_KEEPALIVE = 4.0
"""Seconds without use after which a connection is closed: less than common servers wait."""
_OPTIONS = inspect.signature(aiohttp.ClientSession).parameters

AS_SENT: dict[str, Any] = {"max_line_size": 65_536, "max_field_size": 65_536, "auto_decompress": False} | (
    {"max_headers": 1_000} if "max_headers" in _OPTIONS else {}
)
"""Options of a request: a gateway may add cookies and policies of any length; bodies come as they were sent."""
WITHOUT_MIDDLEWARES: dict[str, Any] = {"middlewares": ()} if "middlewares" in _OPTIONS else {}


def new_session(headers: Mapping[str, str], *, keepalive: float = _KEEPALIVE) -> aiohttp.ClientSession:
    """Return a client session with its own connections, without cookies; bodies come as they were sent."""
    return aiohttp.ClientSession(
        headers=headers,
        connector=aiohttp.TCPConnector(limit=connections(), keepalive_timeout=keepalive),
        cookie_jar=aiohttp.DummyCookieJar(),
        **AS_SENT,
    )
