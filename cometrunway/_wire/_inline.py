"""Files within an answer: `data:` URLs, and base64 with a media type."""

import base64
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from cometrunway._media._kinds import BEGINNING, UNKNOWN, recognise
from cometrunway._media._urls import is_data_url
from cometrunway._wire._words import bare

_FILES = ("image/", "video/", "audio/", "model/", UNKNOWN.media_type)
_TYPE_KEYS = frozenset({"mimetype", "mediatype", "contenttype", "type", "format"})
_CONTENT_KEYS = frozenset({"data", "content", "bytes"})
"""Keys that contain a file if the object also has a media type."""
_BASE64 = "[A-Za-z0-9+/_-]{16,}={0,2}"
_SHORTEST = 64
"""The least number of base64 characters that are taken for a file, if nothing else says that it is one."""
_LOOKED_AT = 1024
"""The number of first characters that are checked for base64. They also show the file's type."""


class InlineMember(NamedTuple):
    """A member of an object whose value is a file."""

    key: str
    url: str
    """The `data:` URL of the file."""


def inline_url(text: str) -> str | None:
    """Return the text as a `data:` URL if it is one of an image, video or sound; else None."""
    return text.strip() if _is_file_url(text) else None


def inline_member(members: Mapping[str, Any]) -> InlineMember | None:
    """Return the first member of an object whose value is an image, video or sound; None if there is none."""
    found = ((key, _of_member(key, member, members)) for key, member in members.items())
    return next((InlineMember(key, url) for key, url in found if url), None)


def unlabelled_file(text: str) -> str | None:
    """Return the `data:` URL of a base64 text whose first bytes are those of an image, video or sound; else None."""
    first = "".join(text[:_LOOKED_AT].split())
    if len(first) < _SHORTEST or not re.fullmatch(_BASE64, first):
        return None
    media_type = _recognised(first)
    return f"data:{media_type};base64,{text}" if media_type != UNKNOWN.media_type else None


def is_base64(key: str) -> bool:
    """Whether the name of a key says that its value is base64."""
    return "base64" in bare(key) or "b64" in bare(key)


def _of_member(key: str, member: object, members: Mapping[str, Any]) -> str | None:
    if not isinstance(member, str) or not member:
        return None
    name = bare(key)
    stated = _media_type(members) if name in _CONTENT_KEYS else None
    if not (stated or is_base64(key)):
        return None
    if _is_file_url(member):
        return member.strip()
    first = "".join(member[:_LOOKED_AT].split())
    if not re.fullmatch(_BASE64, first):
        return None
    media_type = stated or _media_type(members) or _recognised(first)
    return f"data:{media_type};base64,{member}"


def _is_file_url(text: str) -> bool:
    head, comma, content = text[: _LOOKED_AT * 2].lstrip().partition(",")
    media_type = head[5:].partition(";")[0].strip().lower()
    return is_data_url(head) and bool(comma and content) and _is_file(media_type or UNKNOWN.media_type)


def _media_type(members: Mapping[str, Any]) -> str | None:
    stated = (member.strip().lower() for key, member in members.items() if _says_type(key, member))
    return next(filter(_is_file, stated), None)


def _says_type(key: str, member: object) -> bool:
    return isinstance(member, str) and len(member) < _LOOKED_AT and bare(key) in _TYPE_KEYS


def _is_file(media_type: str) -> bool:
    return media_type.startswith(_FILES)


def _recognised(first: str) -> str:
    """Return the type of a file from the first characters of its base64."""
    whole = first[: len(first) // 4 * 4]
    media = recognise(base64.b64decode(whole, b"-_" if re.search("[-_]", whole) else None)[:BEGINNING])
    return (media or UNKNOWN).media_type
