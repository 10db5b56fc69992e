"""Every envelope becomes the right exception, and only proof is proof."""

import json

import pytest

from cometrunway import errors
from cometrunway._wire._refusals import is_of_another_server, proves_refusal
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
from tests.answers import ANSWERS, HTML, openai_error, refused_create, refused_poll, task_error

SATURATED = "当前分组上游负载已饱和，请稍后再试"  # noqa: RUF001  # the gateway's own words
NO_CHANNEL = (
    "no available channel for group default and model sora-2-all (distributor) "
    "(request id: 20260205132859798638387SIHCnxzJ)"
)
RECORDED: dict[str, tuple[type[CometRunwayError], str | None, str]] = {
    "error.auth_401": (AuthenticationError, None, "invalid token (request id: ...) (HTTP 401)"),
    "error.callback_url_empty": (InvalidRequestError, "callback_url_empty", "callback_url_empty (HTTP 400)"),
    "error.comet_400_missing_model": (
        InvalidRequestError,
        None,
        "model name is required (request id: ...) (HTTP 400)",
    ),
    "error.comet_503_no_channel": (
        ModelUnavailableError,
        "model_not_found",
        f"{NO_CHANNEL} (HTTP 503, model_not_found); choose another model: "
        '"Which route and model?" in the documentation lists them',
    ),
    "error.insufficient_user_quota": (
        InsufficientBalanceError,
        "insufficient_user_quota",
        "用户额度不足, 剩余额度: ¥0.000000 (HTTP 403, insufficient_user_quota)",
    ),
    "error.path_404": (
        APIError,
        None,
        "Invalid URL (GET /runwayml/v1/nope) (HTTP 404); is the base URL right? It is the origin, such as "
        "https://api.cometapi.com, without /v1",
    ),
    "error.quota_not_enough": (
        InsufficientBalanceError,
        "quota_not_enough",
        "user quota is not enough (HTTP 403, quota_not_enough)",
    ),
    "error.reference_images_empty": (
        InvalidRequestError,
        "reference_images_empty",
        "reference_images_empty (HTTP 400)",
    ),
    "error.runway_official_400": (InvalidRequestError, None, "promptImage: ... (HTTP 400)"),
    "error.saturated_429": (RateLimitedError, "fail_to_fetch_task", f"{SATURATED} (HTTP 429, fail_to_fetch_task)"),
    "error.task_not_exist_200": (TaskNotFoundError, "task_not_exist", "task_not_exist (HTTP 200)"),
    "error.task_not_exist_400": (TaskNotFoundError, "task_not_exist", "task_not_exist (HTTP 400)"),
    "error.task_not_exist_duomi": (TaskNotFoundError, "task_not_exist", "task_not_exist (HTTP 200)"),
    "error.task_not_exist_status_field": (TaskNotFoundError, "task_not_exist", "task_not_exist (HTTP 200)"),
}


def test_every_recorded_refusal_has_its_meaning_here() -> None:
    """No recorded error goes untested."""
    assert {name for name in ANSWERS if name.startswith("error.")} == RECORDED.keys()


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_refusal_is_the_right_exception(name: str) -> None:
    """Class, code, text, status and body of the answer are all there."""
    status, body = ANSWERS[name]
    error = refused_poll(body, status)
    assert isinstance(error, APIError)
    assert (type(error), error.code, error.message) == RECORDED[name]
    assert (error.status, error.body) == (status, body)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (402, InsufficientBalanceError),
        (403, PermissionDeniedError),
        (405, InvalidRequestError),
        (408, APIError),
        (409, APIError),
        (413, InvalidRequestError),
        (415, InvalidRequestError),
        (418, APIError),
        (422, InvalidRequestError),
        (425, APIError),
        (429, RateLimitedError),
        (500, ServerError),
        (502, ServerError),
        (503, ServerError),
        (504, ServerError),
        (524, ServerError),
    ],
)
@pytest.mark.parametrize("body", [{"error": "no luck"}, task_error("odd"), openai_error(None), {"code": 1, "msg": "x"}])
def test_the_http_status_decides(status: int, expected: type[APIError], body: object) -> None:
    """An HTTP error is what its status says, in any envelope, for a create and for a poll."""
    assert type(refused_create(body, status)) is type(refused_poll(body, status)) is expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, openai_error("invalid_request"), InvalidRequestError),
        (500, task_error("invalid_request"), InvalidRequestError),
        (503, openai_error("model_not_found"), ModelUnavailableError),
        (404, openai_error("model_not_found"), ModelUnavailableError),
        (500, openai_error("model_not_found"), ServerError),
        (403, task_error("pre_consume_token_quota_failed"), InsufficientBalanceError),
        (403, task_error("x", "余额不足"), InsufficientBalanceError),
        (403, openai_error("", "Your balance is too low"), InsufficientBalanceError),
        (400, openai_error("insufficient_user_quota"), InsufficientBalanceError),
        (400, {"error": "You do not have enough credits to run this task."}, InsufficientBalanceError),
        (400, task_error("invalid_request", "promptText: 'a balance' is too long"), InvalidRequestError),
        (429, task_error("quota", SATURATED), RateLimitedError),
        (401, openai_error("", "no quota"), AuthenticationError),
        (500, task_error("get_user_quota_failed"), ServerError),
    ],
)
def test_a_token_says_more_than_the_status(status: int, body: object, expected: type[APIError]) -> None:
    """What the gateway disguises behind a status, its own token reveals."""
    assert type(refused_create(body, status)) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"code": 400, "msg": "no luck"}, InvalidRequestError),
        ({"code": "401", "msg": "no luck"}, AuthenticationError),
        ({"code": 403, "msg": "no luck"}, PermissionDeniedError),
        ({"code": 400, "msg": "余额不足", "data": {}, "exec_time": 0}, InsufficientBalanceError),
        ({"code": 429, "msg": "no luck"}, RateLimitedError),
        ({"code": 500, "msg": "no luck"}, ServerError),
        ({"code": 1200, "message": "no luck", "request_id": "Cj"}, APIError),
        (task_error("quota_not_enough"), InsufficientBalanceError),
        (task_error("callback_url_empty"), InvalidRequestError),
        (task_error("insert_task_failed"), ServerError),
        (task_error("something_new"), APIError),
        (openai_error("model_not_found"), ModelUnavailableError),
        ({"error": "no luck"}, APIError),
    ],
)
def test_a_refusal_may_come_inside_a_success(body: object, expected: type[APIError]) -> None:
    """Under HTTP 200 the code in the body decides; the exception says that the status was 200."""
    for error in (refused_create(body), refused_poll(body)):
        assert isinstance(error, APIError)
        assert (type(error), error.status) == (expected, 200)


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        (json.dumps({"error": "promptImage: bad"}), "fail_to_fetch_task", "promptImage: bad"),
        (json.dumps(openai_error("insufficient_user_quota")), "insufficient_user_quota", "no luck"),
        (json.dumps(task_error("a", json.dumps(task_error("b", "deep")))), "b", "deep"),
        (json.dumps(json.dumps({"error": {"message": "twice", "code": "c"}})), "c", "twice"),
        ('{"error": "cut', "fail_to_fetch_task", '{"error": "cut'),
        ("{}", "fail_to_fetch_task", "{}"),
        ("[1]", "fail_to_fetch_task", "[1]"),
    ],
)
def test_upstream_speaks_through_the_message(message: str, code: str, text: str) -> None:
    """A message that is itself JSON is opened, twice at most, and the innermost token is the code."""
    error = refused_create(task_error("fail_to_fetch_task", message), 400)
    assert isinstance(error, APIError)
    assert error.code == code
    assert error.message == f"{text} (HTTP 400, {code})"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (openai_error("", "no luck (request id: r-1)"), {}),
        (task_error("x", json.dumps(openai_error("", "no luck (request id: r-1)"))), {}),
        ({"code": 1200, "message": "no luck", "request_id": "r-1"}, {}),
        (openai_error(""), {"x_oneapi_request_id": "r-1"}),
        (HTML, {"x_request_id": "r-1"}),
    ],
)
def test_the_request_id_is_kept_for_the_support(body: object, headers: dict[str, str]) -> None:
    """The id is found in the message, in the body or in a header."""
    error = refused_poll(body, 500, **headers)
    assert isinstance(error, APIError)
    assert error.request_id == "r-1"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": " 0.5 "}, 0.5),
        ({"retry_after_ms": "1500"}, 1.5),
        ({"retry_after_ms": "1500", "retry_after": "2"}, 1.5),
        ({"retry_after_ms": "soon", "retry_after": "2"}, 2.0),
        ({"retry_after_ms": "9" * 400, "retry_after": "2"}, 2.0),
        ({"retry_after_ms": "-1"}, 0.0),
        ({"x_ratelimit_reset": "1773403230"}, None),
        ({"retry_after": "-3"}, 0.0),
        ({"retry_after": "9" * 400}, None),
        ({"retry_after": "1e3"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": ""}, None),
        ({}, None),
        ({"retry_after": "Fri, 13 Mar 2026 12:00:30 GMT"}, None),
        ({"retry_after": "Fri, 13 Mar 2026 12:00:30 GMT", "date": "soon"}, None),
        ({"retry_after": "Fri, 13 Mar 2026 12:00:30 GMT", "date": "Fri, 13 Mar 2026 12:00:00 GMT"}, 30.0),
        ({"retry_after": "Fri, 13 Mar 2026 11:00:00 GMT", "date": "Fri, 13 Mar 2026 12:00:00 GMT"}, 0.0),
    ],
)
def test_a_rate_limit_says_how_long(headers: dict[str, str], seconds: float | None) -> None:
    """Retry-After is seconds, or a date against the answer's own clock; nonsense is no wish."""
    error = refused_poll(task_error("x"), 429, **headers)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, HTML), (404, HTML), (405, HTML), (404, b"404 page not found"), (301, b""), (302, HTML), (101, b"")],
)
def test_another_server_is_no_answer(status: int, body: bytes) -> None:
    """A web page, a redirect or a 404 that is no JSON means a wrong base URL, and the message says so."""
    for error in (refused_create(body, status), refused_poll(body, status)):
        assert isinstance(error, ProtocolError)
        assert not error.retryable
        assert "base URL" in str(error)


@pytest.mark.parametrize("body", [b"", b" \r\n", b'{"id": "cut', b"[]", b'"text"', b"null", b"5", b"\x00\x01\xff"])
def test_a_damaged_answer_is_no_answer(body: bytes) -> None:
    """A 2xx that is no JSON object may be whole next time."""
    for error in (refused_create(body), refused_poll(body)):
        assert isinstance(error, ProtocolError)
        assert error.retryable


def test_a_strange_answer_is_shown() -> None:
    """The message has the first bytes, the exception the first 2,000."""
    error = refused_poll(b"Service is being upgraded. " * 1000)
    assert isinstance(error, ProtocolError)
    assert "Service is being upgraded." in str(error)
    assert len(error.body) == 2_000


def test_a_redirect_shows_where_to_without_its_query() -> None:
    """The target helps to find the mistake; what may sign it stays hidden."""
    error = refused_create(b"", 301, location="https://www.cometapi.com/runway?token=secret")
    assert "https://www.cometapi.com/runway" in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 504])
def test_a_proxy_may_refuse_in_html(status: int) -> None:
    """A web page with the status of a refusal is that refusal."""
    assert type(refused_poll(HTML, status)) is type(refused_poll(task_error("x"), status))


@pytest.mark.parametrize("status", [408, 425])
def test_a_timeout_of_the_server_may_pass(status: int) -> None:
    """A poll that the server was too slow for, or too early, may succeed later."""
    assert refused_poll(task_error("x"), status).retryable


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 413, 415, 422, 429])
@pytest.mark.parametrize("body", [b"", HTML, b"{}", b'{"id": "x"}', b'{"error": "no"}', b'{"code": 500}', b"\xff"])
def test_a_refusing_status_is_proof(status: int, body: bytes) -> None:
    """These statuses refuse with whatever body."""
    assert proves_refusal(refused_create(body, status))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, openai_error("model_not_found")),
        (500, openai_error("invalid_request")),
        (200, task_error("quota_not_enough")),
        (200, {"code": 400, "msg": "no luck", "data": None}),
        (200, {"code": 429, "msg": "no luck"}),
        (200, openai_error("model_not_found")),
    ],
)
def test_a_plain_word_is_proof(status: int, body: object) -> None:
    """The gateway's own tokens refuse, also inside a success that has no id."""
    assert proves_refusal(refused_create(body, status))


@pytest.mark.parametrize(
    ("status", "body"),
    [(status, body) for status in (408, 409, 425, 500, 502, 503, 504, 520, 524, 529) for body in (HTML, b"", b"{}")]
    + [(status, b"") for status in (100, 200, 201, 204, 301, 302, 304, 307, 308)]
    + [(200, HTML), (200, b"{}"), (200, b'{"id": ".."}'), (200, b'{"code": "success", "data": null}'), (200, b"[]")]
    + [(200, b'{"code": 500}'), (200, b'{"code": 409}'), (200, b'{"code": "504"}'), (200, b'{"error": "timeout"}')]
    + [(200, b'{"code": "insert_task_failed"}'), (500, b'{"code": "do_request_failed"}')]
    + [(200, b'{"code": "something_new"}'), (200, b'{"code": 1200}'), (200, b'{"code": "ok", "data": {}}')]
    + [(200, b'{"code": 201, "data": {}}'), (200, b'{"code": 1, "msg": "success"}')]
    + [(502, b'{"code": "task_not_exist"}'), (502, b'{"code": "quota_not_enough"}')],
)
def test_anything_else_proves_nothing(status: int, body: bytes) -> None:
    """Where a task may exist, it may be billed."""
    assert not proves_refusal(refused_create(body, status))


@pytest.mark.parametrize("kind", [errors.TransportError, errors.OutcomeUnknownError])
def test_no_answer_proves_nothing(kind: type[errors.TransportError]) -> None:
    """What the decoder never saw is no refusal."""
    assert not proves_refusal(kind("reset"))


MEANINGS = {
    InvalidRequestError: (
        *("callback_url_empty", "invalid_request", "model_price_error"),
        *("read_request_body_failed", "reference_images_empty"),
    ),
    ServerError: (
        *("do_request_failed", "fail_to_fetch_task", "get_channel_failed", "get_task_failed", "get_tasks_failed"),
        *("insert_task_failed", "marshal_response_body_failed"),
    ),
}


@pytest.mark.parametrize(("token", "meaning"), [(token, cls) for cls, tokens in MEANINGS.items() for token in tokens])
def test_a_token_in_an_answer_with_200_decides(token: str, meaning: type[APIError]) -> None:
    """Only those that say that the request itself is wrong prove that nothing was created."""
    error = refused_create(task_error(token), 200)
    assert type(error) is meaning
    assert proves_refusal(error) is (meaning is InvalidRequestError)


@pytest.mark.parametrize(
    ("error", "is_of_another"),
    [
        (refused_create(HTML), True),
        (refused_create({}), False),
        (refused_create(openai_error(None, "Invalid URL (POST /x)"), 404), True),
        (refused_create(openai_error(None, "no such task"), 404), False),
        (refused_create(openai_error(None, "Invalid URL (POST /x)"), 400), False),
        (errors.TransportError("no answer"), False),
        (None, False),
    ],
)
def test_a_page_or_a_missing_path_is_of_another_server(error: CometRunwayError | None, is_of_another: bool) -> None:
    """The base URL is probably wrong then; an answer that may be better in a moment says nothing of it."""
    assert is_of_another_server(error) is is_of_another
