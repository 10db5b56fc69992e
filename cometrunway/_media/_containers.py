"""Is this file whole? Each container says in its own way where it ends."""

import os
import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO

_BLOCK = 1024 * 1024


def is_whole(file: BinaryIO, media_type: str) -> bool:
    """Whether a file of a known media type reaches to the end that its container declares.

    PNG chunks are verified by their checksums; MP4 and MOV by their boxes; JPEG by its end marker; WebP by its RIFF
    length. WebM may be of unknown length by design, so it is believed.
    """
    check = _CHECKS.get(media_type)
    if check is None:
        return True
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    try:
        return check(file, size)
    except struct.error:  # the file ended inside a header
        return False


def _boxes_fill(file: BinaryIO, size: int) -> bool:
    position, seen = 0, set()
    while position < size:
        file.seek(position)
        length, kind = struct.unpack(">I4s", file.read(8))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
        elif length == 0:  # "to the end of the file"
            length = size - position
        if length < 8:
            return False
        seen.add(kind)
        position += length
    return position == size and b"moov" in seen and (b"mdat" in seen or b"moof" in seen)


def _chunks_reach_iend(file: BinaryIO, size: int) -> bool:
    position, kind = 8, b""
    while position < size and kind != b"IEND":
        file.seek(position)
        length, kind = struct.unpack(">I4s", file.read(8))
        if position + 12 + length > size:
            return False
        found = zlib.crc32(kind)
        for start in range(0, length, _BLOCK):
            found = zlib.crc32(file.read(min(_BLOCK, length - start)), found)
        (checksum,) = struct.unpack(">I", file.read(4))
        if found != checksum:
            return False
        position += 12 + length
    return kind == b"IEND"


def _ends_with_marker(file: BinaryIO, size: int) -> bool:
    file.seek(max(0, size - 1024))
    return b"\xff\xd9" in file.read()


def _riff_fills(file: BinaryIO, size: int) -> bool:
    _, length = struct.unpack("<4sI", file.read(8))
    return bool(length + 8 <= size)


_CHECKS: dict[str, Callable[[BinaryIO, int], bool]] = {
    "video/mp4": _boxes_fill,
    "video/quicktime": _boxes_fill,
    "image/png": _chunks_reach_iend,
    "image/jpeg": _ends_with_marker,
    "image/webp": _riff_fills,
}
