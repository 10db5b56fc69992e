"""Files of assets as HTTP responses."""

from pathlib import Path
from typing import Any

import pytest

from cometrunway import Asset, AssetResponse

CONTENT = bytes(range(250)) * 4
DIGEST = "d" * 64
ETAG = f'"{DIGEST}"'


@pytest.fixture
def clip(tmp_path: Path) -> Asset:
    """Return an asset of a thousand bytes."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(CONTENT)
    return Asset(url="https://x/clip.mp4", path=path, media_type="video/mp4", size=len(CONTENT), sha256=DIGEST)


async def body(response: AssetResponse) -> bytes:
    """Return the whole body."""
    return b"".join([chunk async for chunk in response])


@pytest.mark.parametrize(
    ("asked", "status", "wanted"),
    [
        ("bytes=0-", 206, slice(0, 1000)),
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=100-199", 206, slice(100, 200)),
        ("Bytes=990-5000", 206, slice(990, 1000)),
        ("bytes=-10", 206, slice(990, 1000)),
        ("bytes=-5000", 206, slice(0, 1000)),
        ("bytes=1000-", 416, slice(0)),
        ("bytes=-0", 416, slice(0)),
        ("bytes=5-4", 200, slice(0, 1000)),
        ("bytes=-", 200, slice(0, 1000)),
        ("bytes=0-1,5-6", 200, slice(0, 1000)),
        ("bytes=\u0661-", 200, slice(0, 1000)),
        ("bytes=" + "9" * 5000 + "-", 200, slice(0, 1000)),
        ("frames=1-2", 200, slice(0, 1000)),
        ("", 200, slice(0, 1000)),
    ],
)
async def test_a_range_is_answered_as_the_standard_says(clip: Asset, asked: str, status: int, wanted: slice) -> None:
    """One range brings its bytes; one that cannot be had is refused; what is no single range is ignored."""
    response = AssetResponse(clip, {"Range": asked})
    assert (response.status, await body(response)) == (status, CONTENT[wanted])
    assert response.headers["Content-Length"] == str(len(CONTENT[wanted]))
    said = {206: f"bytes {wanted.start}-{wanted.stop - 1}/1000", 416: "bytes */1000", 200: None}[status]
    assert response.headers.get("Content-Range") == said
    assert response.headers["Accept-Ranges"] == "bytes"


async def test_without_headers_the_whole_file_comes(clip: Asset) -> None:
    """With its type, its length and its digest."""
    response = AssetResponse(clip)
    assert (response.status, await body(response)) == (200, CONTENT)
    assert response.headers == {
        "Accept-Ranges": "bytes",
        "Content-Length": "1000",
        "Content-Type": "video/mp4",
        "ETag": ETAG,
    }


@pytest.mark.parametrize(("tag", "status"), [(ETAG, 206), ('"other"', 200), (f"W/{ETAG}", 200)])
async def test_a_range_of_another_file_is_not_mixed_in(clip: Asset, tag: str, status: int) -> None:
    """Where If-Range names another file, the whole of this one comes."""
    assert AssetResponse(clip, {"RANGE": "bytes=1-2", "if-range": tag}).status == status


@pytest.mark.parametrize(
    ("tags", "status"), [(ETAG, 304), (f'"a", W/{ETAG}', 304), ("*", 304), ('"a"', 200), ("", 200)]
)
async def test_a_file_that_is_known_is_not_sent_again(clip: Asset, tags: str, status: int) -> None:
    """If-None-Match is compared weakly, and comes before a range."""
    response = AssetResponse(clip, {"if-none-match": tags})
    assert response.status == status
    assert (await body(response) == b"") == (status == 304)
    assert response.headers["ETag"] == ETAG


async def test_a_large_file_comes_in_chunks(tmp_path: Path) -> None:
    """No more than a block is in memory, and the range ends to the byte."""
    path = tmp_path / "large.mp4"
    path.write_bytes(bytes(1_000_000))
    asset = Asset(url="", path=path, size=1_000_000, sha256=DIGEST)
    sizes = [len(chunk) async for chunk in AssetResponse(asset, {"range": "bytes=10-999989"})]
    assert max(sizes) <= 256 * 1024
    assert sum(sizes) == 999_980


@pytest.mark.parametrize("change", [lambda path: path.unlink(), lambda path: path.write_bytes(b"short")])
async def test_a_file_that_has_changed_is_an_error(clip: Asset, change: object) -> None:
    """What is sent is what was downloaded, or nothing."""
    change(clip.path)  # type: ignore[operator]  # one of the two above
    with pytest.raises(OSError, match=r"clip\.mp4"):
        await body(AssetResponse(clip))


async def test_a_file_in_a_bucket_is_redirected_to() -> None:
    """By its link, which no cache may keep, for it expires."""
    asset = Asset(
        url="https://x/clip.mp4", location="s3://bucket/clip.mp4", link="https://bucket/clip.mp4?X-Amz-Date=1"
    )
    response = AssetResponse(asset, {"range": "bytes=0-"})
    assert (response.status, await body(response)) == (307, b"")
    assert (response.headers["Location"], response.headers["Cache-Control"]) == (asset.link, "no-store")


def test_an_asset_without_a_file_is_refused() -> None:
    """The error says where files come from."""
    with pytest.raises(ValueError, match="output_dir"):
        AssetResponse(Asset(url="https://x/clip.mp4"))


@pytest.mark.parametrize("wrong", [(), Path("clip.mp4"), "clip.mp4", None])
def test_what_is_no_asset_is_named(wrong: Any) -> None:
    """So that a tuple of assets, which `await handle` gives, is told from one asset."""
    with pytest.raises(TypeError, match=rf"\[asset\] = await handle, got {type(wrong).__name__}"):
        AssetResponse(wrong)
