"""What crosses the emulator's wire, free of any HTTP library: a request as received, an answer to be sent."""

import contextlib
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

Operation = Literal["create", "poll", "asset", "control", "other"]
"""What a request is for; faults are chosen by it."""


@frozen(kw_only=True)
class Received:
    """A request as it arrived.

    Attributes:
        method: Upper case.
        path: Percent-decoded, without the query.
        query: The raw query string.
        headers: Names in lower case; of a repeated header, the last value.
        body: All of it.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""

    @functools.cached_property
    def json(self) -> Any:
        """The parsed body, or None if it is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @functools.cached_property
    def digest(self) -> str:
        """The `digest_of` the body; of its bytes, if it is no JSON."""
        with contextlib.suppress(RecursionError):
            if self.json is not None:
                return digest_of(self.json)
        return hashlib.sha256(self.body).hexdigest()


@frozen(kw_only=True)
class Answer:
    """An answer before any fault has spoiled it.

    Attributes:
        status: The HTTP status.
        body: The bytes of the body.
        media_type: The content type.
        headers: Further headers, as pairs.
        refuses: Whether it proves that the request was not acted upon.
        task_id: The task that it speaks of, if any.
    """

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    refuses: bool = False
    task_id: str | None = None


def json_answer(value: object, *, status: int = 200, refuses: bool = False, task_id: str | None = None) -> Answer:
    """An answer whose body is a JSON value."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")  # a lone surrogate stays an escape
    return Answer(status=status, body=body, refuses=refuses, task_id=task_id)


def digest_of(body: object) -> str:
    """SHA-256, in hexadecimal, of a JSON value in canonical form: the same whatever the formatting."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
