"""Storage: a file is sent as Runway's own SDK sends it, at constant memory, and with no credential."""

import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from runwayml import AsyncRunwayML
from yarl import URL

from cometrunway._media._inputs import LocalFile, digest_of
from cometrunway._transport._connections import Connections, FileRoutes
from cometrunway._transport._storage import Storage
from cometrunway._wire._uploads import UploadTarget
from cometrunway.emulator import Emulator
from cometrunway.errors import TransportError
from tests.samples import MP4

FIELDS = {"key": "ephemeral/7/film.mp4", "policy": "a+b/c==", "Content-Type": "video/mp4"}


@asynccontextmanager
async def storage(api: str = "http://127.0.0.1") -> AsyncIterator[Storage]:
    """Yield what sends files, for an API."""
    async with FileRoutes(Connections(trust_env=False), api=URL(api)) as routes:
        yield Storage(routes)


async def parts_of(request: web.BaseRequest) -> list[tuple[Any, ...]]:
    """Return the parts of a form: of each its headers, whatever their order, and its content."""
    body = await request.read()
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + body)
    found: list[Message] = message.get_payload()  # type: ignore[assignment]  # for it is multipart
    return [(sorted(part.items()), part.get_payload(decode=True)) for part in found]


async def test_a_form_is_that_of_the_official_sdk(tmp_path: Path) -> None:
    """Field by field: the same names, the same order, the same headers, the file last; of the file the same bytes."""
    path = tmp_path / "film.mp4"
    path.write_bytes(MP4 + bytes(range(256)))
    forms: list[Any] = []
    announced: list[Any] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.path == "/v1/uploads":
            announced.append(await request.json())
            target = {"uploadUrl": f"http://{request.host}/bucket", "fields": FIELDS, "runwayUri": "runway://7"}
            return web.json_response(target)
        forms.append((await parts_of(request), "Authorization" in request.headers))
        return web.Response(status=204)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    async with AsyncRunwayML(api_key="sk-x", base_url=f"http://{host}:{port}") as sdk:
        await sdk.uploads.create_ephemeral(file=path)
    target = UploadTarget(url=f"http://{host}:{port}/bucket", fields=FIELDS, uri="runway://7")
    file = LocalFile.of(path)
    async with storage() as hosts:
        await hosts.store(target, file, name="film.mp4", digest=digest_of(path), on_progress=lambda _: None)
    await runner.cleanup()
    theirs, ours = forms
    assert ours == theirs
    assert len(ours[0]) == len(FIELDS) + 1


async def test_a_file_is_sent_at_constant_memory(tmp_path: Path) -> None:
    """Of 16 MB no more than a few blocks are held, by either side; each byte is counted."""
    path = tmp_path / "film.mp4"
    path.write_bytes(MP4)
    with path.open("r+b") as sparse:
        sparse.truncate(16_000_000)
    told: list[int] = []
    async with Emulator() as emulator, storage(emulator.base_url) as hosts:
        target = UploadTarget(url=emulator.storage_url, fields={"key": "unknown"}, uri="runway://7")
        tracemalloc.start()
        stored = await hosts.store(
            target, LocalFile.of(path), name="film.mp4", digest=digest_of(path), on_progress=told.append
        )
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert stored.status == 403
    assert emulator.requests[-1].size == 16_000_000
    assert told[-1] == 16_000_000
    assert peak < 4_000_000


async def test_no_file_is_sent_to_a_private_address_of_a_public_api(tmp_path: Path) -> None:
    """Nor where that host cannot be reached; both errors name the host, and neither what grants the upload."""
    file = LocalFile.of(MP4)
    for api, url, text in (
        ("https://api.example.com", "https://10.0.0.1/bucket?sig=secret", "a private address"),
        ("http://127.0.0.1", "http://127.0.0.1:1/bucket?sig=secret", "no connection to 127.0.0.1"),
    ):
        async with storage(api) as hosts:
            with pytest.raises(TransportError, match=text) as caught:
                target = UploadTarget(url=url, fields={"policy": "secret"}, uri="runway://7")
                await hosts.store(target, file, name="a.mp4", digest=digest_of(MP4), on_progress=lambda _: None)
        assert "secret" not in str(caught.value)
        assert not caught.value.may_have_been_sent
