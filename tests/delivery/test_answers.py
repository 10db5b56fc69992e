"""Answers of asset hosts: what is the file, what is the rest of it, and what needs another URL."""

from typing import Any

import pytest

from cometrunway.errors import AssetExpiredError, DownloadError
from tests.delivery.conftest import Download
from tests.hosts import answer, clip, host, rest_of

CLIP = clip(3_000_000)
HALF = len(CLIP) // 2
OLD = {"Last-Modified": "Tue, 01 Oct 2024 10:00:00 GMT", "Date": "Tue, 01 Oct 2024 10:01:00 GMT"}


async def resumed(download: Download, first: dict[str, str], rest: dict[str, str]) -> list[dict[str, str]]:
    """Break a file in half, answer a range with the rest, and anything after it with all; return what was asked."""
    half = answer(CLIP, first, sends=HALF)
    async with host(half, rest_of(CLIP, rest), answer(CLIP, first)) as served:
        asset = await download(served.url)
    assert asset.path is not None
    assert asset.path.read_bytes() == CLIP
    return served.requests


@pytest.mark.parametrize(
    "rest", [{}, {"Last-Modified": OLD["Last-Modified"]}, {"Date": "Tue, 01 Oct 2024 10:02:00 GMT"}]
)
async def test_a_date_that_is_strong_resumes(download: Download, rest: dict[str, str]) -> None:
    """Without an ETag, the date of the last change a minute before the answer tells that the file is the same."""
    first, second = await resumed(download, OLD, rest)
    assert "range" not in first
    assert int(second["range"][6:-1]) > HALF // 2
    assert second["if-range"] == OLD["Last-Modified"]


WEAK = {
    "younger": {"Last-Modified": OLD["Last-Modified"], "Date": "Tue, 01 Oct 2024 10:00:59 GMT"},
    "of the future": {"Last-Modified": "Tue, 01 Oct 2024 11:00:00 GMT", "Date": OLD["Date"]},
    "alone": {"Last-Modified": OLD["Last-Modified"]},
    "no date": {**OLD, "Last-Modified": "yesterday"},
    "another form": {**OLD, "Last-Modified": "2024-10-01T10:00:00Z"},
    "an impossible one": {**OLD, "Last-Modified": "Tue, 99 Oct 2024 10:00:00 GMT"},
    "beyond all years": {**OLD, "Last-Modified": "Tue, 01 Oct 99999999999999999999 10:00:00 GMT"},
    "beside a weak ETag": {**OLD, "ETag": 'W/"v1"'},
    "beside an ETag without quotes": {**OLD, "ETag": "v1"},
}


@pytest.mark.parametrize("first", WEAK.values(), ids=list(WEAK))
async def test_a_weak_validator_resumes_nothing(download: Download, first: dict[str, str]) -> None:
    """RFC 9110 13.1.5: neither a weak ETag, nor a date beside any ETag, nor one that may be of another second."""
    half = answer(CLIP, first, sends=HALF)
    async with host(half, answer(CLIP, first)) as served:
        assert (await download(served.url)).size == len(CLIP)
    assert not any("range" in request or "if-range" in request for request in served.requests)


@pytest.mark.parametrize(
    "rest",
    [
        {"Last-Modified": "Tue, 01 Oct 2024 10:00:01 GMT"},
        {"ETag": '"v2"'},
        {"Content-Range": f"bytes {HALF}-{len(CLIP)}/{len(CLIP) + 1}"},
        {"Content-Range": f"bytes {HALF + 1}-{len(CLIP) - 1}/{len(CLIP)}"},
        {"Content-Range": "bytes"},
    ],
)
async def test_the_rest_of_another_file_is_refused(download: Download, rest: dict[str, str]) -> None:
    """Another date, ETag, length or place: the download starts again."""
    assert len(await resumed(download, OLD, rest)) == 3


SAYS_EXPIRED: dict[str, Any] = {
    "S3": b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>",
    "R2": b'<?xml version="1.0"?><Error><Code>ExpiredRequest</Code></Error>',
    "S3-like": b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
    "GCS": b"<Error><Code>InvalidArgument</Code><Details>ExpiredSignature: 400</Details></Error>",
    "JSON": b'{"error": "Signature expired: 20240101T000000Z"}',
    "words": b"URL signature has EXPIRED",
}


@pytest.mark.parametrize("body", SAYS_EXPIRED.values(), ids=list(SAYS_EXPIRED))
@pytest.mark.parametrize("status", [400, 422])
async def test_a_refusal_that_says_expired_asks_for_another_url(download: Download, status: int, body: bytes) -> None:
    """As 403 does: some object stores answer 400 to a URL that has expired."""
    async with host(answer(body, status=status)) as served:
        with pytest.raises(AssetExpiredError) as caught:
            await download(served.url, asset_grace=5)
    assert len(served.requests) > 1
    assert body.decode() not in str(caught.value)


@pytest.mark.parametrize("status", [400, 402, 451])
async def test_any_other_refusal_is_final(download: Download, status: int) -> None:
    """It is no matter of time."""
    async with host(answer(b"<Error><Code>InvalidBucketName</Code></Error>", status=status)) as served:
        with pytest.raises(DownloadError, match=f"answered {status}") as caught:
            await download(served.url)
    assert not isinstance(caught.value, AssetExpiredError)
    assert len(served.requests) == 1


@pytest.mark.parametrize("status", [202, 204, 408, 429, 500, 503])
async def test_not_now_is_asked_again(download: Download, status: int) -> None:
    """A host that is busy, or still at work on the file, has it a little later."""
    empty = {"Content-Length": "0"} if status == 204 else {}
    async with host(answer(b"", empty, status=status), answer(CLIP)) as served:
        assert (await download(served.url)).size == len(CLIP)


async def test_a_file_that_a_proxy_has_changed_on_the_way_is_a_file(download: Download) -> None:
    """203 is 200 with a word of warning."""
    async with host(answer(CLIP, status=203)) as served:
        assert (await download(served.url)).size == len(CLIP)


async def test_all_of_a_file_is_a_file_though_it_is_called_a_part(download: Download) -> None:
    """Some hosts answer 206 with everything to those who asked for no range."""
    headers = {"Content-Range": f"bytes 0-{len(CLIP) - 1}/{len(CLIP)}"}
    async with host(answer(CLIP, headers, status=206)) as served:
        assert (await download(served.url)).size == len(CLIP)
    assert len(served.requests) == 1


async def test_a_part_that_was_not_requested_is_refused(download: Download) -> None:
    """The first half alone is not the file."""
    headers = {"Content-Range": f"bytes 0-{HALF - 1}/{len(CLIP)}"}
    async with host(answer(CLIP[:HALF], headers, status=206), answer(CLIP)) as served:
        assert (await download(served.url)).size == len(CLIP)
    assert len(served.requests) == 2
