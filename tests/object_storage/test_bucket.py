"""A prefix of a bucket, against a server of S3's protocol."""

import asyncio
import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from cometrunway._delivery._part_file import alternatives
from cometrunway._object_storage._bucket import Bucket, BucketError, StoredFile
from cometrunway.emulator import Emulator
from tests.storages import NOWHERE, Storage

SMALL, LARGE = b"small" * 1000, bytes(range(256)) * 80 * 1024


@pytest.fixture
def anyio_backend() -> str:
    """The library's threads know nothing of virtual time."""
    return "asyncio"


async def ready(address: str) -> Bucket:
    """Return a bucket that was checked."""
    bucket = Bucket(address)
    await bucket.check()
    return bucket


async def put(bucket: Bucket, folder: Path, content: bytes, *, known: StoredFile | None = None) -> str:
    """Put a file of this content into the bucket, as `clips/clip.mp4` or under the next name that is free."""
    file = folder / hashlib.sha256(content).hexdigest()
    file.write_bytes(content)
    names = alternatives("clips/clip.mp4")
    return await bucket.put(file, known or stored(content), names)


def stored(content: bytes) -> StoredFile:
    """Return what is known of a file."""
    return StoredFile(size=len(content), sha256=hashlib.sha256(content).hexdigest(), media_type="video/mp4")


def name(location: str) -> str:
    """Return the name of an object in its bucket."""
    return location.removeprefix("s3://bucket/")


@pytest.mark.parametrize(("content", "parts"), [(SMALL, None), (LARGE, 3)])
async def test_a_file_is_put_there_whole(
    bucket: str, storage: Storage, tmp_path: Path, content: bytes, parts: int | None
) -> None:
    """To the byte, with its type and its digest; a large one in parts."""
    opened = await ready(bucket)
    location = await put(opened, tmp_path, content)
    assert location == f"{bucket}/clips/clip.mp4"
    found = storage.client.head_object(Bucket="bucket", Key=name(location))
    assert storage.get(name(location)) == content
    assert found["ContentType"] == "video/mp4"
    assert found["Metadata"] == {"sha256": hashlib.sha256(content).hexdigest()}
    assert found["ETag"].endswith(f'-{parts}"') == (parts is not None)
    assert await opened.holds(location, stored(content))
    assert not await opened.holds(location, stored(b"other"))
    assert not await opened.holds(f"{bucket}/clips/none.mp4", stored(content))
    assert not await opened.holds("s3://other/clips/clip.mp4", stored(content))


@pytest.mark.parametrize("content", [SMALL, LARGE])
async def test_a_file_that_has_changed_does_not_appear(
    bucket: str, storage: Storage, tmp_path: Path, content: bytes
) -> None:
    """Its digest is taken once more on the way; where it differs there is no object, and no part of one."""
    with pytest.raises(BucketError, match="changed"):
        await put(await ready(bucket), tmp_path, content, known=stored(content[:-1] + b"?"))
    assert f"{name(bucket)}/clips/clip.mp4" not in storage.names()
    assert "Uploads" not in storage.client.list_multipart_uploads(Bucket="bucket")


@pytest.mark.parametrize("content", [SMALL, LARGE])
async def test_no_file_takes_the_place_of_another(
    bucket: str, storage: Storage, tmp_path: Path, content: bytes
) -> None:
    """Another file of the same name gets a number, and the same file is there once."""
    opened = await ready(bucket)
    locations = [await put(opened, tmp_path, made) for made in (content, b"other", content, b"other")]
    assert locations == [f"{bucket}/clips/clip{number}.mp4" for number in ("", "-2") * 2]
    assert (storage.get(name(locations[0])), storage.get(name(locations[1]))) == (content, b"other")


async def test_of_files_put_at_once_none_is_lost(bucket: str, storage: Storage, tmp_path: Path) -> None:
    """Ten files race for a name, from two processes as it were, and all ten are there."""
    first, second = await ready(bucket), await ready(bucket)
    if not first.refuses_to_replace:
        pytest.skip("this storage has no conditional writes")
    made = [f"content {number}".encode() for number in range(10)]
    racing = [put((first, second)[number % 2], tmp_path, content) for number, content in enumerate(made)]
    locations = await asyncio.gather(*racing)
    assert len(set(locations)) == 10
    assert [storage.get(name(location)) for location in locations] == made


async def test_a_storage_without_conditional_writes_is_used_without_them(
    bucket: str, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Swift is one. It is said once, and still no file takes the place of another that is there already."""
    if "COMETRUNWAY_STORAGE" in os.environ:
        pytest.skip("what another storage signs cannot be forwarded")

    async def forward(request: web.Request) -> web.Response:
        if "If-None-Match" in request.headers:
            return web.Response(status=501, text="<Error><Code>NotImplemented</Code></Error>")
        url = URL(storage.endpoint + request.raw_path, encoded=True)
        async with aiohttp.request(request.method, url, headers=request.headers, data=await request.read()) as answer:
            return web.Response(status=answer.status, headers=answer.headers, body=await answer.read())

    async with TestServer(web.Application(middlewares=[_of_all(forward)])) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", str(server.make_url("")).rstrip("/"))
        opened = await ready(bucket)
        locations = [await put(opened, tmp_path, content) for content in (SMALL, b"other", SMALL)]
    assert "without conditional writes" in caplog.text
    assert locations == [f"{bucket}/clips/clip{number}.mp4" for number in ("", "-2", "")]


def _of_all(answer: Callable[[web.Request], Awaitable[web.Response]]) -> Any:
    @web.middleware
    async def handle(request: web.Request, handler: object) -> web.Response:
        return await answer(request)

    return handle


async def test_a_link_is_read_without_credentials(bucket: str, tmp_path: Path) -> None:
    """Also a range of the file, as a video player asks for it; a link to another place is not made."""
    opened = await ready(bucket)
    link = await opened.link(await put(opened, tmp_path, SMALL))
    assert link is not None
    assert "X-Amz-Expires=86400" in link
    asked = urllib.request.Request(link, headers={"Range": "bytes=5-9"})  # noqa: S310 - of our own server
    with await asyncio.to_thread(urllib.request.urlopen, asked) as answer:
        assert (answer.status, answer.read()) == (206, b"small")
        assert answer.headers["Content-Type"] == "video/mp4"
    assert await opened.link("s3://other/clips/clip.mp4") is None


@pytest.mark.parametrize("address", ["s3://", "s3:///x", "s3://Bucket/x", "s3://b", "s3://bucket?x", "s3://bu cket/x"])
def test_an_address_names_a_bucket(address: str) -> None:
    """What is none is refused as it is given."""
    with pytest.raises(ValueError, match="s3://bucket/prefix"):
        Bucket(address)


@pytest.mark.parametrize("prefix", ["", "/", "/a/b/", "/a b/é#%20"])
async def test_a_prefix_may_be_any(bucket: str, storage: Storage, tmp_path: Path, prefix: str) -> None:
    """Also none, and one with characters that URLs escape."""
    opened = await ready(f"s3://bucket{prefix}")
    location = await put(opened, tmp_path, f"{bucket}{prefix}".encode())
    assert name(location) in storage.names()
    assert await opened.link(location)


async def test_a_bucket_that_can_be_written_passes(bucket: str, storage: Storage) -> None:
    """One object shows it, and stays; it is the same for every session."""
    await Bucket(bucket).check()
    await Bucket(bucket).check()
    assert f"{name(bucket)}/.cometrunway" in storage.names()


def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    return "s3://bucket/x"


def _no_rights(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0)  # else it lets everybody in
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "unknown")
    return "s3://bucket/x"


def _no_server(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOWHERE)
    return "s3://bucket/x"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda _: "s3://no-such-bucket/x", r"no bucket 'no-such-bucket' at http://127\.0\.0\.1:\d+: make it"),
        (_no_credentials, r"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        (_no_rights, r"do not allow it \((InvalidAccessKeyId|SignatureDoesNotMatch): .*s3:PutObject"),
        (_no_server, r"http://127\.0\.0\.1:9 gave no answer"),
    ],
)
@pytest.mark.usefixtures("bucket")
async def test_what_is_wrong_is_said(
    monkeypatch: pytest.MonkeyPatch, spoil: Callable[[pytest.MonkeyPatch], str], words: str
) -> None:
    """The error names the thing and the cure, on one line, and soon."""
    with pytest.raises(BucketError, match=words) as caught:
        await Bucket(spoil(monkeypatch)).check()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.usefixtures("bucket")
async def test_a_server_that_is_no_storage_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that answers something else, such as a web page, is named."""
    async with Emulator() as emulator:
        monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.base_url)
        with pytest.raises(BucketError, match=emulator.base_url):
            await Bucket("s3://bucket/x").check()
