"""Makes the exception for an answer that refuses, or that is not an answer of this API."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from attrs import evolve

from cometrunway._media._urls import without_query
from cometrunway._wire._body import JsonObject, encodable
from cometrunway._wire._complaints import TASK_NOT_EXIST, Complaint, complaint, says_task_not_exist
from cometrunway._wire._http import HttpResponse
from cometrunway.errors import (
    APIError,
    AuthenticationError,
    CometRunwayError,
    InsufficientBalanceError,
    InvalidRequestError,
    ModelUnavailableError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    ServerError,
    TaskNotFoundError,
)

_BODY_KEPT = 2_000
_BYTES_SHOWN = 100
_LOCATION_SHOWN = 200
_CURE = "is the base URL right? It is the origin, such as https://api.cometapi.com, without /v1"

_WRONG_PATH = "Invalid URL"
"""The beginning of the gateway's text in a 404 for a path that it does not have."""

_BY_STATUS: Mapping[int, type[APIError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    402: InsufficientBalanceError,
    403: PermissionDeniedError,
    405: InvalidRequestError,
    413: InvalidRequestError,
    415: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitedError,
}
_REFUSING = frozenset({404, *_BY_STATUS})

_BY_TOKEN: Mapping[str, type[APIError]] = {
    "callback_url_empty": InvalidRequestError,
    "do_request_failed": ServerError,
    "fail_to_fetch_task": ServerError,
    "get_channel_failed": ServerError,
    "get_task_failed": ServerError,
    "get_tasks_failed": ServerError,
    "insert_task_failed": ServerError,
    "invalid_request": InvalidRequestError,
    "marshal_response_body_failed": ServerError,
    "model_price_error": InvalidRequestError,
    "read_request_body_failed": InvalidRequestError,
    "reference_images_empty": InvalidRequestError,
}
"""The meaning of the gateway's tokens within a 2xx answer. In other answers the HTTP status decides."""
_MENTION = TASK_NOT_EXIST.encode()
_NO_CREDITS = "not have enough credits"
"""Texts of Runway itself in a 400."""
_BALANCE_WORDS = ("quota", "balance", "余额", "额度")
_SECONDS = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?", re.ASCII)


def proves_refusal(error: CometRunwayError) -> bool:
    """Whether an error of `decode_created` proves that no task was created, so that nothing can be billed.

    True for 400, 401, 402, 403, 404, 405, 413, 415, 422 and 429 with any body. True for the gateway's 503
    `model_not_found` and 500 `invalid_request`. True for a 2xx without an id whose code is a known token of refusal, or
    one of the HTTP statuses above.

    False for 408, 409, 425, any other 5xx, a redirect, HTML with a 2xx, and any other 2xx without an id. In these cases
    the task may exist. False also for errors that `decode_created` never raises.
    """
    if isinstance(error, ProtocolError):
        return error.status in _REFUSING
    if not isinstance(error, APIError) or isinstance(error, ServerError):
        return False
    is_named = isinstance(error, ModelUnavailableError | InvalidRequestError | InsufficientBalanceError)
    return is_named or _effective_status(error.status, error.code) in _REFUSING


def is_of_another_server(error: BaseException | None) -> bool:
    """Whether an answer was not of this API, or the API has no such path, because the base URL is probably wrong."""
    if isinstance(error, ProtocolError):
        return not error.retryable
    return isinstance(error, APIError) and error.status == 404 and error.message.startswith(_WRONG_PATH)


def refusal(response: HttpResponse, body: JsonObject | None) -> APIError | ProtocolError:
    """Return the exception for an answer that refuses; `body` is its parsed object, None if it has none.

    The HTTP status decides. In a 2xx answer, the code decides. A 404 or 405 without an object comes from another
    server, because the base URL is wrong.
    """
    status = response.status
    is_error = status >= 400 or (body is not None and _is_success(status))
    if not is_error or (body is None and status in {404, 405}):
        return no_answer(response)
    said = complaint(response, body)
    error = _api_error(_error_type(status, said), response, said)
    if isinstance(error, RateLimitedError):
        error.retry_after = _retry_after(response.headers)
    if status in {408, 425}:
        error.retryable = True
    return error


def unknown_task(response: HttpResponse, body: JsonObject, *, has_status: bool) -> APIError | None:
    """Return the exception if an answer says that the API does not know the task; else None.

    Such an answer is `task_not_exist` with any HTTP status, or the upstream API's 404 about the task. The gateway's 404
    about a path is not. `has_status` says whether the answer states the status of a task.
    """
    # Nearly every poll evaluates only the first half of this line, which must therefore be fast.
    is_said = _MENTION in response.body.lower() and says_task_not_exist(body, has_status=has_status)
    if not is_said and response.status != 404:
        return None
    said = complaint(response, body)
    if is_said:
        said = evolve(said, code=TASK_NOT_EXIST, text=said.text or TASK_NOT_EXIST)
    elif said.code == "model_not_found" or said.text.startswith(_WRONG_PATH):
        return None
    return _api_error(TaskNotFoundError, response, said)


def no_answer(response: HttpResponse, missing: str | None = None) -> ProtocolError:
    """Return the exception, with its cure, for an answer that is not of this API, or lacks what `missing` names.

    It is retryable, except for a web page, a redirect or an HTTP error. The cause of these is a wrong base URL.
    """
    is_wrong_place = not _is_success(response.status) or response.body.lstrip().startswith(b"<")
    what = f"an answer without {missing}: {_beginning(response.body)}" if missing else _description(response)
    cure = _cure(response) if is_wrong_place else ""
    error = ProtocolError(
        f"{what} (HTTP {response.status}){cure}", status=response.status, body=response.body[:_BODY_KEPT]
    )
    error.retryable = not is_wrong_place
    return error


def _cure(response: HttpResponse) -> str:
    return f"{' from ' if response.url else ''}{response.url}; {_CURE}"


def _api_error(error_type: type[APIError], response: HttpResponse, said: Complaint) -> APIError:
    code = f", {said.code}" if said.code and said.code != said.text else ""
    cure = _cure(response) if response.status == 404 and said.text.startswith(_WRONG_PATH) else ""
    return error_type(
        f"{said.text or _description(response)} (HTTP {response.status}{code}){cure}",
        status=response.status,
        code=said.code,
        body=response.body[:_BODY_KEPT],
        request_id=said.request_id,
    )


def _error_type(status: int, said: Complaint) -> type[APIError]:
    effective = _effective_status(status, said.code)
    code = (said.code or "").casefold()
    if effective in {401, 429}:
        return _BY_STATUS[effective]
    if code == "model_not_found" and (_is_success(status) or status in {400, 404, 503}):
        return ModelUnavailableError
    if _is_about_balance(status, said):
        return InsufficientBalanceError
    if effective == 500 and code == "invalid_request":
        return InvalidRequestError
    if effective >= 500:
        return ServerError
    return _BY_STATUS.get(effective) or _BY_TOKEN.get(code, APIError)


def _is_about_balance(status: int, said: Complaint) -> bool:
    """Whether the reason of a refusal is the balance, by its code or text; in a 400, by its code or Runway's text."""
    if status == 400:
        return _NO_CREDITS in said.text.casefold() or _names_a_balance(said.code or "")
    is_usual = _is_success(status) or status in {402, 403}
    return is_usual and _names_a_balance(f"{said.code} {said.text}".casefold())


def _names_a_balance(text: str) -> bool:
    return any(word in text for word in _BALANCE_WORDS)


def _effective_status(status: int, code: str | None) -> int:
    """Return the HTTP status, or the status that the code of a 2xx answer states instead."""
    is_status = _is_success(status) and code is not None and re.fullmatch("[45][0-9][0-9]", code)
    return int(code) if is_status and code else status


def _is_success(status: int) -> bool:
    return 200 <= status < 300


def _description(response: HttpResponse) -> str:
    """Describe an answer that has no text of its own."""
    if 300 <= response.status < 400:
        target = without_query(encodable(response.headers.get("location", "")))
        return f"a redirect to {target[:_LOCATION_SHOWN]!r}"
    if not response.body.strip():
        return "an empty answer"
    return f"an answer that is not what the API documents: {_beginning(response.body)}"


def _beginning(body: bytes) -> str:
    return repr(body.lstrip()[:_BYTES_SHOWN])


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After, which is a number, or a date from which the answer's Date is subtracted.

    `retry-after-ms` has priority. `x-ratelimit-reset` is not read, because it may be a time, a delay or a text, in
    seconds or milliseconds, depending on the sender.
    """
    milliseconds = _number(headers.get("retry-after-ms", "").strip())
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return _number(value)
    until, now = _http_date(value), _http_date(headers.get("date", ""))
    return max(0.0, (until - now).total_seconds()) if until and now else None


def _number(text: str) -> float | None:
    number = float(text) if _SECONDS.fullmatch(text) else math.inf
    return max(0.0, number) if math.isfinite(number) else None


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else None
