"""Which kind of file is this? Its first bytes tell."""

import re
from typing import Literal

from attrs import frozen

Kind = Literal["image", "video"]

SNIFFED = 64
"""How many first bytes of a file `sniff` needs."""
_NO_VIDEO_BRANDS = re.compile(rb"avi[fs]|he[iv][cxms]|mi[fa].|ms[fh].|crx |jp[2x] |M4[ABP] |3g..")


@frozen
class MediaType:
    """One of the formats that Runway takes and makes."""

    media_type: str
    """Such as `video/mp4`."""
    extension: str
    """Such as `.mp4`, for a file of this type."""
    kind: Kind


_JPEG = MediaType("image/jpeg", ".jpg", "image")
_PNG = MediaType("image/png", ".png", "image")
_WEBP = MediaType("image/webp", ".webp", "image")
_MP4 = MediaType("video/mp4", ".mp4", "video")
_MOV = MediaType("video/quicktime", ".mov", "video")
_WEBM = MediaType("video/webm", ".webm", "video")


def sniff(first_bytes: bytes) -> MediaType | None:
    """Tell a file's type by its first bytes (64 are enough); None for anything but JPEG, PNG, WebP, MP4, MOV, WebM."""
    if first_bytes.startswith(b"\xff\xd8\xff"):
        return _JPEG
    if first_bytes.startswith(b"\x89PNG\r\n\x1a\n"):
        return _PNG
    if first_bytes[:4] == b"RIFF" and first_bytes[8:12] == b"WEBP":
        return _WEBP
    if first_bytes.startswith(b"\x1aE\xdf\xa3") and b"webm" in first_bytes[:64]:  # else it is another Matroska
        return _WEBM
    if first_bytes[4:8] == b"ftyp":
        return _by_brand(first_bytes[8:12])
    return None


def _by_brand(brand: bytes) -> MediaType | None:
    if brand == b"qt  ":
        return _MOV
    return None if len(brand) < 4 or _NO_VIDEO_BRANDS.fullmatch(brand) else _MP4
