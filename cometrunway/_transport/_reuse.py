"""The rule for reusing connections: none is reused after unexpected bytes came on it."""

from typing import Any

import aiohttp
from aiohttp.connector import Connection


class QuietWhileIdle:
    """A part of a connector. It does not reuse a connection on which bytes came without a request.

    aiohttp would take them for the answer to the next request, which may be about another task or file.
    """

    async def _get(self, *arguments: Any) -> Connection | None:
        connection: Connection | None = await super()._get(*arguments)  # type: ignore[misc]  # of the connector
        while connection is not None and connection.protocol is not None and connection.protocol.should_close:
            connection.close()
            connection = await super()._get(*arguments)  # type: ignore[misc]  # as above
        return connection


class Connector(QuietWhileIdle, aiohttp.TCPConnector):
    """Makes direct connections."""
