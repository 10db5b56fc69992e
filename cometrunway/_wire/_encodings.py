"""Decompresses bodies. The header Content-Encoding is only a hint, because gateways send wrong values."""

import zlib

GZIP = b"\x1f\x8b"
"""A body that begins with these bytes is compressed, because JSON never begins so."""
_LAYERS = 3
_GZIP_OR_ZLIB, _RAW = 47, -15  # window sizes of zlib


def decoded(body: bytes, encoding: str, *, limit: int) -> bytes:
    """Return the decompressed body. A body without compression is returned unchanged, even if the header names one.

    Args:
        body: the body as it was received.
        encoding: the value of Content-Encoding.
        limit: the limit in bytes. If the result is larger, its first `limit + 1` bytes are returned.
    """
    for _ in range(_LAYERS):
        if not body.startswith(GZIP):
            break
        body = _inflated(body, _GZIP_OR_ZLIB, limit) or body
    if "deflate" in encoding.lower() and body[:1] not in b"{[<":
        return _inflated(body, _GZIP_OR_ZLIB, limit) or _inflated(body, _RAW, limit) or body
    return body


def _inflated(body: bytes, window: int, limit: int) -> bytes | None:
    """Return the inflated body, which may be incomplete; None if the body is not compressed in this way."""
    try:
        return zlib.decompressobj(window).decompress(body, limit + 1)
    except zlib.error:
        return None
