"""The server on one address: it reads requests from the socket, and sends the answers with their faults."""

import asyncio
import contextlib
import hashlib
import math
import socket
import struct
from typing import Protocol

from aiohttp import BodyPartReader, web
from attrs import define, evolve, field

from cometrunway.emulator._callbacks import is_loopback
from cometrunway.emulator._epoch import Epoch
from cometrunway.emulator._exchange import Answer, FormFile, Operation, Received
from cometrunway.emulator._faulting import FaultPicker
from cometrunway.emulator._faults import Fault
from cometrunway.emulator._ledger import Ledger

_BACKLOG = 4096
_LONGEST_BODY = 64 * 2**20
_LONGEST_FIELDS = 64 * 1024
_CHUNK = 256 * 1024
_SHUTDOWN_SECONDS = 0.5
_FOR_BROWSERS = (("X-Content-Type-Options", "nosniff"), ("Content-Security-Policy", "default-src 'none'"))
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Backend(Protocol):
    """The part that answers the requests of an origin."""

    name: str

    def sort(self, received: Received) -> tuple[Operation, str]:
        """Return the operation of a request, and the route if it is a create."""

    def answer(self, received: Received) -> Answer:
        """Carry out a request, and return the answer."""

    def excuse(self, fault: Fault, received: Received) -> Answer:
        """Return the answer to a request whose fault has no body."""


@define(kw_only=True, eq=False)
class Origin:
    """Serves a backend on a loopback port."""

    picker: FaultPicker
    ledger: Ledger
    epoch: Epoch
    backend: Backend
    _closing: asyncio.Event = field(init=False, factory=asyncio.Event)
    _runner: web.ServerRunner = field(init=False)

    async def open(self, host: str, port: int) -> str:
        """Listen; returns the origin's URL."""
        server = web.Server(self._handle, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, backlog=_BACKLOG).start()
        bound = self._runner.addresses[0][1]
        return f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"

    async def close(self) -> None:
        """Stop listening, and end the requests that are not yet answered."""
        self._closing.set()
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if not is_loopback(f"http://{request.headers.get('Host', '')}"):
            return web.Response(status=421, text="the emulator answers for this machine only\n")
        received = await _received(request)
        operation, route = self.backend.sort(received)
        if operation == "control":
            return _response(evolve(self.backend.answer(received), headers=_FOR_BROWSERS))
        time = self.epoch.now()
        entry = self.ledger.open(received, time=time, origin=self.backend.name, operation=operation, route=route)
        fault = self.picker.draw(operation)
        entry.fault = fault.name
        answer = await self._answer(received, fault)
        entry.task_id = answer.task_id
        self.ledger.close(entry, None if fault.drops else answer)
        return _hang_up(request, fault) if fault.drops else _send(request, answer, fault)

    async def _answer(self, received: Received, fault: Fault) -> Answer:
        """Carry out the request unless the fault prevents it, wait, and send what the fault leaves of the answer."""
        answer = self.backend.answer(received) if fault.acts else Answer(status=0)
        if fault.seconds:
            await self._wait(fault.seconds)
        if fault.not_exist or (fault.status and fault.body is None):
            answer = evolve(self.backend.excuse(fault, received), task_id=answer.task_id)
        elif fault.status and fault.body is not None:
            answer = Answer(status=fault.status, body=fault.body, media_type=fault.media_type, task_id=answer.task_id)
        return evolve(answer, headers=answer.headers + fault.headers)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                await self._closing.wait()


async def _received(request: web.BaseRequest) -> Received:
    received = Received(
        method=request.method,
        path=request.path,
        query=request.rel_url.raw_query_string,
        headers={name.lower(): value for name, value in request.headers.items()},
    )
    if request.content_type == "multipart/form-data":
        fields, file = await _form(request)
        return evolve(received, form=fields, file=file)
    return evolve(received, body=await _body(request)) if request.can_read_body else received


async def _form(request: web.BaseRequest) -> tuple[dict[str, str], FormFile | None]:
    """The fields of a form up to the file, and the file, which is read and not kept; what follows it is ignored.

    The fields are kept, and are therefore limited.
    """
    fields: dict[str, str] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            break
        if part.name == "file":
            size, digest = 0, hashlib.sha256()
            try:
                while chunk := await part.read_chunk(_CHUNK):
                    size += len(chunk)
                    digest.update(chunk)
            except ConnectionResetError:  # who sent it has gone
                return fields, None
            media_type = part.headers.get("Content-Type", "")
            return fields, FormFile(
                name=part.filename or "", media_type=media_type, size=size, sha256=digest.hexdigest()
            )
        content = await _field(part, _LONGEST_FIELDS - sum(map(len, fields.values())))
        fields[part.name] = content.decode(errors="replace")
    return fields, None


async def _field(part: BodyPartReader, limit: int) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > limit:
            raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=len(content))
    return bytes(content)


async def _body(request: web.BaseRequest) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > _LONGEST_BODY:
            raise web.HTTPRequestEntityTooLarge(max_size=_LONGEST_BODY, actual_size=len(body))
    return bytes(body)


def _response(answer: Answer) -> web.Response:
    headers = {**dict(answer.headers), "Content-Type": answer.media_type}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def _send(request: web.BaseRequest, answer: Answer, fault: Fault) -> web.Response:
    if fault.keeps is None:
        return _response(answer)
    if request.transport is not None:
        request.transport.write(_spoiled(answer, fault))
        request.transport.close()
    return web.Response()


def _hang_up(request: web.BaseRequest, fault: Fault) -> web.Response:
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if fault.resets and connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    return web.Response()


def _spoiled(answer: Answer, fault: Fault) -> bytes:
    """Return a response as bytes. An HTTP library would not write a faulty one."""
    part = answer.body[: int(len(answer.body) * (fault.keeps or 0.0))]
    lengths = {"full": [str(len(answer.body))], "short": [str(len(part))], "none": []}[fault.framing]
    pairs = (("Content-Type", answer.media_type), *answer.headers, *(("Content-Length", length) for length in lengths))
    lines = "".join(f"{name}: {value}\r\n" for name, value in pairs)
    return f"HTTP/1.1 {answer.status} Spoiled\r\n{lines}Connection: close\r\n\r\n".encode() + part
