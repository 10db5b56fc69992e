"""Servers of docs/examples in processes of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from attrs import define, frozen

from cometrunway.emulator import Emulator

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples"
_UVICORN = ("-m", "uvicorn", "--timeout-graceful-shutdown", "1", "--lifespan", "on")
COMMANDS = {
    "fastapi": (*_UVICORN, "--loop", "asyncio", "fastapi_app:app"),
    "fastapi-uvloop": (*_UVICORN, "--loop", "uvloop", "fastapi_app:app"),
    "starlette": (*_UVICORN, "--loop", "asyncio", "starlette_app:app"),
    "litestar": (*_UVICORN, "--loop", "asyncio", "litestar_app:app"),
    "django": (*_UVICORN, "--loop", "asyncio", "django_app:app"),
    "aiohttp": (str(EXAMPLES / "aiohttp_app.py"),),
}
"""How each example is served, as its docstring says."""


@frozen
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@define
class Service:
    """One running example."""

    process: "subprocess.Popen[str]"
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, order: object = None, **headers: str) -> Answer:
        """Send a GET, or a POST of bytes or of JSON."""
        with self.opened(path, order, **headers) as answer:
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    @contextmanager
    def opened(self, path: str, order: object = None, **headers: str) -> Iterator[HTTPResponse]:
        """Send a request, and yield the answer as it comes."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        body = order if order is None or isinstance(order, bytes) else json.dumps(order)
        try:
            connection.request("POST" if body else "GET", path, body, {"Content-Type": "application/json", **headers})
            yield connection.getresponse()
        finally:
            connection.close()

    def events(self, key: str) -> Iterator[dict[str, Any]]:
        """Yield the server-sent events of a clip, to their end."""
        with self.opened(f"/clips/{key}/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer:
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))

    def stop(self) -> float:
        """Send SIGTERM; return how many seconds the process took to end."""
        began = time.perf_counter()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        return time.perf_counter() - began


@contextmanager
def serving(
    name: str, emulator: Emulator, folder: Path, *, port: int | None = None, **environment: str
) -> Iterator[Service]:
    """Run an example, or the program `NAME.py` of a folder, with its files in the folder, until the block ends."""
    port = port or _free_port()
    command = [sys.executable, "-W", "error::ResourceWarning", *COMMANDS.get(name, (*_UVICORN, f"{name}:app"))]
    where = [] if name == "aiohttp" else ["--port", str(port)]
    told = {
        "COMETAPI_KEY": emulator.api_key,
        "COMETRUNWAY_BASE_URL": emulator.base_url,
        "PORT": str(port),
        "PYTHONPATH": str(EXAMPLES),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    log = folder / "server.log"
    with log.open("a") as stream:
        process = subprocess.Popen(
            [*command, *where],
            cwd=folder,
            env={**os.environ, **told, **environment},
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
        )
    service = Service(process, port, log)
    try:
        _wait_until_it_answers(service)
        yield service
    finally:
        if process.poll() is None:
            service.stop()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _wait_until_it_answers(service: Service) -> None:
    for _ in range(300):
        assert service.process.poll() is None, service.log.read_text()
        try:
            service.ask("/health")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(service.log.read_text())
