"""Recognises the type of a file by its first bytes."""

import re
from typing import Literal

from attrs import frozen

Kind = Literal["image", "video", "audio"]

BEGINNING = 512
"""The number of first bytes by which a file is recognised."""


@frozen
class MediaType:
    """A file format."""

    media_type: str
    """Such as `video/mp4`."""
    extension: str
    """Such as `.mp4`, for a file of this type."""


@frozen
class InputType(MediaType):
    """A file format that a request accepts, or that can be converted to such a format."""

    kind: Kind
    is_taken: bool = True
    """Whether Runway accepts it. Otherwise it is an image that must be converted first."""


UNKNOWN = MediaType("application/octet-stream", ".bin")
"""The type of a file that has none of the formats below and is not text."""

_JPEG = InputType("image/jpeg", ".jpg", "image")
_PNG = InputType("image/png", ".png", "image")
_WEBP = InputType("image/webp", ".webp", "image")
_MP4 = InputType("video/mp4", ".mp4", "video")
_MOV = InputType("video/quicktime", ".mov", "video")
_WEBM = InputType("video/webm", ".webm", "video")
_WAV = InputType("audio/wav", ".wav", "audio")
_OGG = InputType("audio/ogg", ".ogg", "audio")
_MP3 = InputType("audio/mpeg", ".mp3", "audio")

_AVIF = InputType("image/avif", ".avif", "image", is_taken=False)
_HEIC = InputType("image/heic", ".heic", "image", is_taken=False)
_HEIF = InputType("image/heif", ".heif", "image", is_taken=False)
_GIF = InputType("image/gif", ".gif", "image", is_taken=False)
_BMP = InputType("image/bmp", ".bmp", "image", is_taken=False)
_TIFF = InputType("image/tiff", ".tif", "image", is_taken=False)
_BY_PATTERN = (
    (rb"\xff\xd8\xff", _JPEG),
    (rb"\x89PNG\r\n\x1a\n", _PNG),
    (rb"RIFF....WEBP", _WEBP),
    (rb"\x1aE\xdf\xa3.{0,56}webm", _WEBM),
    (rb"\x1aE\xdf\xa3.{0,56}matroska", MediaType("video/x-matroska", ".mkv")),
    # Boxes without a brand. A length below 150 MB distinguishes a box from text that contains its name.
    (rb"....(styp|sidx|moof)", _MP4),
    (rb"....mdat|[\0-\x08]...(moov|wide|free|skip|pnot)", _MOV),
    (rb"GIF8[79]a", _GIF),
    (rb"II\*\0|MM\0\*", _TIFF),
    (rb"BM.{4}\0{4}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0{3}", _BMP),  # a text may begin with the same two letters
    (rb"(RIFF|RF64|BW64)....WAVE", _WAV),
    (rb"OggS.{,400}\x80theora", MediaType("video/ogg", ".ogv")),
    (rb"OggS", _OGG),
    (rb"fLaC", MediaType("audio/flac", ".flac")),
    (rb"PK(\x03\x04|\x05\x06)", MediaType("application/zip", ".zip")),
    # A tag, or the header of a frame of layer III without a reserved rate.
    (rb"ID3[\x02-\x04]..[\0-\x7f]{4}|\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\0-\xef]", _MP3),
)
_BY_BRAND = (
    (rb"qt  ", _MOV),
    (rb"avi[fs]", _AVIF),
    (rb"he[iv][cxms]", _HEIC),
    (rb"M4[ABP] ", MediaType("audio/mp4", ".m4a")),
    (rb"3g..", MediaType("video/3gpp", ".3gp")),
    (rb"mi[fa].|ms[fh].|avc[is]|vvi[cs]|evb[is]|j2ki|j2is|jpeg|jpgs|1pic", _HEIF),
    (rb"crx |jp[2x] ", None),
)

_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_CONTROLS = re.compile(rb"[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def sniff(first_bytes: bytes) -> InputType | None:
    """Return the type of an input file from its first 512 bytes; None if no request accepts such a file.

    JPEG, PNG, WebP, MP4, MOV, WebM, MP3, WAV and Ogg are accepted. HEIC, AVIF, GIF, BMP and TIFF must be converted.
    """
    found = recognise(first_bytes)
    return found if isinstance(found, InputType) else None


def recognise(first_bytes: bytes) -> MediaType | None:
    """Return the type of an output file from its first 512 bytes; None if it is unknown."""
    if first_bytes[4:8] == b"ftyp":
        return _by_brand(first_bytes)
    return next((media for pattern, media in _BY_PATTERN if re.match(pattern, first_bytes, re.DOTALL)), None)


def is_text(first_bytes: bytes) -> bool:
    """Whether the first 512 bytes of a file of unknown type are text, such as a web page, JSON or a message."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if first_bytes.startswith(mark):
            return is_text(first_bytes[len(mark) :].decode(encoding, "ignore").encode())
    begins_as_page = first_bytes.lstrip(b"\0 \t\r\n\f\v").startswith((b"<", b"{", b"["))
    return begins_as_page or not _CONTROLS.search(first_bytes)


def _by_brand(first_bytes: bytes) -> MediaType | None:
    brand = first_bytes[8:12]
    if len(brand) < 4:
        return None
    media = next((media for pattern, media in _BY_BRAND if re.fullmatch(pattern, brand)), _MP4)
    return _by_compatible_brands(first_bytes) if media is _HEIF else media


def _by_compatible_brands(first_bytes: bytes) -> MediaType:
    """Return the type of the pictures from the compatible brands, because the main brand does not name it."""
    brands = first_bytes[8 : int.from_bytes(first_bytes[:4])]
    if re.search(rb"avi[fs]", brands):
        return _AVIF
    return _HEIC if re.search(rb"he[iv][cxms]", brands) else _HEIF
