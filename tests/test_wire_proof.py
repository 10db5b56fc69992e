"""What proves that a create was refused, and so was not billed."""

import pytest

from cometrunway import errors
from cometrunway._wire._refusals import proves_refusal
from tests.wire import HTML, openai_error, refused_create, task_error


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
