"""How many pixels has this image, and which side of it is up? Its header tells."""

import os
import struct
from typing import BinaryIO

from attrs import frozen

_MOST_PARTS = 10_000
"""Segments or chunks that are looked through; a file that has more of them before what is sought has no size here."""
_LONGEST_EXIF = 64 * 1024
_ORIENTATION = 0x0112
"""The tag of the orientation in Exif."""


@frozen
class ImageHeader:
    """What an image says of itself."""

    width: int
    """Pixels of a row, as they are stored."""
    height: int
    """Rows, as they are stored."""
    orientation: int = 1
    """Of Exif, from 1 to 8: how it is turned and mirrored before it is shown. 1 is as it is stored."""

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height as the image is shown: of one that lies on its side, the other way round."""
        return (self.height, self.width) if self.orientation > 4 else (self.width, self.height)


def image_header(file: BinaryIO, media_type: str) -> ImageHeader | None:
    """Read the header of a JPEG, PNG or WebP; None where it gives no size, or the file is of another type.

    Reads no pixels. A size of 0 is none.
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
        if marker in {0xD8, 0x01, *range(0xD0, 0xD8)}:  # these have no length
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
    """Return the next marker, before which any number of 0xFF may stand."""
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
    """Return width and height where a chunk has them, else zeros."""
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
    """Return the orientation that Exif states; 1 where it states none that there is."""
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
