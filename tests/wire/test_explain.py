"""How an answer is read, and where each value was found."""

import json
from typing import Any

from cometrunway import TaskStatus
from cometrunway._wire._explain import explain
from cometrunway._wire._http import HttpResponse
from cometrunway.errors import TaskNotFoundError


def response(body: Any, status: int = 200) -> HttpResponse:
    """Return an answer to a poll."""
    return HttpResponse(status=status, headers={}, body=json.dumps(body).encode())


def test_the_places_of_a_failure_are_told() -> None:
    """Of its status, and of its reason."""
    body = {"data": {"id": "t", "status": "FAILED", "failure": "too dark"}}
    found = explain(response(body), task_id="t", sent=None)
    assert (found.status, found.status_at) == (TaskStatus.FAILED, "data.status")
    assert (found.reason, found.reason_at) == ("too dark", "data.failure")
    assert (found.outputs, found.refusal) == ((), None)


def test_the_places_of_files_are_told() -> None:
    """And the progress; nothing is said of a failure that is none."""
    body = {"data": {"id": "t", "status": "SUCCEEDED", "progress": 1, "output": ["https://example.com/a.mp4"]}}
    found = explain(response(body), task_id="t", sent=None)
    assert (found.status, found.status_at, found.progress) == (TaskStatus.SUCCEEDED, "data.status", 1.0)
    assert [(output.url, output.place) for output in found.outputs] == [("https://example.com/a.mp4", "data.output[0]")]
    assert (found.reason, found.reason_at) == (None, "")


def test_an_answer_that_describes_no_task_says_what_a_poll_raises() -> None:
    """The error is a value here."""
    body = {"code": "task_not_exist", "message": "task_not_exist", "data": None}
    found = explain(response(body, 400), task_id="t", sent=None)
    assert found.status is TaskStatus.UNKNOWN
    assert isinstance(found.refusal, TaskNotFoundError)
