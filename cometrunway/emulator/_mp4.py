"""The MP4 container (ISO/IEC 14496-12) of one video track, with its index first, so that it plays while it loads."""

import struct
from collections.abc import Sequence

from cometrunway.emulator._h264 import Stream

_TIMESCALE = 12_288
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box: its size, its four-letter type and its content."""
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind) + content


def mux(stream: Stream, *, width: int, height: int, frame_rate: int) -> bytes:
    """Wrap an H.264 stream, shown at `frame_rate` frames a second, as a file."""
    head = box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2avc1mp41")
    samples = [struct.pack(">I", len(frame)) + frame for frame in stream.frames]
    empty = _moov(stream, samples, width, height, frame_rate, offset=0)
    moov = _moov(stream, samples, width, height, frame_rate, offset=len(head) + len(empty) + 8)
    return head + moov + box(b"mdat", *samples)


def _full(kind: bytes, flags: int, *parts: bytes) -> bytes:
    return box(kind, struct.pack(">I", flags), *parts)


def _numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def _moov(stream: Stream, samples: Sequence[bytes], width: int, height: int, frame_rate: int, *, offset: int) -> bytes:
    tick = _TIMESCALE // frame_rate
    length = tick * len(samples)
    return box(
        b"moov",
        _full(
            b"mvhd", 0, _numbers(0, 0, _TIMESCALE, length, 0x10000, 0x01000000, 0, 0), _MATRIX, bytes(24), _numbers(2)
        ),
        box(
            b"trak",
            _full(b"tkhd", 3, _numbers(0, 0, 1, 0, length), bytes(16), _MATRIX, _numbers(width << 16, height << 16)),
            box(
                b"mdia",
                _full(b"mdhd", 0, _numbers(0, 0, _TIMESCALE, length), struct.pack(">HH", 0x55C4, 0)),
                _full(b"hdlr", 0, bytes(4), b"vide", bytes(12), b"emulated video\0"),
                _minf(_stbl(samples, _avc1(stream, width, height), tick, offset)),
            ),
        ),
    )


def _minf(stbl: bytes) -> bytes:
    here = _full(b"dref", 0, _numbers(1), _full(b"url ", 1))
    return box(b"minf", _full(b"vmhd", 1, bytes(8)), box(b"dinf", here), stbl)


def _stbl(samples: Sequence[bytes], entry: bytes, tick: int, offset: int) -> bytes:
    count = len(samples)
    return box(
        b"stbl",
        _full(b"stsd", 0, _numbers(1), entry),
        _full(b"stts", 0, _numbers(1, count, tick)),
        _full(b"stss", 0, _numbers(1, 1)),
        _full(b"stsc", 0, _numbers(1, 1, count, 1)),
        _full(b"stsz", 0, _numbers(0, count, *map(len, samples))),
        _full(b"stco", 0, _numbers(1, offset)),
    )


def _avc1(stream: Stream, width: int, height: int) -> bytes:
    resolution = _numbers(0x480000, 0x480000, 0)
    return box(
        b"avc1",
        struct.pack(">6xH16xHH", 1, width, height),
        resolution,
        struct.pack(">H32xHh", 1, 24, -1),
        box(b"avcC", stream.configuration),
    )
