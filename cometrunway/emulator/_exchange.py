"""The requests that the emulator receives and the answers that it sends, independent of any HTTP library."""

import contextlib
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

Operation = Literal["create", "poll", "asset", "upload", "storage", "control", "other"]
"""The kind of a request. Faults are chosen by it."""


@frozen(kw_only=True)
class FormFile:
    """The file of a form, of which the content is not kept.

    Attributes:
        name: What the form calls it.
        media_type: Its content type, as stated.
        size: Bytes.
        sha256: The digest of its content, in hexadecimal.
    """

    name: str
    media_type: str
    size: int
    sha256: str


@frozen(kw_only=True)
class Received:
    """A request as it arrived.

    Attributes:
        method: Upper case.
        path: Percent-decoded, without the query.
        query: The raw query string.
        headers: Names in lower case; the last value of a repeated header.
        body: The whole body; empty for a form.
        form: The fields of a form, up to its file; None for any other body.
        file: The file of a form.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""
    form: Mapping[str, str] | None = None
    file: FormFile | None = None

    @functools.cached_property
    def json(self) -> Any:
        """The parsed body; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @functools.cached_property
    def digest(self) -> str:
        """The `digest_of` the JSON body; if it is not JSON, the digest of its bytes."""
        with contextlib.suppress(RecursionError):
            if self.json is not None:
                return digest_of(self.json)
        return hashlib.sha256(self.body).hexdigest()


@frozen(kw_only=True)
class Answer:
    """An answer, before a fault changes it.

    Attributes:
        status: The HTTP status.
        body: The bytes of the body.
        media_type: The content type.
        headers: Further headers, as pairs.
        refuses: Whether it proves that the request had no effect.
        task_id: The id of the task in the answer, if there is one.
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
    """SHA-256, in hexadecimal, of a JSON value in canonical form. It does not depend on the formatting."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
