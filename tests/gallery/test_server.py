"""The server of a live page."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from cometrunway import Journal
from cometrunway._gallery._errors import GalleryError
from cometrunway._gallery._page import policy
from cometrunway._gallery._server import _STREAMS, GalleryServer
from cometrunway._gallery._sources import source_of
from tests.gallery.pages import called
from tests.recorded import Recorded, clip, record


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[GalleryServer, aiohttp.ClientSession]]:
    """Serve a journal of two shots, one of which names a file that is no medium."""
    (folder / "one.mp4").write_bytes(clip())
    (folder / "secret.txt").write_text("secret")
    await record(
        folder / "shots.db",
        [
            Recorded(key="one", files=(folder / "secret.txt", folder / "one.mp4")),
            Recorded(key="two", outcome="accepted"),
        ],
    )
    async with GalleryServer(source_of(folder / "shots.db")) as server, aiohttp.ClientSession() as http:
        async with http.get(server.url) as page:
            assert page.status == 200
        yield server, http


async def status(http: aiohttp.ClientSession, url: str, method: str = "GET", **headers: str) -> int:
    """Return the status of an answer."""
    async with http.request(method, url, headers=headers) as response:
        return response.status


async def next_event(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the fields of the next event, or comment, of a stream."""
    fields = {}
    while line := (await response.content.readline()).decode().rstrip("\n"):
        name, _, value = line.partition(":")
        fields[name] = value.strip()
    return fields


@pytest.mark.parametrize(
    ("wanted", "status", "length"),
    [
        ("bytes=4-7", 206, 4),
        ("Bytes= 4-7", 206, 4),
        ("bytes=-3", 206, 3),
        ("bytes=999999999-", 416, None),
        ("items=0-5", 200, None),
        ("seconds=1-2", 200, None),
        ("bytes=7-4", 200, None),
        ("bytes=-", 200, None),
        ("bytes=0-1,3-4", 200, None),
        ("nonsense", 200, None),
    ],
)
async def test_only_a_range_of_bytes_counts(wanted: str, status: int, length: int | None, tmp_path: Path) -> None:
    """A unit that is not known, and what is no single range, is ignored (RFC 9110)."""
    async with serving(tmp_path) as (server, http):
        async with http.get(f"{server.url}media/0/0", headers={"Range": wanted}) as response:
            content = await response.read()
    assert response.status == status
    assert length is None or len(content) == length


async def test_a_stranger_sees_nothing(tmp_path: Path) -> None:
    """Without the token, or under another host's name, nothing is answered; under both of this machine's it is."""
    async with serving(tmp_path) as (server, http):
        root = f"http://127.0.0.1:{server.port}"
        assert len(urlsplit(server.url).path.strip("/")) >= 32
        for path in ("/", "/wrong/", "/wrong/events", "/wrong/media/0/0", "/%C3%BC/", f"{urlsplit(server.url).path}x"):
            assert await status(http, root + path) == 404
        for host in (
            "evil.example",
            f"evil.example:{server.port}",
            "127.0.0.1",
            f"127.0.0.1:{server.port}.evil.example",
        ):
            assert await status(http, server.url, Host=host) == 421
        assert await status(http, server.url, Host=f"localhost:{server.port}") == 200
        assert await status(http, server.url, "POST") == 404


async def test_only_media_that_the_journal_names_are_served(tmp_path: Path) -> None:
    """By number, in parts if asked so, as what they are; what is no medium is not even counted."""
    async with serving(tmp_path) as (server, http):
        async with http.get(f"{server.url}media/0/0", headers={"Range": "bytes=4-7"}) as response:
            assert (response.status, await response.read()) == (206, b"ftyp")
            assert response.headers["Content-Type"] == "video/mp4"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "no-referrer"
        for place in ("0/1", "1/0", "7/0", "-1/0", "../secret.txt", "0/0/..%2F..%2Fsecret.txt", "99999999999/0"):
            assert await status(http, f"{server.url}media/{place}") == 404
        (tmp_path / "one.mp4").unlink()
        assert await status(http, f"{server.url}media/0/0") == 404


async def test_nothing_beside_a_file_is_served(tmp_path: Path) -> None:
    """Neither what looks like a compressed copy, nor where a link leads, nor what is no file."""
    async with serving(tmp_path) as (server, http):
        path = tmp_path / "one.mp4"
        for suffix in (".br", ".gz"):
            (tmp_path / f"one.mp4{suffix}").write_bytes(b"not in the journal")
        async with http.get(f"{server.url}media/0/0", headers={"Accept-Encoding": "br, gzip"}) as response:
            assert await response.read() == clip()
            assert "Content-Encoding" not in response.headers
        path.unlink()
        path.symlink_to(tmp_path / "secret.txt")
        assert await status(http, f"{server.url}media/0/0") == 404
        path.unlink()
        os.mkfifo(path)
        assert await status(http, f"{server.url}media/0/0") == 404


async def test_the_live_page_is_never_stored(tmp_path: Path) -> None:
    """Its headers forbid storing and framing, and its policy lets it talk to its own server only."""
    async with serving(tmp_path) as (server, http), http.get(server.url) as response:
        assert response.headers["Cache-Control"] == "no-store"
        sent = response.headers["Content-Security-Policy"]
        assert sent == f"{policy(is_live=True, has_data=True)}; frame-ancestors 'none'"
        assert "connect-src 'self'" in sent
        assert "file:" not in sent


async def test_the_data_of_a_live_page_are_scripts(tmp_path: Path) -> None:
    """Shots, rows and texts each have one. No cache stores it, no other site may read it; other numbers are 404."""
    async with serving(tmp_path) as (server, http):
        for kind in ("shots", "rows", "texts"):
            async with http.get(f"{server.url}data/{kind}-0.js") as response:
                _, content = called(await response.text(), f"{kind}-0")
                assert content
                assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
                assert response.headers["Cache-Control"] == "no-store"
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        for name in (
            "shots-1.js",
            "shots--1.js",
            "rows-1.js",
            "other-0.js",
            "shots-0",
            "shots-9999999999.js",
            "..%2Fx",
        ):
            assert await status(http, f"{server.url}data/{name}") == 404
        assert await status(http, f"http://127.0.0.1:{server.port}/wrong/data/shots-0.js") == 404
        (tmp_path / "shots.db").rename(tmp_path / "hidden.db")
        assert await status(http, f"{server.url}data/shots-0.js") == 503
        assert await status(http, f"{server.url}media/0/0") == 503


async def test_events_go_on_where_a_page_stopped(tmp_path: Path) -> None:
    """After a lost connection only what changed since its last event is told; who has nothing is told all."""
    async with serving(tmp_path) as (server, http):
        async with http.get(f"{server.url}events") as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            await next_event(response)  # how soon to come again
            first = await next_event(response)
        assert len(json.loads(first["data"])["shots"]) == 2
        async with http.get(f"{server.url}events?since=0", headers={"Last-Event-ID": first["id"]}) as response:
            await next_event(response)
            async with Journal(tmp_path / "shots.db") as journal:
                await journal.refuse("two", "changed")
                shots: list[Any] = []
                while not shots:  # that somebody writes may be told first
                    shots = json.loads((await next_event(response))["data"])["shots"]
        assert [shot["key"] for shot in shots] == ["two"]


async def test_the_number_of_streams_is_bounded(tmp_path: Path) -> None:
    """One more page is refused with a message. A page that is closed makes room, and a HEAD request takes none."""
    async with serving(tmp_path) as (server, http), AsyncExitStack() as stack:
        for _ in range(_STREAMS):
            assert await status(http, f"{server.url}events", "HEAD") == 404
        streams = [await stack.enter_async_context(http.get(f"{server.url}events")) for _ in range(_STREAMS)]
        assert [stream.status for stream in streams] == [200] * _STREAMS
        async with http.get(f"{server.url}events") as response:
            assert (response.status, await response.text()) == (503, "too many pages are open; close some\n")
        streams[0].close()
        await asyncio.sleep(1)
        assert await status(http, f"{server.url}events") == 200


async def test_what_is_told_is_encoded_once(tmp_path: Path) -> None:
    """Pages that know the same are sent the same, and it is made once for all of them."""
    async with serving(tmp_path) as (server, _):
        feed = server._feed
        first, second = await asyncio.gather(feed.event(0), feed.event(0))
        assert first[1] is second[1]
        assert first != await feed.event(feed.version)


async def test_a_quiet_stream_beats(tmp_path: Path) -> None:
    """While nothing changes, a comment every fifteen seconds tells both sides that they are still there."""
    async with serving(tmp_path) as (server, http), http.get(f"{server.url}events") as response:
        await next_event(response)
        await next_event(response)
        begun = asyncio.get_running_loop().time()
        assert await next_event(response) == {"": "still here"}
        assert 15 <= asyncio.get_running_loop().time() - begun <= 17


async def test_streams_end_with_the_server(tmp_path: Path) -> None:
    """Leaving the server ends the streams of its pages."""
    async with aiohttp.ClientSession() as http:
        async with serving(tmp_path) as (server, _):
            response = await http.get(f"{server.url}events")
        assert (await response.content.read()).endswith(b"\n\n")


async def test_a_taken_port_is_said(tmp_path: Path) -> None:
    """A port that somebody else has is an error that names it."""
    async with serving(tmp_path) as (server, _):
        with pytest.raises(GalleryError, match=f"port {server.port}"):
            async with GalleryServer(source_of(tmp_path / "shots.db"), port=server.port):
                pass


# The command
