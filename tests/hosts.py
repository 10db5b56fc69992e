"""Asset hosts on loopback that send byte for byte what a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random

from attrs import define, field
from yarl import URL

from cometrunway._transport._assets import AssetHosts
from cometrunway._transport._connections import Connections, FileRoutes

Write = Callable[[bytes], Awaitable[None]]
Script = Callable[[Write, Mapping[str, str]], Awaitable[None]]
"""Answers a request, of which it gets the headers."""


@define
class Host:
    """What a host was asked, and what it answers next; the last answer stays."""

    url: str
    answers: list[bytes | Script]
    requests: list[dict[str, str]] = field(factory=list)
    """The headers of each request, by their names in lower case, and its `path`."""


@asynccontextmanager
async def asset_hosts() -> AsyncIterator[AssetHosts]:
    """Yield what opens files, for an API on this machine."""
    async with FileRoutes(Connections(trust_env=False), api=URL("http://127.0.0.1")) as routes:
        yield AssetHosts(routes)


def answer(
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    status: int = 200,
    reason: str = "OK",
    sends: int | None = None,
) -> bytes:
    """Return an answer with its length, of whose body it `sends` so many bytes."""
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body[:sends]


def rest_of(content: bytes, headers: Mapping[str, str] | None = None, *, sent: bytes | None = None) -> Script:
    """Return a script that answers with what a request has asked for, of a file or of `sent` in its place."""

    async def script(write: Write, request: Mapping[str, str]) -> None:
        start = int(request["range"].removeprefix("bytes=").removesuffix("-"))
        place = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        await write(answer((sent or content)[start:], {**place, **(headers or {})}, status=206))

    return script


@asynccontextmanager
async def host(*answers: bytes | Script) -> AsyncIterator[Host]:
    """Serve answers in their order, one for each connection."""
    served = Host("", list(answers))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            served.requests.append({"path": head[0].split(" ")[1], **fields})
            script = served.answers.pop(0) if len(served.answers) > 1 else served.answers[0]
            if isinstance(script, bytes):
                await write(script)
            else:
                await script(write, served.requests[-1])
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side has left
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/clip.mp4"
        yield served


def clip(size: int = 100_000, *, seed: int = 7) -> bytes:
    """Return an MP4 of about that many bytes, which cannot be compressed."""
    data = Random(seed).randbytes(size)
    return b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + (len(data) + 8).to_bytes(4) + b"mdat" + data + b"\0\0\0\x08moov"
