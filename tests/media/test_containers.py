"""Containers: a file that was cut anywhere is not whole."""

import io
import struct
import zlib

import pytest

from cometrunway._media._containers import is_whole


def box(kind: bytes, content: bytes = b"") -> bytes:
    """Return one MP4 box."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    """Return one PNG chunk."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


MP4 = box(b"ftyp", b"isom") + box(b"moov", b"m" * 20) + box(b"mdat", b"d" * 50)
PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"h" * 13) + chunk(b"IDAT", b"d" * 30) + chunk(b"IEND")
JPEG = b"\xff\xd8\xff\xe0" + b"j" * 40 + b"\xff\xd9"
WEBP = b"RIFF" + struct.pack("<I", 24) + b"WEBP" + b"w" * 20
WHOLE = {"video/mp4": MP4, "image/png": PNG, "image/jpeg": JPEG, "image/webp": WEBP}


@pytest.mark.parametrize("media_type", WHOLE)
def test_a_whole_file_is_whole(media_type: str) -> None:
    """What reaches its declared end is believed."""
    assert is_whole(io.BytesIO(WHOLE[media_type]), media_type)


@pytest.mark.parametrize("media_type", WHOLE)
def test_a_file_cut_anywhere_is_not_whole(media_type: str) -> None:
    """Every truncation is found, at whatever byte."""
    whole = WHOLE[media_type]
    assert not [length for length in range(12, len(whole)) if is_whole(io.BytesIO(whole[:length]), media_type)]


def test_a_flipped_bit_in_a_png_is_found() -> None:
    """PNG chunks carry checksums, and they are verified."""
    for position in range(8, len(PNG)):
        damaged = bytearray(PNG)
        damaged[position] ^= 1
        assert not is_whole(io.BytesIO(damaged), "image/png")


@pytest.mark.parametrize(
    "mp4",
    [
        box(b"ftyp") + box(b"mdat", b"d"),
        box(b"ftyp") + box(b"moov"),
        b"\0\0\0\x04free",
        b"\0\0\0\x01mdat\0\0\0\0",
    ],
    ids=["no moov", "no mdat", "impossible length", "cut in a long length"],
)
def test_an_mp4_that_cannot_play_is_not_whole(mp4: bytes) -> None:
    """An MP4 needs its index and its data, in boxes of possible lengths."""
    assert not is_whole(io.BytesIO(mp4), "video/mp4")


def test_long_and_open_boxes_are_read() -> None:
    """A box may have a 64-bit length, and the last one may reach to the end of the file."""
    long_box = struct.pack(">I4sQ", 1, b"mdat", 16 + 10) + b"d" * 10
    assert is_whole(io.BytesIO(box(b"moov") + long_box), "video/mp4")
    assert is_whole(io.BytesIO(box(b"moov") + b"\0\0\0\0mdat" + b"d" * 10), "video/mp4")


def test_a_webm_is_believed() -> None:
    """WebM may be of unknown length by design."""
    assert is_whole(io.BytesIO(b"\x1a\x45\xdf\xa3"), "video/webm")
