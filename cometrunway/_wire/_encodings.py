"""From the body as it came to the body as it was meant. What Content-Encoding says is a hint: gateways get it wrong."""

import zlib

GZIP = b"\x1f\x8b"
"""What begins as this is compressed, for no JSON does."""
_LAYERS = 3
_GZIP_OR_ZLIB, _RAW = 47, -15  # the window sizes that zlib takes, with what they mean


def decoded(body: bytes, encoding: str, *, limit: int) -> bytes:
    """Return the body without its compression; as it is where it has none, even if the header names one.

    Args:
        body: as it came.
        encoding: what Content-Encoding says.
        limit: of a larger result, `limit + 1` bytes are returned.
    """
    for _ in range(_LAYERS):
        if not body.startswith(GZIP):
            break
        body = _inflated(body, _GZIP_OR_ZLIB, limit) or body
    if "deflate" in encoding.lower() and body[:1] not in b"{[<":
        return _inflated(body, _GZIP_OR_ZLIB, limit) or _inflated(body, _RAW, limit) or body
    return body


def _inflated(body: bytes, window: int, limit: int) -> bytes | None:
    """Return what it inflates to, cut off or not; None where it is not compressed so."""
    try:
        return zlib.decompressobj(window).decompress(body, limit + 1)
    except zlib.error:
        return None
