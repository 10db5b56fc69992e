"""The receiver as servers call it: over sockets as a part of an application of aiohttp.web, and by ASGI."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from cometrunway._callbacks._receiver import CallbackReceiver

Post = Callable[..., Awaitable[tuple[int, dict[str, str], bytes]]]
"""Sends a request to a path below the receiver's and returns status, headers and body."""
PATH = "aaaaBBBBccccDDDDeeeeFFFFggggHHHHiiiiJJJJ"


@asynccontextmanager
async def by_aiohttp(receiver: CallbackReceiver) -> AsyncIterator[Post]:
    """Serve it as a part of an application of aiohttp.web, over real sockets."""
    app = web.Application()
    app.add_subapp("/hooks", receiver.aiohttp_app())
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/"
        async with aiohttp.ClientSession() as client:

            async def post(path: str, body: Any = b"", **options: Any) -> tuple[int, dict[str, str], bytes]:
                method = options.pop("method", "POST")
                async with client.request(method, url + path, data=body, **options) as answer:
                    headers = {name.lower(): value for name, value in answer.headers.items()}
                    return answer.status, headers, await answer.read()

            yield post
    finally:
        await runner.cleanup()


@asynccontextmanager
async def by_asgi(receiver: CallbackReceiver) -> AsyncIterator[Post]:
    """Call it as an ASGI server does that has it mounted."""

    async def post(path: str, body: Any = b"", **options: Any) -> tuple[int, dict[str, str], bytes]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if isinstance(body, bytes):
                return {"type": "http.request", "body": body}
            chunk = await anext(body, None)
            return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": options.get("method", "POST"), "path": f"/hooks/{path}", "headers": []}
        await receiver.asgi(scope, receive, send)
        start, *bodies = sent
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, b"".join(message["body"] for message in bodies)

    yield post


def taker(came: list[tuple[str, bytes]]) -> Callable[[str, bytes], bool]:
    """Return what a session does with posts, which keeps them."""

    def take(path: str, body: bytes) -> bool:
        came.append((path, body))
        return True

    return take


def receiver() -> CallbackReceiver:
    """Return a receiver that is mounted nowhere."""
    return CallbackReceiver("https://me.example/hooks")
