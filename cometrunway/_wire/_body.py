"""From the bytes of an answer to its JSON object. Any bytes are accepted."""

import json
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]

_DEPTH_LIMIT = 64
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)  # NaN and Infinity are no JSON, and no number


def parsed(body: bytes) -> JsonObject | None:
    """Return the JSON object that an answer begins with; None where it begins with anything else.

    A byte order mark is skipped, and bytes that are no UTF-8 become U+FFFD. What follows the object is ignored: the
    gateway appends a second one where it could not store the task that it has just created.
    """
    return parsed_text(body.decode("utf-8", "replace"))


def parsed_text(text: str) -> JsonObject | None:
    """Return the JSON object that `text` begins with, or that a JSON string at its beginning holds; None if neither.

    Every string in it can be encoded as UTF-8, and it is nested at most 64 deep.
    """
    value = _decoded(text)
    if isinstance(value, str):
        value = _decoded(value)
    return value if isinstance(value, dict) else None


def _decoded(text: str) -> object:
    try:
        value, _ = _DECODER.raw_decode(text.lstrip("\ufeff \t\r\n"))
    except (ValueError, RecursionError):  # ValueError: also an integer of more than 4,300 digits
        return None
    if text.count("{") + text.count("[") > _DEPTH_LIMIT and _is_too_deep(value):
        return None
    return _scrubbed(value) if "\\ud" in text or "\\uD" in text else value


def _is_too_deep(value: object) -> bool:
    layer = [value]
    for _ in range(_DEPTH_LIMIT):
        layer = [child for parent in layer for child in _children(parent)]
        if not layer:
            return False
    return True


def _children(parent: object) -> list[Any]:
    if isinstance(parent, dict):
        return list(parent.values())
    return parent if isinstance(parent, list) else []


def _scrubbed(value: object) -> object:
    return json.loads(encodable(json.dumps(value, ensure_ascii=False)))


def encodable(text: str) -> str:
    """Return `text` with U+FFFD for what has no UTF-8: half a surrogate pair."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
