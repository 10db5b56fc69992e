"""Parses the bytes of an answer to a JSON object. Any bytes are accepted."""

import json
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]

_DEPTH_LIMIT = 64
TASK_ID_KEYS = ("task_id", "id", "taskId", "taskID", "TaskId", "taskUUID", "job_id", "jobId", "JobId")
"""Keys of a task's id. In a gateway's row, `task_id` has the public id and `id` the number of the row."""
_ID_KEYS = frozenset({*TASK_ID_KEYS, "request_id", "requestId"})
"""In the answer of a queue, the id of the request is the task's id. In other answers it is the id of the poll."""
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)  # NaN and Infinity are not JSON


def parsed(body: bytes, task_id: str | None = None) -> JsonObject | None:
    """Return the JSON object at the start of an answer, or the task's object of a list; None if there is none.

    A byte order mark is skipped, and bytes that are not UTF-8 become U+FFFD. Bytes after the object are ignored: the
    gateway appends a second object if it cannot store the task that it has just created.

    Args:
        body: the answer.
        task_id: the id of the object in a list. Without it, or if no object has it, a list must have one object.
    """
    value = _unquoted(body.decode("utf-8", "replace"))
    return value if isinstance(value, dict) else ours_of(value, task_id)


def parsed_text(text: str) -> JsonObject | None:
    """Return the JSON object at the start of `text`, or within a JSON string there; None if there is neither.

    Each string of the result can be encoded as UTF-8. The nesting is at most 64 levels deep.
    """
    value = _unquoted(text)
    return value if isinstance(value, dict) else None


def parsed_within(text: str) -> Any:
    """Return the JSON object or list if a text in an answer is one; else None."""
    value = _decoded(text) if text.lstrip()[:1] in {"{", "["} else None
    return value if isinstance(value, dict | list) else None


def ours_of(value: Any, task_id: str | None) -> JsonObject | None:
    """Return a value that is an object; from a list, the object with this id or the only object; else None."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, list):
        return None
    rows = [row for row in value if isinstance(row, dict)]
    return next((row for row in rows if is_named(row, task_id)), rows[0] if len(rows) == 1 else None)


def is_named(row: JsonObject, task_id: str | None) -> bool:
    """Whether an object has this id."""
    return any(str(row[key]) == task_id for key in row.keys() & _ID_KEYS if isinstance(row[key], str | int))


def _unquoted(text: str) -> object:
    value = _decoded(text)
    return _decoded(value) if isinstance(value, str) else value


def _decoded(text: str) -> object:
    try:
        value, _ = _DECODER.raw_decode(text.lstrip("\ufeff \t\r\n"))
    except (ValueError, RecursionError):  # ValueError: also for an integer of more than 4,300 digits
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
    """Return `text` with U+FFFD in place of single surrogates, which have no UTF-8."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
