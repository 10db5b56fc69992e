"""Content encodings: what a host has encoded comes out as it was, in bounded steps."""

import gzip
import hashlib
import tracemalloc
import zlib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cometrunway import DownloadError
from cometrunway._delivery import _content_encoding, _downloader
from cometrunway._delivery._content_encoding import DamagedError, EncodedBody
from tests.delivery.conftest import Download
from tests.hosts import answer, clip, host, rest_of

CLIP = clip()


def raw_deflate(data: bytes) -> bytes:
    """Compress without the header of zlib, as many servers do."""
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def library(*names: str) -> Any:
    """Return the first of these modules that is installed."""
    return next((import_module(name) for name in names if _content_encoding._imported(name)), None)


brotli, zstandard = library("brotli", "brotlicffi"), library("compression.zstd", "backports.zstd")
ENCODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
    "deflate, identity": raw_deflate,
    "gzip, aws-chunked": gzip.compress,
    "aws-chunked,gzip": gzip.compress,
    "deflate, gzip": lambda data: gzip.compress(zlib.compress(data)),
    **({"br": brotli.compress, "gzip, br": lambda data: brotli.compress(gzip.compress(data))} if brotli else {}),
    **({"zstd": zstandard.compress} if zstandard else {}),
}


@pytest.mark.parametrize("name", ENCODERS)
async def test_an_encoded_file_is_decoded(download: Download, name: str) -> None:
    """Though it was not asked for: what was paid for is there."""
    async with host(answer(ENCODERS[name](CLIP), {"Content-Encoding": name})) as served:
        asset = await download(served.url)
    assert asset.path is not None
    assert asset.path.read_bytes() == CLIP
    assert (asset.path.suffix, asset.size) == (".mp4", len(CLIP))
    assert served.requests[0]["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "name", ["aws-chunked", "identity", "none", "utf-8", "", "gzip", "deflate", "br", "zstd", "gzip, br", "compress"]
)
async def test_a_plain_file_is_taken_as_it_is(download: Download, name: str) -> None:
    """Whatever encoding is stated: its own end decides whether it is whole."""
    async with host(answer(CLIP, {"Content-Encoding": name})) as served:
        asset = await download(served.url)
    assert asset.path is not None
    assert asset.path.read_bytes() == CLIP


@pytest.mark.parametrize("name", ENCODERS)
async def test_a_stream_that_was_cut_is_asked_for_again(download: Download, name: str) -> None:
    """Also where its length agrees; and from its beginning, for what is on disk is not what the host has."""
    encoded, headers = ENCODERS[name](CLIP), {"Content-Encoding": name, "ETag": '"v1"'}
    cut, broken = answer(encoded[:-20], headers), answer(encoded, headers, sends=len(encoded) // 2)
    async with host(cut, broken, answer(encoded, headers)) as served:
        asset = await download(served.url)
    assert asset.path is not None
    assert asset.path.read_bytes() == CLIP
    assert [("range" in request) for request in served.requests] == [False] * 3


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
async def test_a_damaged_stream_is_an_error_in_the_end(download: Download, name: str, tmp_path: Path) -> None:
    """After the last attempt; nothing of it is kept."""
    if name not in ENCODERS:
        pytest.skip("its library is not installed")
    encoded = bytearray(ENCODERS[name](b"x" * 50_000 + CLIP))
    encoded[len(encoded) // 2 :] = b"secret" * (len(encoded) // 12)
    async with host(answer(bytes(encoded), {"Content-Encoding": name})) as served:
        with pytest.raises(DownloadError, match=r"Content-Encoding (is damaged|ends too early)") as caught:
            await download(served.url, attempts=3)
    assert len(served.requests) == 3
    assert "secret" not in repr(caught.value.__cause__)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ENCODERS)
async def test_what_comes_out_counts(download: Download, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit on a file's size holds for the file, not for what is sent; it is checked while the file streams."""
    monkeypatch.setattr(_downloader, "ASSET_LIMIT", 1_000_000)
    encoded = ENCODERS[name](bytes(50_000_000))
    assert len(encoded) < 200_000
    async with host(answer(encoded, {"Content-Encoding": name})) as served:
        with pytest.raises(DownloadError, match="larger than 1000000 bytes"):
            await download(served.url)
    assert len(served.requests) == 1


@pytest.mark.parametrize(("name", "size"), [("gzip", 210_000_000), *((name, 20_000_000) for name in ENCODERS)])
def test_a_bomb_is_never_inflated_in_one_step(name: str, size: int) -> None:
    """0.2 MB of gzip are 210 MB: no piece has more than 200 kB, and no more than a few of them are held."""
    encoded = ENCODERS[name](bytes(size))
    body, found, longest = EncodedBody(name), 0, 0
    tracemalloc.start()
    for piece in body.decoded(encoded):
        found, longest = found + len(piece), max(longest, len(piece))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found + sum(map(len, body.rest())) == size
    assert longest < 200_000
    assert peak < 10_000_000


@given(st.sampled_from(sorted(ENCODERS)), st.binary(max_size=3000), st.integers(1, 700))
def test_chunks_fall_anywhere(name: str, content: bytes, step: int) -> None:
    """However the network cuts it, the file is the same; also one that is shorter than the beginning of a file."""
    body, encoded = EncodedBody(name), ENCODERS[name](content)
    chunks = [encoded[start : start + step] for start in range(0, len(encoded), step)]
    assert b"".join([*(piece for chunk in chunks for piece in body.decoded(chunk)), *body.rest()]) == content


@pytest.mark.parametrize("step", [1000, 100_000])
@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_a_plain_file_is_whole_wherever_chunks_fall(name: str, step: int) -> None:
    """A host that states an encoding, and sends the file as it is."""
    body = EncodedBody(name)
    chunks = [CLIP[start : start + step] for start in range(0, len(CLIP), step)]
    assert b"".join([*(piece for chunk in chunks for piece in body.decoded(chunk)), *body.rest()]) == CLIP


@given(st.sampled_from(sorted(ENCODERS)), st.lists(st.binary(max_size=800)))
def test_any_bytes_are_decoded_or_damaged(name: str, chunks: list[bytes]) -> None:
    """Nothing else is raised."""
    body = EncodedBody(name)
    try:
        for chunk in chunks:
            list(body.decoded(chunk))
        list(body.rest())
    except DamagedError:
        pass


@pytest.mark.parametrize("tail", [b"", bytes(100), b"garbage", gzip.compress(b"more", mtime=0)], ids=len)
def test_what_follows_a_gzip_stream(tail: bytes) -> None:
    """Another stream goes on with the file, anything else is dropped, as gzip itself does."""
    body = EncodedBody("gzip")
    pieces = [*body.decoded(gzip.compress(CLIP)), *body.decoded(tail), *body.rest()]
    assert b"".join(pieces) == CLIP + (b"more" if tail[:2] == b"\x1f\x8b" else b"")


@pytest.mark.parametrize(("name", "package"), [("br", "brotli"), ("zstd", "backports.zstd")])
async def test_without_a_library_the_error_names_the_cure(
    download: Download, name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body that cannot be decoded here is not a file of an unknown kind."""
    if name not in ENCODERS:
        pytest.skip("its library is not installed")
    encoded = ENCODERS[name](CLIP)
    monkeypatch.setattr(_content_encoding, "_imported", lambda *_: None)
    async with host(answer(encoded, {"Content-Encoding": name})) as served:
        with pytest.raises(DownloadError, match=f"install {package}"):
            await download(served.url)
    assert len(served.requests) == 1


async def test_an_unknown_kind_that_was_decoded_to_its_end_is_kept(download: Download) -> None:
    """The length that is stated is of what was sent, and does not count; the stream has an end of its own."""
    content = b"glTF\x02\0\0\0" + bytes(range(256)) * 8
    async with host(answer(gzip.compress(content), {"Content-Encoding": "gzip"})) as served:
        asset = await download(served.url)
    assert asset.path is not None
    assert (asset.path.name, asset.path.read_bytes(), asset.verified) == ("clip.bin", content, False)


async def test_an_encoded_rest_is_no_rest(download: Download) -> None:
    """A 206 of encoded bytes does not go on with a file that came as it is."""
    whole = answer(CLIP, {"ETag": '"v1"'}, sends=50_000)
    rest = rest_of(CLIP, {"ETag": '"v1"', "Content-Encoding": "gzip"})
    async with host(whole, rest, answer(CLIP)) as served:
        asset = await download(served.url)
    assert asset.path is not None
    assert asset.path.read_bytes() == CLIP
    assert [("range" in request) for request in served.requests] == [False, True, False]


async def test_a_file_that_becomes_large_comes_whole(download: Download) -> None:
    """A little that becomes much is written in several calls, so that no wait for a thread is long."""
    content = CLIP + bytes(50_000_000)
    async with host(answer(gzip.compress(content), {"Content-Encoding": "gzip"})) as served:
        asset = await download(served.url)
    assert (asset.size, asset.sha256) == (len(content), hashlib.sha256(content).hexdigest())
