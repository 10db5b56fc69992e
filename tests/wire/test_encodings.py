"""Compressed bodies, and bodies that only say so."""

import gzip
import zlib

import pytest

from cometrunway._wire._encodings import decoded

JSON = b'{"id": "task-1"}'
LIMIT = 1000


def raw(content: bytes) -> bytes:
    """Return what some servers call deflate: without zlib's header."""
    squeezer = zlib.compressobj(wbits=-15)
    return squeezer.compress(content) + squeezer.flush()


@pytest.mark.parametrize("stated", ["gzip", "deflate", "br", "zstd", "", "identity", "x-gzip, nonsense", "none"])
def test_plain_json_stays_as_it_is(stated: str) -> None:
    """Whatever encoding is stated and not applied."""
    assert decoded(JSON, stated, limit=LIMIT) == JSON
    assert decoded(b"", stated, limit=LIMIT) == b""


@pytest.mark.parametrize(
    ("stated", "body"),
    [
        ("gzip", gzip.compress(JSON)),
        ("", gzip.compress(JSON)),
        ("br", gzip.compress(JSON)),
        ("gzip, gzip", gzip.compress(gzip.compress(JSON))),
        ("deflate", zlib.compress(JSON)),
        ("DEFLATE", raw(JSON)),
        ("deflate, gzip", gzip.compress(zlib.compress(JSON))),
    ],
    ids=range(7),
)
def test_a_compressed_body_is_read(stated: str, body: bytes) -> None:
    """As gzip whatever is stated, and as either form of deflate."""
    assert decoded(body, stated, limit=LIMIT) == JSON


def test_a_body_that_grows_without_end_is_cut() -> None:
    """Of a bomb no more is made than shows that it is too large."""
    assert len(decoded(gzip.compress(bytes(10**8)), "", limit=LIMIT)) == LIMIT + 1
    assert len(decoded(zlib.compress(bytes(10**8)), "deflate", limit=LIMIT)) == LIMIT + 1


@pytest.mark.parametrize(
    "damaged", [b"\x1f\x8b", b"\x1f\x8b" + bytes(20), gzip.compress(JSON)[:12], b"\x78\x9cabc"], ids=range(4)
)
def test_a_damaged_body_raises_nothing(damaged: bytes) -> None:
    """It is no JSON, and that is for the decoder to say."""
    decoded(damaged, "deflate, gzip", limit=LIMIT)
