"""Which connections are used again: none on which bytes came that no request had asked for."""

from typing import Any

import aiohttp
from aiohttp.connector import Connection


class QuietWhileIdle:
    """A part of a connector: a connection on which bytes came while nothing was asked is not used again.

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
