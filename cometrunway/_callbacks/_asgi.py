"""The receiver as an ASGI application: scopes `http` and `lifespan`, and no framework."""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Status = Callable[[str, str, AsyncIterable[bytes]], Awaitable[int]]
"""Returns the status of the answer to a request, given its method, its path and its body."""


class _DisconnectedError(Exception):
    """The sender disconnected before its body was complete."""


async def respond(status: Status, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """Answer one request, or handle the start and the end of the server."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "http":
        try:
            code = await status(scope["method"], scope["path"], _chunks(receive))
        except _DisconnectedError:
            return
        headers = [(b"content-length", b"0"), *([(b"allow", b"POST")] if code == 405 else [])]
        await send({"type": "http.response.start", "status": code, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close"})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _DisconnectedError
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return
