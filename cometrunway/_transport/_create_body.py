"""The body of a create: written once, onto a connection that has not idled; and whether that has begun is known."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from aiohttp.payload import Payload

LONGEST_IDLE = 0.25
"""Seconds without use after which no create goes out on a connection: its server may be closing it just now."""


class _Writer(Protocol):
    """What is used of aiohttp's writer."""

    output_size: int
    protocol: asyncio.BaseProtocol
    transport: asyncio.Transport | None

    async def write(self, chunk: bytes) -> None: ...


class LastUses:
    """When each connection brought its latest acceptance of a create."""

    def __init__(self) -> None:
        self._moments: WeakKeyDictionary[asyncio.BaseProtocol, float] = WeakKeyDictionary()

    def note(self, connection: asyncio.BaseProtocol) -> None:
        """Remember that the connection is in use."""
        self._moments[connection] = asyncio.get_running_loop().time()

    def take(self, connection: asyncio.BaseProtocol) -> bool:
        """Whether the connection brought an acceptance a moment ago, and no create went out on it since."""
        moment = self._moments.pop(connection, None)
        return moment is not None and asyncio.get_running_loop().time() - moment <= LONGEST_IDLE


class CreateBody(Payload):
    """What a create carries. Without its body no create is accepted, so until that is begun nothing was sent.

    A repetition of the request, by any layer, is a second writing, and is refused.

    Args:
        content: what is written.
        uses: of the connections that creates go out on.
        may_begin: asked at the last moment, when the connection is there.
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
        """Whether the latest attempt ended before it began, for its connection had idled or was closed."""

    def withdraw(self) -> bool:
        """Let it not be sent from now on; False if it may have been sent already."""
        self._is_over = True
        return not self._has_begun

    def accepted(self) -> None:
        """Note that its connection brought an id of its own, so that the next create may go out on it.

        After any other answer the next one on this connection may be late, or the same once more.
        """
        if self._connection is not None:
            self._uses.note(self._connection)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the content as text."""
        return self._content.decode(encoding, errors)

    async def write(self, writer: Any) -> None:
        """Write it; aiohttp has held the headers back until now."""
        if self._is_over or not self._may_begin():
            raise RuntimeError("a create is sent once, and no longer when the session is left")
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
        raise ConnectionResetError("the connection has idled, or was closed")
