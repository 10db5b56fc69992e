"""`task_not_exist` is recognised in all its forms, and nowhere else."""

import json
from typing import Any

import pytest

from cometrunway._tasks import TaskStatus
from cometrunway._wire._decode import decode_created
from cometrunway.errors import APIError, ModelUnavailableError, TaskNotFoundError
from tests.answers import answer, looked, refused_create, refused_poll

TOKEN = "task_not_exist"
FORMS: list[dict[str, Any]] = [
    {"code": TOKEN, "message": TOKEN, "data": None},
    {"code": TOKEN, "message": "", "data": None},
    {"code": TOKEN.upper(), "message": "no such task"},
    {"status": TOKEN},
    {"id": "x", "status": TOKEN},
    {"data": {"status": TOKEN}},
    {"code": "success", "data": {"task_id": "x", "status": TOKEN}},
    {"code": "success", "data": {"task_id": "x", "fail_reason": TOKEN}},
    {"code": "success", "data": {"task_id": "x", "status": "FAILURE", "fail_reason": TOKEN}},
    {"code": "success", "data": TOKEN},
    {"error": {"message": f"{TOKEN} (request id: r-1)", "type": "comet_api_error", "param": "", "code": TOKEN}},
    {"error": {"message": f"{TOKEN} (request id: r-1)", "type": "comet_api_error", "code": ""}},
    {"error": f"upstream: {TOKEN}"},
    {"code": 400, "msg": TOKEN},
    {"code": 400, "msg": TOKEN, "data": None, "exec_time": 0},
    {"message": f"error: {TOKEN}"},
    {"code": "fail_to_fetch_task", "message": json.dumps({"code": TOKEN, "message": TOKEN}), "data": None},
    {"code": "fail_to_fetch_task", "message": json.dumps(json.dumps({"code": 400, "msg": TOKEN}))},
]


@pytest.mark.parametrize("status", [200, 400, 404, 500])
@pytest.mark.parametrize("body", FORMS)
def test_an_unknown_task_is_recognised(body: dict[str, Any], status: int) -> None:
    """Every form counts with every status, and the exception names the token."""
    error = refused_poll(body, status)
    assert isinstance(error, TaskNotFoundError)
    assert (error.code, error.status) == (TOKEN, status)


@pytest.mark.parametrize(
    "body",
    [
        {"id": "x", "status": "RUNNING", "prompt": TOKEN},
        {"id": "x", "status": "RUNNING", "message": f"rendering '{TOKEN}'"},
        {"task_id": "x", "prompt": TOKEN},
        {"task_id": TOKEN},
        {"task_id": "x", "data": {"prompt": TOKEN, "properties": {"input": TOKEN}}},
        {"code": 200, "msg": "成功", "data": {"task_id": "x", "status": "1", "prompt": TOKEN, "msg": TOKEN}},
        {
            "code": "success",
            "message": "",
            "data": {"task_id": "x", "status": "QUEUED", "properties": {"input": TOKEN}},
        },
    ],
)
def test_a_prompt_with_the_words_is_no_error(body: dict[str, Any]) -> None:
    """What the user wrote is echoed in other places, and those do not count."""
    assert looked(body).status in {TaskStatus.RUNNING, TaskStatus.PENDING, TaskStatus.UNKNOWN}


@pytest.mark.parametrize("key", ["fail_reason", "failure", "failure_reason", "msg"])
def test_a_failure_that_quotes_the_prompt_is_a_failure(key: str) -> None:
    """A reason that merely contains the words is the reason of a task that exists."""
    reason = f"your prompt '{TOKEN}' was refused"
    for body in ({"id": "x", "status": "FAILED", key: reason}, {"data": {"status": "FAILED", key: reason}}):
        failure = looked(body).failure
        assert failure is not None
        assert failure.message == reason


@pytest.mark.parametrize("body", [{"error": "Not found"}, {"error": {"message": "no such task", "code": ""}}, {}])
def test_an_upstream_404_is_an_unknown_task(body: dict[str, Any]) -> None:
    """Runway's own 404 says the same in other words."""
    assert isinstance(refused_poll(body, 404), TaskNotFoundError)


def test_a_404_about_something_else_is_no_unknown_task() -> None:
    """The gateway's 404 about the path, or about a model, is not about the task."""
    wrong_path = refused_poll({"error": {"message": "Invalid URL (GET /v1/x)", "type": "invalid_request_error"}}, 404)
    assert type(wrong_path) is APIError
    assert isinstance(refused_poll({"error": {"code": "model_not_found"}}, 404), ModelUnavailableError)


def test_a_create_knows_no_unknown_task() -> None:
    """A refusal of a create that quotes the words is judged by its status, and an id by being there."""
    error = refused_create({"code": "invalid_request", "message": f"promptText '{TOKEN}' is too long"}, 400)
    assert not isinstance(error, TaskNotFoundError)
    assert decode_created(answer({"id": "x", "message": TOKEN})) == "x"


@pytest.mark.parametrize("code", [200, "200", 0, "0", "success", "SUCCESS", None, ""])
def test_a_code_of_success_is_no_refusal(code: object) -> None:
    """A success without data is a task of which nothing is known yet."""
    assert looked({"code": code, "data": None}).status is TaskStatus.UNKNOWN


@pytest.mark.parametrize(
    "body",
    [
        {"code": 123, "data": {"task_id": "x", "status": "<string>"}},
        {"code": 1, "data": {"status": "QUEUED"}},
        {"code": "odd", "task_id": "x"},
        {"id": "x", "status": "RUNNING", "error": {"message": "slow"}},
    ],
)
def test_a_task_with_an_odd_code_is_a_task(body: dict[str, Any]) -> None:
    """An undocumented code does not hide the task beside it."""
    assert not looked(body).status.is_terminal


def test_a_refusal_with_a_status_is_a_refusal() -> None:
    """The word `error` in an envelope without a task ends no wait: it is the call that failed."""
    assert isinstance(refused_poll({"code": "quota_not_enough", "status": "error", "message": "no"}), APIError)
