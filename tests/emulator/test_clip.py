"""The files that emulated tasks make: whole, in the shape that was asked for, and each its own."""

import io
import struct
import zlib
from collections.abc import Callable

import pytest

from cometrunway._media._containers import is_whole
from cometrunway.emulator._clip import File, picture, sound, video

MAKERS: dict[str, Callable[[str], File]] = {
    "video/mp4": lambda mark: video((16, 9), tint=3, mark=mark),
    "image/png": lambda mark: picture((16, 9), tint=3, mark=mark),
    "audio/wav": lambda mark: sound(".wav", tint=3, mark=mark),
    "audio/ogg": lambda mark: sound(".ogg", tint=3, mark=mark),
    "audio/mpeg": lambda mark: sound(".mp3", tint=3, mark=mark),
}


@pytest.mark.parametrize("media_type", MAKERS)
def test_each_mark_has_a_file_of_its_own(media_type: str) -> None:
    """With an entity tag of its own; the same mark makes the same file again, and each is whole to its end."""
    make = MAKERS[media_type]
    first, second = make("task-1"), make("task-2")
    assert first == make("task-1")
    assert first.content != second.content
    assert first.etag != second.etag
    assert (first.media_type, first.etag[0], first.etag[-1]) == (media_type, '"', '"')
    assert is_whole(io.BytesIO(first.content), media_type)
    assert not is_whole(io.BytesIO(first.content[: len(first.content) // 2]), media_type)


def test_a_video_is_as_large_as_one_that_is_worth_a_download() -> None:
    """Of any shape, also of one that no screen has."""
    for ratio in ((1280, 720), (720, 1280), (1, 1000), (0, 0)):
        assert 50_000 < len(video(ratio, tint=3, mark="m").content) < 250_000


def test_pictures_are_whole() -> None:
    """A PNG whose checksums hold and whose pixels are all there; another moment is another picture."""
    content = picture((16, 9), tint=3, mark="m").content
    assert picture((16, 9), tint=3, mark="m", moment=0.5).content != content
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, rest = {}, content[8:]
    while rest:
        length, kind = struct.unpack(">I4s", rest[:8])
        chunks[kind], check = rest[8 : 8 + length], rest[8 + length : 12 + length]
        assert zlib.crc32(kind + chunks[kind]) == int.from_bytes(check, "big")
        rest = rest[12 + length :]
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert len(zlib.decompress(chunks[b"IDAT"])) == (width + 1) * height
    assert list(chunks)[-1] == b"IEND"
