"""Answers of asset hosts: the whole file, the rest of a file, or an error."""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime

from cometrunway._delivery._content_encoding import DamagedError, EncodedBody
from cometrunway._delivery._part_file import Origin, PartFile
from cometrunway._delivery._stated_digests import stated_digests
from cometrunway._media._urls import without_query
from cometrunway._tasks import Asset
from cometrunway._transport._assets import AssetStream
from cometrunway.errors import AssetExpiredError, DownloadError, TransportError

_GONE = frozenset({401, 403, 404, 410})
_LATER = frozenset({408, 416, 429})
_EXPIRED = rb"expir|access.?denied|token|signature"
"""Matches refusals that a fresh URL cures, such as `ExpiredRequest` and `Request has expired`."""
_REASON_BYTES, _REASON_SECONDS = 2048, 10.0
_STRONG_AFTER = 60.0
"""A date is strong if it is at least this many seconds old, because the clocks of two hosts may differ."""
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)


async def check_answer(stream: AssetStream, asset: Asset, part: PartFile) -> None:
    """Check that the body is the file, or the missing rest of it.

    Raises:
        AssetExpiredError: the body is not the file, but another URL may return it.
        DownloadError: the body is not the file for any other reason.
    """
    status, shown = stream.status, f"GET {without_query(asset.url)} answered {stream.status}"
    if status == 416:
        part.restart()
    if status in _GONE or (400 <= status < 500 and status not in _LATER and await _says_expired(stream)):
        raise AssetExpiredError(f"{shown}: the URL has expired or the file is gone", asset=asset)
    if status == 206 and not brings_all(stream, part) and not _continues(stream, part):
        part.restart()
        raise DownloadError(f"{shown}, with a part of the file that was not requested", asset=asset)
    if status not in {200, 203, 206}:
        raise DownloadError(shown, asset=asset, retryable=status < 300 or status >= 500 or status in _LATER)


def brings_all(stream: AssetStream, part: PartFile) -> bool:
    """Whether the body is the file from its first byte. Some hosts send the whole file as a part (206)."""
    if stream.status != 206:
        return True
    match = _CONTENT_RANGE.fullmatch(stream.headers.get("content-range", ""))
    return not part.range() and match is not None and match[1] == "0" and match[3] == str(int(match[2]) + 1)


def origin(stream: AssetStream) -> Origin:
    """Return what an answer with the whole file says about this file."""
    is_encoded = bool(EncodedBody(stream.headers.get("content-encoding", "")))
    return Origin(
        validator=None if is_encoded else _strong_validator(stream.headers),
        length=declared_length(stream),
        stated=stated_digests(stream.headers),
    )


def declared_length(stream: AssetStream) -> int | None:
    """Return the number of bytes that an answer declares; None if it declares none."""
    length = stream.headers.get("content-length", "")
    return int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None


async def _says_expired(stream: AssetStream) -> bool:
    """Whether the first bytes of a refusal say that the URL is no longer valid."""
    body = bytearray()
    with suppress(TransportError, TimeoutError):
        async with asyncio.timeout(_REASON_SECONDS):
            async for chunk in stream.chunks:
                body += chunk[:_REASON_BYTES]
                if len(body) >= _REASON_BYTES:
                    break
    with suppress(DamagedError):
        encoded = EncodedBody(stream.headers.get("content-encoding", ""))
        body[:] = b"".join((*encoded.decoded(bytes(body[:_REASON_BYTES])), *encoded.rest()))
    return re.search(_EXPIRED, body, re.IGNORECASE) is not None


def _continues(stream: AssetStream, part: PartFile) -> bool:
    """Whether a 206 continues where the part file ends, and belongs to the same file."""
    match = _CONTENT_RANGE.match(stream.headers.get("content-range", ""))
    goes_on = match is not None and int(match[1]) == part.size
    is_encoded = bool(EncodedBody(stream.headers.get("content-encoding", "")))
    length = None if match is None or match[3] == "*" else int(match[3])
    return bool(part.range()) and goes_on and not is_encoded and _is_of_same_file(stream, part, length)


def _is_of_same_file(stream: AssetStream, part: PartFile, length: int | None) -> bool:
    """Whether the validators agree. A date alone is not enough: the length of the whole file must agree, too."""
    etag, date = stream.headers.get("etag"), stream.headers.get("last-modified")
    if (part.origin.validator or "").startswith('"'):
        return etag == part.origin.validator
    is_as_long = length is None or part.origin.length in {None, length}
    return is_as_long and etag is None and date in {None, part.origin.validator}  # a 206 need not repeat the date


def _strong_validator(headers: Mapping[str, str]) -> str | None:
    """Return the value for If-Range (RFC 9110 13.1.5): a strong ETag, or a strong date if there is no ETag.

    A date is strong if the file was changed long enough before the answer. A second change within the same second is
    then impossible, even if a clock is wrong (8.8.2.2). RFC 7232 demands one minute.
    """
    etag, modified = headers.get("etag"), headers.get("last-modified")
    if etag is not None:
        return etag if etag.startswith('"') and etag.isascii() and etag.isprintable() else None
    changed, answered = _date(modified), _date(headers.get("date"))
    is_strong = changed and answered and (answered - changed).total_seconds() >= _STRONG_AFTER
    return modified if is_strong else None


def _date(text: str | None) -> datetime | None:
    """Return the time of an HTTP date."""
    if text is None or not text.endswith(" GMT") or not (text.isascii() and text.isprintable()):
        return None
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
