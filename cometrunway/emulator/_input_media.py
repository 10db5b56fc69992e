"""What Runway refuses of the media in a request: images that it does not read, and URLs that it does not fetch.

The reasons are those of https://docs.dev.runwayml.com/errors/troubleshooting, and of answers that its clients report,
such as "width / height ratio must be at least 0.5. Got 0.462." of May 2026. Which ratios and sides a model takes,
Runway's Python SDK 5.24.0 says.
"""

import base64
import binascii
import ipaddress
import struct
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

_TYPES = {"image/jpeg": b"\xff\xd8\xff", "image/jpg": b"\xff\xd8\xff", "image/png": b"\x89PNG", "image/webp": b"RIFF"}
_LARGEST = 5 * 1024 * 1024
"""Characters of a data URI of an image."""
_LONGEST_SIDE = 8000
_RATIOS = {
    **dict.fromkeys(("gen3a_turbo", "gen4", "gen4_turbo", "gen4.5", "gen4_image", "gen4_image_turbo"), (0.5, 2.0)),
    **dict.fromkeys(("grok_imagine_1_5", "grok_imagine_1_5_lite"), (0.4, 2.5)),
}
_WIDEST = (0.4, 4.0)
_LEAST_SIDES = {"h3_max": 256}
_MEDIA_KEYS = ("uri", "video", "image", "lastimage", "audio", "promptimage", "promptvideo")
_NO_FETCH = "Failed to fetch asset. The URL may be incorrect or the server hosting the asset may be down."


def unusable_media(body: Mapping[str, Any], *, https_only: bool) -> Iterator[tuple[str, str]]:
    """The field and the reason for each medium that cannot be used.

    URLs of the emulator's own machine can: it is on it.
    """
    model = str(body.get("model"))
    for field, value in body.items():
        for uri in _uris(field, value):
            reason = _reason(uri, model, https_only=https_only)
            if reason is not None:
                yield field, reason


def _uris(name: str, value: object) -> Iterator[str]:
    """The media below a field: data URIs anywhere, URLs where a medium belongs."""
    if isinstance(value, dict):
        for member, inner in value.items():
            yield from _uris(member, inner)
    elif isinstance(value, list):
        for item in value:
            yield from _uris(name, item)
    elif isinstance(value, str):
        key = name.lower().replace("_", "")
        if value.startswith("data:") or key.endswith("uri") or key in _MEDIA_KEYS:
            yield value


def _reason(uri: str, model: str, *, https_only: bool) -> str | None:
    if uri.startswith("data:"):
        return _of_data(uri, model)
    return None if uri.startswith("runway:") else _of_url(uri, https_only=https_only)


def _of_url(url: str, *, https_only: bool) -> str | None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host:
        return "Invalid URL"
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return None
    if https_only and parts.scheme != "https":
        return "Only HTTPS URLs are allowed."
    if https_only and address is not None:
        return "URLs must be hosted on a domain."
    return _NO_FETCH if address is not None and not address.is_global else None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _of_data(uri: str, model: str) -> str | None:
    head, comma, text = uri[5:].partition(",")
    kind = head.partition(";")[0].lower()
    if not comma or not head.lower().endswith(";base64"):
        return "Invalid data URI."
    if kind.partition("/")[0] not in {"image", "video", "audio"} or (kind.startswith("image/") and kind not in _TYPES):
        return "Unsupported asset type. Data URIs must include the content type of the value they encode."
    if kind not in _TYPES:
        return None
    if len(uri) > _LARGEST:
        return "Asset size exceeds 5.0MB."
    try:
        content = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return "Invalid data URI."
    return _of_image(content, _TYPES[kind], model)


def _of_image(content: bytes, start: bytes, model: str) -> str | None:
    size = _size(content) if content.startswith(start) and _is_complete(content) else None
    if size is None or 0 in size:
        return "Invalid asset. The image cannot be read."
    width, height = size
    if max(size) > _LONGEST_SIDE or min(size) < _LEAST_SIDES.get(model, 2):
        return f"Invalid asset dimensions. Got {width}x{height}."
    least, most = _RATIOS.get(model, _WIDEST)
    if width / height < least:
        return f"Invalid asset aspect ratio. width / height ratio must be at least {least:g}. Got {width / height:.3f}."
    if width / height > most:
        return f"Invalid asset aspect ratio. width / height ratio must be at most {most:g}. Got {width / height:.3f}."
    return None


def _is_complete(content: bytes) -> bool:
    if content.startswith(b"\x89PNG"):
        return b"IEND" in content[-1024:] or b"IEND\xaeB`\x82" in content
    if content.startswith(b"\xff\xd8"):
        return b"\xff\xd9" in content
    return len(content) >= 8 and len(content) >= 8 + int.from_bytes(content[4:8], "little")


def _size(content: bytes) -> tuple[int, int] | None:
    try:
        if content.startswith(b"\x89PNG"):
            return struct.unpack_from(">II", content, 16)
        return _jpeg_size(content) if content.startswith(b"\xff\xd8") else _webp_size(content)
    except struct.error:
        return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    position = 2
    while position < len(content):
        start, marker = struct.unpack_from(">BB", content, position)
        if start != 0xFF:
            return None
        if marker == 0xFF:
            position += 1
            continue
        (length,) = struct.unpack_from(">H", content, position + 2)
        if marker in {0xC0, 0xC1, 0xC2, 0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}:
            height, width = struct.unpack_from(">HH", content, position + 5)
            return width, height
        position += 2 + length
    return None


def _webp_size(content: bytes) -> tuple[int, int] | None:
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
