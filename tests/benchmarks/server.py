"""A server that is fast, and keeps books: `python -m tests.benchmarks.server --help`.

It answers Runway's official routes with hand-built bytes, so that what is measured is the client, and knows of every
task when it ended. Times are of the system's monotonic clock, which all processes of one machine share. It is no
emulator: it refuses nothing, and it believes whatever it is sent.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from random import Random

from tests.benchmarks import machine

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
_MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
_ID = "%08x-0000-4000-8000-%012x"
_RUNNING = b'{"id":"%b","status":"RUNNING","createdAt":"2026-11-20T14:51:00.123Z"}'
_PROGRESS = b'{"id":"%b","status":"RUNNING","createdAt":"2026-11-20T14:51:00.123Z","progress":0.%04d}'
_SUCCEEDED = (
    b'{"id":"%b","status":"SUCCEEDED","createdAt":"2026-11-20T14:51:00.123Z","output":["%b/files/%d.mp4?_jwt=e30.e30"]}'
)
_BACKLOG = 4096
_PIECE = 64 * 1024
_PARTS = [0.5 + number / 8 for number in range(9)]
"""How long clips are, one after the other: of equal ones, those that are fetched together would all end together."""


class Books:
    """All tasks, and how they were asked after."""

    def __init__(self, *, shortest: float, longest: float, progress: bool, seed: int) -> None:
        self._durations = Random(seed)
        self._range = shortest, longest
        self._has_progress = progress
        self._tasks: list[tuple[float, float]] = []
        self._polls: list[int] = []
        self.origin = b""

    def create(self) -> bytes:
        """Begin a task; return the body that names it."""
        now = time.monotonic()
        number = len(self._tasks)
        self._tasks.append((now, now + self._durations.uniform(*self._range)))
        self._polls.append(0)
        return b'{"id":"%b"}' % _task_id(number)

    def poll(self, task_id: bytes) -> bytes:
        """Return the body that says how far a task is."""
        number = int(task_id[:8], 16)
        began, ends = self._tasks[number]
        self._polls[number] += 1
        now = time.monotonic()
        if now >= ends:
            return _SUCCEEDED % (task_id, self.origin, number)
        if self._has_progress:
            return _PROGRESS % (task_id, int(10_000 * (now - began) / (ends - began)))
        return _RUNNING % task_id

    def told(self) -> bytes:
        """Return all that is known."""
        ends = {_task_id(number).decode(): ends for number, (_, ends) in enumerate(self._tasks)}
        begins = [begin for begin, _ in self._tasks]
        return json.dumps({"begins": begins, "ends": ends, "polls": sum(self._polls)}).encode()


def _task_id(number: int) -> bytes:
    return (_ID % (number, number)).encode()


class Line:
    """A network of so many bytes per second, which all connections share; 0 is one without a limit."""

    def __init__(self, bytes_per_second: float) -> None:
        self._pace = bytes_per_second
        self._free_at = 0.0

    def send(self, transport: asyncio.Transport, data: memoryview) -> None:
        """Send data in turn with what others send."""
        if not self._pace:
            transport.write(data)
            return
        loop = asyncio.get_running_loop()
        piece, rest = data[:_PIECE], data[_PIECE:]
        transport.write(piece)
        self._free_at = max(self._free_at, loop.time()) + len(piece) / self._pace
        if rest and not transport.is_closing():
            loop.call_at(self._free_at, self.send, transport, rest)


class Connection(asyncio.Protocol):
    """One client's connection: requests in, answers out, in order."""

    def __init__(self, books: Books, clips: Sequence[bytes], line: Line, latency: float) -> None:
        self._books = books
        self._clips = clips
        self._line = line
        self._latency = latency
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that has come whole."""
        self._pending += data
        while (end := self._pending.find(b"\r\n\r\n")) >= 0:
            head = self._pending[:end]
            after = end + 4 + _body_length(head)
            if len(self._pending) < after:
                return
            self._pending = self._pending[after:]
            request = head[: head.find(b" HTTP/")]
            if request.startswith(b"GET /files/"):
                number = int(request[11:].partition(b".")[0])
                self._line.send(self._transport, memoryview(self._clips[number % len(self._clips)]))
            elif self._latency and request.startswith(b"POST"):
                loop = asyncio.get_running_loop()
                loop.call_later(self._latency, self._transport.write, self._answer(request))
            else:
                self._transport.write(self._answer(request))

    def _answer(self, request: bytes) -> bytes:
        method, _, path = request.partition(b" ")
        if method == b"POST":
            return _with_head(self._books.create())
        if path.startswith(b"/runwayml/v1/tasks/"):
            return _with_head(self._books.poll(path[19:]))
        return _with_head(self._books.told()) if path == b"/books" else _MISSING


def _body_length(head: bytes) -> int:
    if head.startswith(b"GET"):
        return 0
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


def _with_head(body: bytes) -> bytes:
    return _HEAD % (len(body), body)


def clip(size: int) -> bytes:
    """Return an MP4 of about so many bytes: the boxes that a player needs, around zeros."""
    boxes = [(b"ftyp", b"isom\0\0\2\0isomiso2mp41"), (b"moov", bytes(100)), (b"mdat", bytes(size))]
    return b"".join((len(content) + 8).to_bytes(4, "big") + name + content for name, content in boxes)


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until the process is ended."""
    books = Books(
        shortest=arguments.shortest, longest=arguments.longest, progress=arguments.progress, seed=arguments.seed
    )
    clips = [_with_head(clip(round(part * arguments.file_size))) for part in _PARTS]
    line = Line(arguments.bytes_per_second)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(books, clips, line, arguments.latency), "127.0.0.1", 0, backlog=_BACKLOG
    )
    origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    books.origin = origin.encode()
    print(json.dumps({"base_url": origin}), flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.server")
    parser.add_argument("--shortest", type=float, default=20, help="seconds that a task takes at least")
    parser.add_argument("--longest", type=float, default=60, help="and at most; evenly distributed between")
    parser.add_argument("--latency", type=float, default=0, help="seconds until a create is answered")
    parser.add_argument("--progress", action="store_true", help="whether answers tell it")
    parser.add_argument("--file-size", type=int, default=0, help="bytes of a clip, on average")
    parser.add_argument("--bytes-per-second", type=float, default=0, help="at which all clips are sent; 0: no limit")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    machine.pin(-1)
    asyncio.run(serve(arguments))


if __name__ == "__main__":
    main()
