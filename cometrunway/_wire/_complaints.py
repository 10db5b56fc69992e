"""Reads the error of an answer: its code, text and request id, from any envelope.

The envelopes are those of the API's documentation and of its gateway's sources: OpenAI's `{"error": {...}}`, the flat
`{"code": "<token>", "message"}` of the task routes, duomi's `{"code": 400, "msg"}`, Runway's `{"error": "<text>"}` and
Kling's `{"code": 1200, "message", "request_id"}`. A message may itself be a JSON string: the answer of the upstream
API.
"""

import re
from collections.abc import Iterator, Mapping

from attrs import frozen

from cometrunway._wire._body import JsonObject, encodable, parsed_text
from cometrunway._wire._http import HttpResponse

_JSON_WITHIN_JSON = 2
_TEXT_LIMIT = 500
_CODE_LIMIT = 100
_SUCCESS = frozenset({"", "200", "0", "success"})
_NO_ERROR = _SUCCESS | {"false", "none", "null", "ok", "succeeded"}
_REQUEST_ID = re.compile(r"\(request id: ([^)]+)\)")
_REQUEST_ID_HEADERS = ("x-oneapi-request-id", "x-request-id")
TASK_NOT_EXIST = "task_not_exist"


@frozen
class Complaint:
    """The error in an answer, in the API's words."""

    code: str | None = None
    """The innermost token; None if there is no token, or if it says success."""
    text: str = ""
    request_id: str | None = None


def is_accepted(body: JsonObject) -> bool:
    """Whether an answer states success: its code is 200, 0, `success` or absent, and it has no error."""
    if (error := body.get("error")) and is_an_error(error):
        return False
    code = body.get("code")
    return code is None or _token(code).casefold() in _SUCCESS


def is_an_error(error: object) -> bool:
    """Whether a value is a real error. A success may have an empty one: `{"code": 0, "message": ""}`."""
    if isinstance(error, dict):
        return any(map(is_an_error, error.values()))
    return bool(error) and not (isinstance(error, str | int) and str(error).strip().casefold() in _NO_ERROR)


def complaint(response: HttpResponse, body: JsonObject | None) -> Complaint:
    """Return the error of an answer; `body` is its parsed object, None if it has none."""
    code, text = _code_and_text(body or {}, _JSON_WITHIN_JSON)
    return Complaint(code or None, text[:_TEXT_LIMIT], _request_id(response.headers, body or {}))


def says_task_not_exist(body: JsonObject, *, has_status: bool) -> bool:
    """Whether an answer says `task_not_exist`, in any form that was seen or is documented.

    Only codes, messages and statuses are read. If the answer states the status of a task (`has_status`), the whole
    text must be these words, because a longer text may quote the user's prompt.
    """
    texts = [text.strip().casefold() for text in _statements(body, _JSON_WITHIN_JSON)]
    return any(text == TASK_NOT_EXIST or (not has_status and TASK_NOT_EXIST in text) for text in texts)


def _code_and_text(body: JsonObject, depth: int) -> tuple[str, str]:
    error = body.get("error")
    inner = error if isinstance(error, dict) else {}
    codes = [_token(inner.get("code")), _token(body.get("code"))]
    code = next((code for code in codes if code.casefold() not in _SUCCESS), "")
    texts = (inner.get("message"), error, body.get("message"), body.get("msg"), body.get("data"))
    text = next((text.strip() for text in texts if isinstance(text, str) and text.strip()), "")
    nested = parsed_text(text) if depth else None
    if nested is None:
        return code, text
    nested_code, nested_text = _code_and_text(nested, depth - 1)
    return nested_code or code, nested_text or text


def _token(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()[:_CODE_LIMIT]


def _statements(body: JsonObject, depth: int) -> Iterator[str]:
    """Yield all texts of an envelope that may describe an error, also those within a JSON string."""
    error, data = body.get("error"), body.get("data")
    texts = [body.get(key) for key in ("code", "message", "msg", "error", "status", "data")]
    if isinstance(error, dict):
        texts += [error.get("code"), error.get("message")]
    if isinstance(data, dict):
        texts += [data.get("status"), data.get("fail_reason")]
    for text in texts:
        if isinstance(text, str):
            yield text
            nested = parsed_text(text) if depth else None
            yield from _statements(nested, depth - 1) if nested else ()


def _request_id(headers: Mapping[str, str], body: JsonObject) -> str | None:
    said = [found[1] for text in _statements(body, _JSON_WITHIN_JSON) if (found := _REQUEST_ID.search(text))]
    candidates = [*said, body.get("request_id"), *(headers.get(name) for name in _REQUEST_ID_HEADERS)]
    named = next((value for value in candidates if isinstance(value, str) and value), None)
    return encodable(named)[:_CODE_LIMIT] if named else None
