"""Decodes the content of a `data:` URL step by step."""

import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

_STEP = 256 * 1024
"""The number of characters that are decoded at once. More would block the event loop."""
_BASE64 = re.compile(r";\s*base64\s*(;|$)", re.IGNORECASE)
_LIKE_BASE64 = re.compile(r"[A-Za-z0-9+/_=\s-]{64}")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_BLANKS = b" \t\r\n\f\v"


def inline_content(url: str) -> Iterator[bytes]:
    """Yield the content of a `data:` URL in pieces.

    Base64 may contain blanks, the alphabet for URLs and percent-encoding, and may lack padding. It is also recognised
    if the URL does not declare it.

    Raises:
        ValueError: the URL has no content, or the content is not base64.
    """
    comma = url.find(",")
    if comma < 0:
        raise ValueError("has no content")
    content = _without_percents(url, comma + 1)
    if _BASE64.search(url[:comma]) or _LIKE_BASE64.match(url, comma + 1):
        return _from_base64(content)
    return content


def _without_percents(url: str, start: int) -> Iterator[bytes]:
    rest = b""
    for position in range(start, len(url), _STEP):
        piece = rest + url[position : position + _STEP].encode("utf-8", "replace")
        cut = piece.find(b"%", -2)  # its digits may be in the next piece
        rest = b"" if cut < 0 else piece[cut:]
        yield unquote_to_bytes(piece[: len(piece) - len(rest)])
    yield unquote_to_bytes(rest)


def _from_base64(text: Iterator[bytes]) -> Iterator[bytes]:
    rest, padding = b"", b""
    for piece in text:
        clean = padding + piece.translate(_URL_SAFE, _BLANKS)
        digits = clean.rstrip(b"=")
        padding = clean[len(digits) :]
        rest += digits
        whole = len(rest) // 4 * 4
        yield _decoded(rest[:whole])
        rest = rest[whole:]
    yield _decoded(rest + b"=" * (-len(rest) % 4))


def _decoded(digits: bytes) -> bytes:
    try:
        return binascii.a2b_base64(digits, strict_mode=True)
    except binascii.Error as error:
        raise ValueError("is no base64") from error
