"""Servers on loopback that stand between a client and the emulator: HTTP and SOCKS proxies, and one that speaks TLS."""

import asyncio
import json
import signal
import ssl
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Self
from urllib.parse import urlsplit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Server:
    """Serves each connection on a free port of loopback until it is left."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._stack = AsyncExitStack()
        self._writers: set[asyncio.StreamWriter] = set()
        self.connections = 0

    async def __aenter__(self) -> Self:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._stack.callback(server.close)
        self.port = server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if self._tls is not None:  # a client that refuses it is no error of the server's
                await writer.start_tls(self._tls)
            await self.serve(reader, writer)
        self._writers.discard(writer)
        writer.transport.abort() if writer.transport.is_closing() else writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    async def opened(self, host: str, port: int) -> Streams:
        """Connect to where the client wants to go; every name is this machine."""
        streams = await asyncio.open_connection("127.0.0.1" if not host[0].isdigit() else host, port)
        self._writers.add(streams[1])
        return streams


class TLSServer(_Server):
    """Decrypts, and passes on to a port."""

    def __init__(self, tls: ssl.SSLContext, to_port: int) -> None:
        super().__init__(tls)
        self._to_port = to_port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _joined((reader, writer), await self.opened("127.0.0.1", self._to_port))


class HTTPProxy(_Server):
    """An HTTP proxy.

    Args:
        authorization: what it wants as Proxy-Authorization; answers 407 else.
        answer: the status that it answers every request with, and passes none on; 0 closes the connection instead.
        tls: what it speaks itself, for an `https://` proxy.
        dies_after: close the connection once a request is passed on, before its answer.
    """

    def __init__(
        self,
        *,
        authorization: str | None = None,
        answer: int | None = None,
        tls: ssl.SSLContext | None = None,
        dies_after: Callable[[str], bool] = lambda _line: False,
    ) -> None:
        super().__init__(tls)
        self.authorization = authorization
        self.answer = answer
        self.dies_after = dies_after
        self.heads: list[str] = []
        """All that it read itself: requests for CONNECT, and heads of plain requests."""

    @property
    def connects(self) -> list[str]:
        """Where CONNECT was asked for."""
        return [head.split()[1] for head in self.heads if head.startswith("CONNECT ")]

    @property
    def forwarded(self) -> list[str]:
        """The targets of plain requests."""
        return [head.split()[1] for head in self.heads if not head.startswith("CONNECT ")]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin1"):
            self.heads.append(head)
            fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n"))}
            body = await reader.readexactly(int(fields.get("content-length", 0)))
            status = self.answer
            if self.authorization is not None and fields.get("proxy-authorization") != self.authorization:
                status = 407
            if status == 0:
                return
            if status is not None:
                writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
                continue
            method, target, _ = head.split(" ", 2)
            if method == "CONNECT":
                host, _, port = target.rpartition(":")
                there = await self.opened(host, int(port))
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                await _joined((reader, writer), there)
                return
            there = await self.opened(urlsplit(target).hostname or "", urlsplit(target).port or 80)
            there[1].write(_origin_form(head).encode("latin1") + body)
            if self.dies_after(head):
                await there[0].readuntil(b"\r\n\r\n")  # it has arrived, and was answered
                return
            await _copied(there[0], writer)
            return


class SocksProxy(_Server):
    """A SOCKS 5 proxy, with or without a user and a password."""

    def __init__(self, *, credentials: tuple[str, str] | None = None) -> None:
        super().__init__()
        self.credentials = credentials
        self.connects: list[tuple[str, int]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        wanted = 0 if self.credentials is None else 2
        if wanted not in methods:
            writer.write(b"\x05\xff")
            return
        writer.write(bytes([5, wanted]))
        if wanted == 2:
            _, length = await reader.readexactly(2)
            user = (await reader.readexactly(length)).decode()
            [length] = await reader.readexactly(1)
            password = (await reader.readexactly(length)).decode()
            is_right = (user, password) == self.credentials
            writer.write(bytes([1, 0 if is_right else 1]))
            if not is_right:
                return
        _, _, _, kind = await reader.readexactly(4)
        if kind == 1:
            host = ".".join(map(str, await reader.readexactly(4)))
        else:
            [length] = await reader.readexactly(1)
            host = (await reader.readexactly(length)).decode()
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.connects.append((host, port))
        there = await self.opened(host, port)
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        await _joined((reader, writer), there)


def _origin_form(head: str) -> str:
    first, _, rest = head.partition("\r\n")
    method, target, version = first.split(" ")
    parts = urlsplit(target)
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    kept = [line for line in rest.split("\r\n") if not line.lower().startswith(("proxy-", "connection:"))]
    return "\r\n".join([f"{method} {path} {version}", "Connection: close", *kept])


async def _joined(one: Streams, other: Streams) -> None:
    await asyncio.gather(_copied(one[0], other[1]), _copied(other[0], one[1]), return_exceptions=True)


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while block := await reader.read(65536):
            writer.write(block)
            await writer.drain()
    writer.close()


async def _run(server: HTTPProxy | TLSServer) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with server:
        print(server.port, flush=True)
        await stopped.wait()
    print(json.dumps(server.heads if isinstance(server, HTTPProxy) else []))


def main() -> None:
    """Be a proxy, or a server that speaks TLS for a port, in a process of its own, until SIGTERM.

    Prints its port, and in the end the heads of the requests that a proxy has read, as JSON.
    """
    kind, *arguments = sys.argv[1:]
    if kind == "proxy":
        asyncio.run(_run(HTTPProxy(authorization=arguments[0] if arguments else None)))
    else:
        certificate, port = arguments
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        asyncio.run(_run(TLSServer(context, int(port))))


if __name__ == "__main__":
    main()
