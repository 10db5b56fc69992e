"""Digests that a host states: compared with what came, and recorded."""

import base64
import gzip
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cometrunway import DownloadError, Session
from cometrunway._delivery._stated_digests import stated_digests
from cometrunway._journal._journal import Journal
from cometrunway.emulator import Emulator, Fault
from tests.delivery.conftest import Download
from tests.hosts import answer, clip, host, rest_of
from tests.samples import yawn

CLIP = clip()


def b64(name: str, data: bytes = CLIP) -> str:
    """Return a digest as most headers spell it."""
    return base64.b64encode(hashlib.new(name, data).digest()).decode()


STATED = {
    "Content-MD5": (b64("md5"), "md5"),
    "content-md5": (hashlib.md5(CLIP, usedforsecurity=False).hexdigest(), "md5"),
    "x-goog-hash": (f"crc32c=n03x6A==, md5={b64('md5')}", "md5"),
    "x-amz-checksum-sha256": (b64("sha256"), "sha256"),
    "x-amz-checksum-sha1": (b64("sha1"), "sha1"),
    "x-ms-blob-content-md5": (b64("md5"), "md5"),
    "Repr-Digest": (f"sha-256=:{b64('sha256')}:", "sha256"),
    "Content-Digest": (f"unixsum=:AAA=:, sha-512=:{b64('sha512')}:;x=1", "sha512"),
    "Digest": (f"SHA-256={b64('sha256')},unixsum=30637", "sha256"),
    "digest": (f"sha256={b64('sha256')}", "sha256"),
    "repr-digest": (f"sha512=:{b64('sha512')}:", "sha512"),
    "content-digest": (f"sha1=:{b64('sha1')}:", "sha1"),
}


@pytest.mark.parametrize("header", STATED)
async def test_a_digest_that_agrees_is_recorded(download: Download, header: str) -> None:
    """The asset says which algorithms the host's word was verified by."""
    stated, algorithm = STATED[header]
    async with host(answer(CLIP, {header: stated})) as served:
        asset = await download(served.url)
    assert asset.verified_digests == (algorithm,)


@pytest.mark.parametrize("header", STATED)
async def test_bytes_that_differ_are_asked_for_again(download: Download, header: str, tmp_path: Path) -> None:
    """A whole MP4 of which one byte has flipped on the way is no file; in the end the error says so."""
    flipped = bytearray(CLIP)
    flipped[5000] ^= 1
    stated, algorithm = STATED[header]
    async with host(answer(bytes(flipped), {header: stated}), answer(CLIP, {header: stated})) as served:
        asset = await download(served.url)
    assert asset.path is not None
    assert asset.path.read_bytes() == CLIP
    asset.path.unlink()
    async with host(answer(bytes(flipped), {header: stated})) as served:
        with pytest.raises(DownloadError, match=f"not have the {algorithm} digest that the host states") as caught:
            await download(served.url)
    assert len(served.requests) == 6
    assert stated not in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []


IGNORED = {
    "x-amz-checksum-sha256": f"{b64('sha256', b'other')}-3",  # composite: of the digests of three parts
    "Content-MD5": "no digest",
    "content-md5": "AAAA",
    "x-goog-hash": "crc32c=AAAAAA==",
    "Repr-Digest": "sha-256=:!!!:, sha3-512=:AAAA:, nonsense",
    "Digest": "",
    "ETag": '"00000000000000000000000000000000"',
}


@pytest.mark.parametrize("header", IGNORED)
async def test_what_is_no_digest_is_ignored(download: Download, header: str) -> None:
    """And algorithms that cannot be computed here."""
    async with host(answer(CLIP, {header: IGNORED[header]})) as served:
        assert (await download(served.url)).verified_digests == ()


@pytest.mark.parametrize("of", ["what was sent", "the file"])
async def test_a_digest_beside_an_encoding(download: Download, of: str) -> None:
    """RFC 9530 means the encoded bytes, a proxy that encodes leaves the digest of the file: either is right."""
    encoded = gzip.compress(CLIP)
    headers = {"Content-Encoding": "gzip", "Repr-Digest": f"sha-256=:{b64('sha256', encoded)}:"}
    if of == "the file":
        headers["Repr-Digest"] = f"sha-256=:{b64('sha256')}:"
    async with host(answer(encoded, headers)) as served:
        assert (await download(served.url)).verified_digests == ("sha256",)
    headers["Content-MD5"] = b64("md5", b"neither")
    async with host(answer(encoded, headers)) as served:
        with pytest.raises(DownloadError, match="md5"):
            await download(served.url)


async def test_google_states_the_hash_of_what_it_keeps(download: Download) -> None:
    """A file that it keeps in gzip and decodes on the way has another hash."""
    headers = {"x-goog-hash": f"md5={b64('md5', gzip.compress(CLIP))}", "x-goog-stored-content-encoding": "gzip"}
    async with host(answer(CLIP, headers)) as served:
        assert (await download(served.url)).verified_digests == ()


@pytest.mark.parametrize("flips", [False, True])
async def test_a_resumed_file_has_the_digest_of_the_whole(download: Download, flips: bool) -> None:
    """What the first answer stated holds for both parts; what a 206 states of itself is not of the file."""
    sent = bytearray(CLIP)
    sent[-1000] ^= flips
    etag, digest = {"ETag": '"v1"'}, {"Content-MD5": b64("md5")}
    rest = rest_of(CLIP, {**etag, "Content-MD5": b64("md5", b"the rest")}, sent=bytes(sent))
    async with host(answer(CLIP, {**etag, **digest}, sends=50_000), rest, answer(CLIP, digest)) as served:
        asset = await download(served.url)
    assert asset.path is not None
    assert asset.path.read_bytes() == CLIP
    assert (len(served.requests), asset.verified_digests) == (3 if flips else 2, ("md5",))


async def test_several_headers_of_one_name_are_one_list(download: Download) -> None:
    """Google sends a header for each hash."""
    lines = answer(CLIP, {"x-goog-hash": "crc32c=AAAAAA==", "X-Goog-Hash": f"md5={b64('md5')}"})
    async with host(lines) as served:
        assert (await download(served.url)).verified_digests == ("md5",)


async def test_the_journal_keeps_what_was_verified(tmp_path: Path) -> None:
    """With the file, in its entry."""
    journal = tmp_path / "shots.db"
    async with Emulator(not_exist_seconds=0) as emulator, host(answer(CLIP, {"Content-MD5": b64("md5")})) as served:
        async with Session(
            emulator.api_key, base_url=emulator.base_url, output_dir=tmp_path / "out", journal=journal
        ) as runway:
            handle = await runway.submit(yawn(), key="cat")
            emulator.script("poll", Fault.answer(200, {"id": handle.id, "status": "SUCCEEDED", "output": [served.url]}))
            assert [asset.verified_digests for asset in await handle] == [("md5",)]
    [entry] = Journal.read(journal)
    assert [asset.verified_digests for asset in entry.assets] == [("md5",)]


@given(st.dictionaries(st.sampled_from(sorted(name.lower() for name in STATED)), st.text()))
def test_any_header_is_read_or_ignored(headers: dict[str, str]) -> None:
    """Nothing is raised."""
    assert all(len(digest) >= 16 for _, digest in stated_digests(headers))
