"""The files that emulated tasks make: real H.264 videos, PNG pictures and sounds, generated without a codec library."""

import functools
import hashlib
import math
import struct
import zlib
from collections.abc import Iterator, Sequence

from attrs import frozen

from cometrunway.emulator._h264 import Macroblock, encode
from cometrunway.emulator._mp4 import box, mux
from cometrunway.emulator._scene import Scene
from cometrunway.emulator._sound import mp3, ogg, wav

_FRAMES, _FRAME_RATE = 20, 12
_VIDEO_AREA, _PICTURE_AREA = 208 * 117, 640 * 360


@frozen(kw_only=True)
class File:
    """A generated file.

    Attributes:
        content: Its bytes.
        media_type: `video/mp4`, `image/png`, `audio/wav`, `audio/ogg` or `audio/mpeg`.
        etag: Its strong entity tag, quoted.
    """

    content: bytes
    media_type: str
    etag: str


def video(ratio: tuple[int, int], *, tint: int, mark: str) -> File:
    """A playable MP4 in the shape of `ratio`, 1.7 seconds, 100 to 250 KB, made unique by a `mark` in a `free` box."""
    content = _clip(*_size(ratio, _VIDEO_AREA), tint) + box(b"free", mark.encode())
    return File(content=content, media_type="video/mp4", etag=_etag(mark, content))


def picture(ratio: tuple[int, int], *, tint: int, mark: str, moment: float = 0.0) -> File:
    """A PNG in the shape of `ratio`, a `moment` (0..1) of the video, made unique by a `mark` in a text chunk."""
    header, body = _picture(*_size(ratio, _PICTURE_AREA), tint, moment)
    content = header + _chunk(b"tEXt", b"Comment\0" + mark.encode("latin-1", "replace")) + body
    return File(content=content, media_type="image/png", etag=_etag(mark, content))


def sound(suffix: str, *, tint: int, mark: str) -> File:
    """A sound, as WAV, Ogg or MP3, made unique by a `mark`."""
    if suffix == ".wav":
        content, media_type = wav(tint=tint, mark=mark), "audio/wav"
    elif suffix == ".ogg":
        content, media_type = ogg(mark=mark), "audio/ogg"
    else:
        content, media_type = mp3(mark=mark), "audio/mpeg"
    return File(content=content, media_type=media_type, etag=_etag(mark, content))


def _etag(mark: str, content: bytes) -> str:
    return f'"{hashlib.sha256(mark.encode()).hexdigest()[:24]}-{len(content):x}"'


def _size(ratio: tuple[int, int], area: int) -> tuple[int, int]:
    aspect = min(4.0, max(0.25, ratio[0] / ratio[1])) if all(ratio) else 1.0
    return 2 * round(math.sqrt(area * aspect) / 2), 2 * round(math.sqrt(area / aspect) / 2)


@functools.lru_cache(maxsize=64)
def _clip(width: int, height: int, tint: int) -> bytes:
    padded = Scene(width=-(-width // 16) * 16, height=-(-height // 16) * 16, tint=tint)
    tables = _yuv(padded.palette())
    frames = [list(_macroblocks(padded.rows(number / _FRAMES), tables)) for number in range(_FRAMES)]
    return mux(encode(frames, width=width, height=height), width=width, height=height, frame_rate=_FRAME_RATE)


def _yuv(palette: Sequence[tuple[int, int, int]]) -> tuple[bytes, bytes, bytes]:
    """Tables from palette index to the limited-range samples of ITU-R BT.601."""
    luma = bytes(round(16 + 0.257 * r + 0.504 * g + 0.098 * b) for r, g, b in palette)
    blue = bytes(round(128 - 0.148 * r - 0.291 * g + 0.439 * b) for r, g, b in palette)
    red = bytes(round(128 + 0.439 * r - 0.368 * g - 0.071 * b) for r, g, b in palette)
    return luma, blue, red


def _macroblocks(rows: Sequence[bytearray], tables: tuple[bytes, bytes, bytes]) -> Iterator[Macroblock]:
    luma = [row.translate(tables[0]) for row in rows]
    halves = [row[::2] for row in rows[::2]]
    chroma = [[row.translate(table) for row in halves] for table in tables[1:]]
    for y in range(0, len(rows), 16):
        for x in range(0, len(rows[0]), 16):
            planes = [_block(luma, x, y, 16), *(_block(plane, x // 2, y // 2, 8) for plane in chroma)]
            yield b"".join(planes)


def _block(plane: Sequence[bytearray], x: int, y: int, side: int) -> bytes:
    return b"".join(row[x : x + side] for row in plane[y : y + side])


@functools.lru_cache(maxsize=64)
def _picture(width: int, height: int, tint: int, moment: float) -> tuple[bytes, bytes]:
    scene = Scene(width=width, height=height, tint=tint)
    header = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
    samples = zlib.compress(b"".join(b"\0" + row for row in scene.rows(moment)), 6)
    colours = bytes(part for colour in scene.palette() for part in colour)
    return header, _chunk(b"PLTE", colours) + _chunk(b"IDAT", samples) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
