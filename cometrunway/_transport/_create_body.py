"""The body of a create. It is written once, on a connection that is not idle, and knows whether writing has begun."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from aiohttp.payload import Payload

LONGEST_IDLE = 0.25
"""No create is sent on a connection that was idle for so many seconds, because its server may be closing it."""


class _Writer(Protocol):
    """The part of aiohttp's writer that is used."""

    output_size: int
    protocol: asyncio.BaseProtocol
    transport: asyncio.Transport | None

    async def write(self, chunk: bytes) -> None: ...


class LastUses:
    """The time of the latest accepted create of each connection."""

    def __init__(self) -> None:
        self._moments: WeakKeyDictionary[asyncio.BaseProtocol, float] = WeakKeyDictionary()

    def note(self, connection: asyncio.BaseProtocol) -> None:
        """Record that the connection is in use."""
        self._moments[connection] = asyncio.get_running_loop().time()

    def take(self, connection: asyncio.BaseProtocol) -> bool:
        """Whether a create was accepted on the connection a moment ago, and none was sent on it since."""
        moment = self._moments.pop(connection, None)
        return moment is not None and asyncio.get_running_loop().time() - moment <= LONGEST_IDLE


class CreateBody(Payload):
    """The body of a create. Without its body no create is accepted, so until it is begun nothing was sent.

    If any layer repeats the request, the body is written a second time, and that is refused.

    Args:
        content: the bytes of the body.
        uses: the latest uses of the connections for creates.
        may_begin: called at the last moment, when the connection is ready; False ends the create.
    """

    _autoclose = True  # there is nothing to close

    def __init__(self, content: bytes, uses: LastUses, may_begin: Callable[[], bool]) -> None:
        super().__init__(content, content_type="application/json")
        self._size = len(content)
        self._content = content
        self._uses = uses
        self._may_begin = may_begin
        self._is_over = False
        self._has_begun = False
        self._connection: asyncio.BaseProtocol | None = None
        self.met_a_stale_connection = False
        """Whether the latest attempt ended before it began, because its connection was idle or closed."""

    def withdraw(self) -> bool:
        """Prevent it from being sent from now on; return False if it may have been sent already."""
        self._is_over = True
        return not self._has_begun

    def accepted(self) -> None:
        """Record that the answer on its connection had a new id, so that the next create may use the connection.

        After any other answer, the next answer on this connection may be late, or the same again.
        """
        if self._connection is not None:
            self._uses.note(self._connection)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the content as text."""
        return self._content.decode(encoding, errors)

    async def write(self, writer: Any) -> None:
        """Write the body. aiohttp has held the headers back until now."""
        if self._is_over or not self._may_begin():
            raise RuntimeError("a create is sent once, and not after the session was closed")
        self._check_connection(writer)
        self._is_over = self._has_begun = True
        try:
            await writer.write(self._content)
        except BaseException:
            self._has_begun = writer.output_size > 0  # a tracing hook may have raised before
            raise

    def _check_connection(self, writer: _Writer) -> None:
        self._connection = writer.protocol
        is_new = getattr(self._connection, "_payload", None) is None  # aiohttp's parser has made no answer's body yet
        is_open = writer.transport is not None and not writer.transport.is_closing()
        if is_open and (is_new or self._uses.take(self._connection)):
            return
        self.met_a_stale_connection = not is_new
        raise ConnectionResetError("the connection was idle, or was closed")
