"""The container of emulated videos: an index that comes first, and points at each frame."""

import struct
from collections.abc import Iterator

import pytest

from cometrunway.emulator._clip import video


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Walk the boxes of an MP4 file."""
    while content:
        size, kind = struct.unpack(">I4s", content[:8])
        assert 8 <= size <= len(content), "a box ends where the file does"
        yield kind, content[8:size]
        content = content[size:]


def inside(content: bytes, *path: bytes) -> bytes:
    """Return the content of a nested box."""
    for kind in path:
        content = dict(boxes(content))[kind]
    return content


@pytest.mark.parametrize("ratio", [(1280, 720), (720, 1280), (960, 960), (21, 9)])
def test_videos_are_whole(ratio: tuple[int, int]) -> None:
    """A file has its index first, which points at every frame and has the shape that was asked for."""
    content = video(ratio, tint=3, mark="m").content
    assert [kind for kind, _ in boxes(content)] == [b"ftyp", b"moov", b"mdat", b"free"]
    track = inside(content, b"moov", b"trak")
    table = inside(track, b"mdia", b"minf", b"stbl")
    sizes = struct.unpack(f">{(len(inside(table, b'stsz')) - 12) // 4}I", inside(table, b"stsz")[12:])
    offset = int.from_bytes(inside(table, b"stco")[8:], "big")
    assert content[offset - 4 : offset] == b"mdat"
    assert sum(sizes) == len(inside(content, b"mdat"))
    for size in sizes:
        assert int.from_bytes(content[offset : offset + 4], "big") == size - 4
        assert content[offset + 4] in {0x65, 0x41}, "a frame is an IDR slice or a P slice"
        offset += size
    width, height = struct.unpack(">II", inside(track, b"tkhd")[-8:])
    assert width / height == pytest.approx(ratio[0] / ratio[1], rel=0.03)


def test_a_video_plays_as_long_as_its_frames_take() -> None:
    """Twenty frames at twelve a second; the first one can be begun with."""
    content = video((16, 9), tint=3, mark="m").content
    scale, length = struct.unpack(">II", inside(content, b"moov", b"mvhd")[12:20])
    table = inside(content, b"moov", b"trak", b"mdia", b"minf", b"stbl")
    count, tick = struct.unpack(">II", inside(table, b"stts")[8:16])
    assert (count, length) == (20, count * tick)
    assert length / scale == pytest.approx(20 / 12)
    assert inside(table, b"stss")[8:] == struct.pack(">I", 1)
