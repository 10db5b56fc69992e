"""What arrives is kept if it is a whole file of a kind that a task makes, and refused otherwise."""

import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from cometrunway import DownloadError
from cometrunway.emulator import Fault
from tests.delivery.conftest import SAMPLES, UNKNOWN, Store


@asynccontextmanager
async def host(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Serve every path by one function; yield a URL."""
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/clip"
    finally:
        await runner.cleanup()


WITH_MORE = {
    "JPEG": ("baseline.jpg", bytes(1023)),
    "MP4": ("index-last.mp4", b"\n"),
    "zeros": ("index-last.mp4", bytes(4)),
}


@pytest.mark.parametrize(("name", "after"), WITH_MORE.values(), ids=list(WITH_MORE))
async def test_what_follows_the_end_is_kept(store: Store, name: str, after: bytes) -> None:
    """A whole file with bytes after its end is stored as it came."""
    content = (SAMPLES / name).read_bytes() + after
    store.emulator.script("asset", Fault.answer(200, content))
    assert (await store.download()).read_bytes() == content


BARE = {
    ".mov": b"\0\0\0\x08wide\0\0\0\x09mdatd\0\0\0\x08moov",
    ".mp4": b"\0\0\0\x08styp\0\0\0\x08moof\0\0\0\x09mdatd",
    ".wav": b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0" + bytes(16) + b"data\x02\0\0\0ab",
}
"""Files without the first bytes that are usual in their kind, and their suffixes."""

with zipfile.ZipFile(frames := io.BytesIO(), "w") as opened:
    opened.writestr("frame-1.png", bytes(500))
BARE[".zip"] = frames.getvalue()
KINDS = {path.name: path.read_bytes() for path in SAMPLES.iterdir() if path.suffix != ".md"} | BARE


@pytest.mark.parametrize("name", KINDS)
async def test_each_kind_is_kept_with_the_suffix_of_what_it_is(store: Store, name: str) -> None:
    """Whatever a gateway delivers is known by its content."""
    store.emulator.script("asset", Fault.answer(200, KINDS[name]))
    asset = await store.download_asset()
    assert asset.path is not None
    assert asset.path.suffix == (Path(name).suffix or name)
    assert asset.path.read_bytes() == KINDS[name]
    assert asset.verified


@pytest.mark.parametrize(
    "name", ["baseline.jpg", "lossy.webp", "known-length.webm", "animated.gif", "vorbis.ogg", ".zip"]
)
async def test_a_file_that_its_host_has_cut_is_refused(store: Store, name: str) -> None:
    """Though the host states that it is all: its container tells that more must come."""
    assert await store.refuses(KINDS[name][:-1])


@pytest.mark.parametrize(
    ("content", "suffix", "media_type"),
    [(UNKNOWN, ".bin", "application/octet-stream"), (b"fLaC\0\0\0\x22" + bytes(500), ".flac", "audio/flac")],
)
async def test_a_kind_that_cannot_be_verified_is_kept_and_said_to_be(
    store: Store, content: bytes, suffix: str, media_type: str
) -> None:
    """Its length agrees with what the host stated, which is all that is known."""
    store.emulator.script("asset", Fault.answer(200, content))
    asset = await store.download_asset()
    assert asset.path is not None
    assert (asset.path.name, asset.media_type, asset.verified) == (f"clip{suffix}", media_type, False)
    assert asset.path.read_bytes() == content


@pytest.mark.parametrize("content", [UNKNOWN, b"fLaC\0\0\0\x22"])
async def test_without_a_stated_length_an_unknown_kind_is_refused(store: Store, content: bytes) -> None:
    """Nothing tells whether all of it came."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(content)
        return response

    async with host(answer) as store.url:
        with pytest.raises(DownloadError, match="the host does not state its length"):
            await store.download()
    assert list(store.folder.iterdir()) == []


@pytest.mark.parametrize(
    "page",
    [
        b"<!doctype html><title>Gone</title>",
        b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        b'  \r\n{"error": "gone"}',
        b'\xef\xbb\xbf[{"error": "gone"}]',
        "{'error': 'gone'}".encode("utf-16"),
        b"no such file",
        b"",
    ],
    ids=range(7),
)
async def test_a_page_stays_refused(store: Store, page: bytes) -> None:
    """Though its length agrees: text is no file that a task makes."""
    assert await store.refuses(page)


async def test_an_unknown_kind_that_broke_off_is_resumed(store: Store) -> None:
    """The lengths of both answers together are what the host stated."""

    async def answer(request: web.Request) -> web.StreamResponse:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        response = web.StreamResponse(status=206 if start else 200, headers={"ETag": '"v1"'})
        response.content_length = len(UNKNOWN) - start
        response.headers["Content-Range"] = f"bytes {start}-{len(UNKNOWN) - 1}/{len(UNKNOWN)}"
        await response.prepare(request)
        await response.write(UNKNOWN[start:] if start else UNKNOWN[:1000])
        if not start and request.transport:
            request.transport.close()
        return response

    async with host(answer) as store.url:
        asset = await store.download_asset()
    assert (asset.size, asset.verified) == (len(UNKNOWN), False)
