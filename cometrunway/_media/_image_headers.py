"""Reads the size and the orientation of an image from its header."""

import os
import struct
from typing import BinaryIO

from attrs import frozen

_MOST_PARTS = 10_000
"""The largest number of segments or chunks that are searched. If the size is not among them, it is unknown."""
_LONGEST_EXIF = 64 * 1024
_ORIENTATION = 0x0112
"""The Exif tag of the orientation."""


@frozen
class ImageHeader:
    """The size and orientation of an image."""

    width: int
    """The number of pixels of a stored row."""
    height: int
    """The number of stored rows."""
    orientation: int = 1
    """The Exif orientation, 1 to 8: how the image is turned and mirrored before it is shown. 1 means unchanged."""

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height of the shown image. They are exchanged if the stored image lies on its side."""
        return (self.height, self.width) if self.orientation > 4 else (self.width, self.height)


def image_header(file: BinaryIO, media_type: str) -> ImageHeader | None:
    """Read the header of a JPEG, PNG or WebP; None if it has no size, or the file has another type.

    Reads no pixels. A size of 0 means that there is no size.
    """
    read = _READERS.get(media_type)
    if read is None:
        return None
    file.seek(0)
    try:
        found = read(file)
    except (struct.error, EOFError):
        return None
    return found if found is not None and found.width and found.height else None


def _jpeg(file: BinaryIO) -> ImageHeader | None:
    orientation = 1
    file.seek(2)
    for _ in range(_MOST_PARTS):
        marker = _after_fill_bytes(file)
        if marker in {0xD8, 0x01, *range(0xD0, 0xD8)}:  # these markers have no length
            continue
        (length,) = struct.unpack(">H", _read(file, 2))
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            _, height, width = struct.unpack(">BHH", _read(file, 5))
            return ImageHeader(width, height, orientation)
        if marker in {0xD9, 0xDA} or length < 2:
            return None
        end = file.tell() + length - 2
        if marker == 0xE1 and orientation == 1:
            orientation = exif_orientation(file.read(length - 2))
        file.seek(end)
    return None


def _after_fill_bytes(file: BinaryIO) -> int:
    """Return the next marker. Any number of 0xFF may precede it."""
    if _read(file, 1) != b"\xff":
        raise EOFError
    for _ in range(_MOST_PARTS):
        if (byte := _read(file, 1)) != b"\xff":
            return byte[0]
    raise EOFError


def _png(file: BinaryIO) -> ImageHeader | None:
    file.seek(8)
    length, kind, width, height = struct.unpack(">I4sII", _read(file, 16))
    if kind != b"IHDR":
        return None
    orientation, has_pixels = 1, False
    file.seek(8 + 8 + length + 4)
    for _ in range(_MOST_PARTS):
        length, kind = struct.unpack(">I4s", _read(file, 8))
        if kind == b"IEND":
            break
        has_pixels |= kind == b"IDAT"
        end = file.tell() + length + 4
        if kind == b"eXIf":
            orientation = exif_orientation(file.read(min(length, _LONGEST_EXIF)))
        file.seek(end)
    return ImageHeader(width, height, orientation) if has_pixels else None


def _webp(file: BinaryIO) -> ImageHeader | None:
    end = file.seek(0, os.SEEK_END)
    position, size, orientation = 12, (0, 0), 1
    for _ in range(_MOST_PARTS):
        if position + 8 > end:
            break
        file.seek(position)
        kind, length = struct.unpack("<4sI", _read(file, 8))
        size = size if any(size) else _webp_size(kind, file)
        if kind == b"EXIF":
            file.seek(position + 8)
            orientation = exif_orientation(file.read(min(length, _LONGEST_EXIF)))
        position += 8 + length + length % 2
    return ImageHeader(*size, orientation)


def _webp_size(kind: bytes, file: BinaryIO) -> tuple[int, int]:
    """Return width and height if a chunk has them, else zeros."""
    if kind == b"VP8X":
        content = _read(file, 10)
        return 1 + int.from_bytes(content[4:7], "little"), 1 + int.from_bytes(content[7:10], "little")
    if kind == b"VP8L":
        _, bits = struct.unpack("<BI", _read(file, 5))
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack("<6xHH", _read(file, 10))
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def exif_orientation(exif: bytes) -> int:
    """Return the orientation that Exif states; 1 if it states none or an invalid one."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for number in range(count):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * number)
            if tag == _ORIENTATION:
                return value if kind == 3 and 1 <= value <= 8 else 1
    except struct.error:  # it ends too early
        pass
    return 1


def _read(file: BinaryIO, length: int) -> bytes:
    found = file.read(length)
    if len(found) < length:
        raise EOFError
    return found


_READERS = {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp}
