"""Files that stand in an answer itself: `data:` URLs, and base64 beside a media type."""

import base64
import re
from collections.abc import Mapping
from typing import Any

from cometrunway._media._kinds import BEGINNING, UNKNOWN, recognise
from cometrunway._wire._words import bare

_FILES = ("image/", "video/", "audio/", "model/", UNKNOWN.media_type)
_TYPE_KEYS = frozenset({"mimetype", "mediatype", "contenttype", "type", "format"})
_CONTENT_KEYS = frozenset({"data", "content", "bytes"})
"""Keys that hold a file where a media type stands beside them."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_SHORTEST = 64
"""Characters of base64 that are a file, where nothing else says so."""
_LOOKED_AT = 1024
"""Characters that tell base64 from other texts; enough to tell the file's type."""


def inline_file(value: "str | Mapping[str, Any]") -> str | None:
    """Return the `data:` URL of the image, video or sound that a text or an object holds; None if it holds none."""
    if isinstance(value, str):
        return value.strip() if _is_data_url(value) else None
    return next((url for key, member in value.items() if (url := _of_member(key, member, value))), None)


def inline_key(members: Mapping[str, Any]) -> str | None:
    """Return the key under which an object holds a file itself; None if it holds none."""
    return next((key for key, member in members.items() if _of_member(key, member, members)), None)


def unlabelled_file(text: str) -> str | None:
    """Return the `data:` URL of the image, video or sound whose base64 a text is, as its first bytes tell."""
    first = "".join(text[:_LOOKED_AT].split())
    if len(first) < _SHORTEST or not _BASE64.fullmatch(first):
        return None
    media_type = _recognised(first)
    return f"data:{media_type};base64,{text}" if media_type != UNKNOWN.media_type else None


def is_base64(key: str) -> bool:
    """Whether a key says that a file stands under it."""
    return "base64" in bare(key) or "b64" in bare(key)


def _of_member(key: str, member: object, members: Mapping[str, Any]) -> str | None:
    if not isinstance(member, str) or not member:
        return None
    name = bare(key)
    stated = _media_type(members) if name in _CONTENT_KEYS else None
    if not (stated or is_base64(key)):
        return None
    if _is_data_url(member):
        return member.strip()
    first = "".join(member[:_LOOKED_AT].split())
    if not _BASE64.fullmatch(first):
        return None
    media_type = stated or _media_type(members) or _recognised(first)
    return f"data:{media_type};base64,{member}"


def _is_data_url(text: str) -> bool:
    head, comma, content = text[: _LOOKED_AT * 2].lstrip().partition(",")
    media_type = head[5:].partition(";")[0].strip().lower()
    return head[:5].lower() == "data:" and bool(comma and content) and _is_file(media_type or UNKNOWN.media_type)


def _media_type(members: Mapping[str, Any]) -> str | None:
    stated = (member.strip().lower() for key, member in members.items() if _says_type(key, member))
    return next(filter(_is_file, stated), None)


def _says_type(key: str, member: object) -> bool:
    return isinstance(member, str) and len(member) < _LOOKED_AT and bare(key) in _TYPE_KEYS


def _is_file(media_type: str) -> bool:
    return media_type.startswith(_FILES)


def _recognised(first: str) -> str:
    """Return the type of the file whose base64 begins so."""
    whole = first[: len(first) // 4 * 4]
    media = recognise(base64.b64decode(whole, b"-_" if re.search("[-_]", whole) else None)[:BEGINNING])
    return (media or UNKNOWN).media_type
