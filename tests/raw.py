"""A server on loopback that answers whatever bytes a test gives, and a link to it that takes its time."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from attrs import define, evolve, field, frozen

KEY = "sk-raw-server"


@frozen
class RawRequest:
    """A request that has arrived whole."""

    method: str
    path: str
    head: str
    body: bytes
    number: int = 1
    """From 1, of those with its method and path."""


Answer = Callable[[RawRequest], bytes]
"""Gives the bytes of an answer; none closes the connection."""


@define
class RawServer:
    """What it was asked, and where it listens."""

    port: int = 0
    requests: list[RawRequest] = field(factory=list)
    connections: int = 0

    @property
    def base_url(self) -> str:
        """The origin to give to a session."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def creates(self) -> list[RawRequest]:
        """The creates that have arrived whole."""
        return [request for request in self.requests if request.path.startswith("/runwayml/v1/image_to_video")]


def http(body: object, status: int = 200, *headers: str) -> bytes:
    """Return the bytes of an answer: a body of bytes as it is, any other as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def accepting(request: RawRequest) -> bytes:
    """Accept each create under an id of its own; each task succeeds at once, without a file to download."""
    if request.method == "POST":
        return http({"id": f"task-{request.number}"})
    return succeeded(request)


def succeeded(request: RawRequest) -> bytes:
    """Say that the task has succeeded."""
    task_id = request.path.rpartition("/")[2]
    return http({"id": task_id, "status": "SUCCEEDED", "output": [f"https://127.0.0.1:1/{task_id}.mp4"]})


async def read_request(reader: asyncio.StreamReader) -> RawRequest:
    """Return the next request of a connection, once it has arrived whole."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lengths = [line for line in head.lower().splitlines() if line.startswith("content-length:")]
    body = await reader.readexactly(int(lengths[0].partition(":")[2])) if lengths else b""
    method, path = head.split()[:2]
    return RawRequest(method, path, head, body)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """Serve connections until the block ends, and yield the port; nothing is left open."""
    under_way: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way[task] = writer
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        del under_way[task]

    listener = await asyncio.start_server(served, "127.0.0.1", 0, limit=2**26, backlog=1024)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        while under_way:
            for writer in under_way.values():
                writer.transport.abort()
            await asyncio.wait(tuple(under_way))


@asynccontextmanager
async def raw_server(answer: Answer = accepting, *, idle: float | None = None) -> AsyncIterator[RawServer]:
    """Serve until the block ends; a connection that is idle for so many seconds is closed."""
    server = RawServer()
    numbers: dict[tuple[str, str], itertools.count[int]] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        closing: asyncio.TimerHandle | None = None
        while True:
            request = await read_request(reader)
            if closing is not None:
                closing.cancel()
            same = numbers.setdefault((request.method, request.path), itertools.count(1))
            request = evolve(request, number=next(same))
            server.requests.append(request)
            reply = answer(request)
            if not reply:
                return
            writer.write(reply)
            if idle is not None:
                closing = asyncio.get_running_loop().call_later(idle, writer.close)

    async with listening(serve) as server.port:
        yield server


@asynccontextmanager
async def link(port: int, seconds: float) -> AsyncIterator[int]:
    """Open a port that leads to another one; each byte takes so many seconds in either direction."""
    loop = asyncio.get_running_loop()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while content := await reader.read(65536):
                loop.call_later(seconds, writer.write, content)
        loop.call_later(seconds, writer.close)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
        await far_writer.wait_closed()

    async with listening(serve) as here:
        yield here
