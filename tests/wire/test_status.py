"""One table for all vocabularies, and an order where two levels of an answer disagree."""

from typing import Any

import pytest

from cometrunway._tasks import TaskStatus
from tests.answers import looked

URL = "https://example.com/a.mp4"
WORDS = {
    TaskStatus.PENDING: "NOT_START SUBMITTED QUEUED PENDING submitted pending queued wait queueing accepted 0 等待中",
    TaskStatus.THROTTLED: "THROTTLED",
    TaskStatus.RUNNING: "IN_PROGRESS RUNNING in-progress inProgress JOB_STATE_RUNNING processing dreaming running 1",
    TaskStatus.SUCCEEDED: "SUCCESS SUCCEEDED succeeded succeed success completed complete finished done 3",
    TaskStatus.FAILED: "FAILURE FAILED failed fail failure error expired timeout timed-out aborted rejected moderated "
    "blocked deleted TASK_STATUS_FAILED 2",
    TaskStatus.CANCELLED: "CANCELLED CANCELED cancelled canceled",
    TaskStatus.UNKNOWN: "UNKNOWN 4 -1 <string> PAUSED",
}


def wrapped(status: str, /, **inner: Any) -> dict[str, Any]:
    """Return the gateway's wrapper around what upstream said."""
    return {"code": "success", "message": "", "data": {"task_id": "t", "status": status, "data": inner}}


@pytest.mark.parametrize(("word", "status"), [(word, status) for status in WORDS for word in WORDS[status].split()])
@pytest.mark.parametrize("key", ["status", "state", "task_status"])
def test_a_word_means_the_same_in_every_place(key: str, word: str, status: TaskStatus) -> None:
    """Every vocabulary is understood under every key, in any case, with space around it."""
    for spelled in (word, word.upper(), word.lower(), f" {word}\n"):
        assert looked({"id": "x", key: spelled}).status is status


@pytest.mark.parametrize(("digit", "word"), [(0, "PENDING"), (1, "RUNNING"), (2, "FAILED"), (3, "SUCCEEDED")])
def test_a_digit_may_be_a_number(digit: int, word: str) -> None:
    """The digits of duomi are understood as JSON numbers too."""
    assert looked({"task_id": "x", "status": digit}).status.value == word


@pytest.mark.parametrize("status", [None, [], {}, True, 1.5, "", "task", 2**70])
def test_what_is_no_known_status_is_not_final(status: object) -> None:
    """An unknown status keeps the wait going."""
    assert not looked({"id": "x", "status": status}).status.is_terminal


@pytest.mark.parametrize(
    ("status", "state", "expected"),
    [
        ("", "", "PENDING"),
        ("", "succeeded", "SUCCEEDED"),
        ("", "failed", "FAILED"),
        (None, "failed", "FAILED"),
        ("1", "succeeded", "RUNNING"),
        ("3", "failed", "SUCCEEDED"),
        ("ok", "failed", "FAILED"),
    ],
)
def test_the_digit_wins_over_the_state(status: object, state: str, expected: str) -> None:
    """`state` counts where `status` is empty or says nothing known."""
    assert looked({"data": {"task_id": "x", "status": status, "state": state}}).status.value == expected


@pytest.mark.parametrize("digit", ["2", 2])
def test_a_failed_digit_with_a_video_is_a_success(digit: object) -> None:
    """Some gateways document 2 and 3 the other way round: the video decides."""
    task = looked({"code": 200, "data": {"task_id": "x", "state": "failed", "status": digit, "video_url": URL}})
    assert (task.status, task.outputs, task.failure) == (TaskStatus.SUCCEEDED, (URL,), None)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (wrapped("SUCCESS", status="RUNNING"), "SUCCEEDED"),
        (wrapped("FAILURE", status="SUCCEEDED", output=[URL]), "FAILED"),
        (wrapped("QUEUED", status="SUCCEEDED", output=[URL]), "SUCCEEDED"),
        (wrapped("QUEUED", status="SUCCEEDED", output=[]), "PENDING"),
        (wrapped("QUEUED", status="SUCCEEDED"), "PENDING"),
        (wrapped("IN_PROGRESS", status="FAILED"), "FAILED"),
        (wrapped("IN_PROGRESS", status="CANCELLED"), "CANCELLED"),
        (wrapped("IN_PROGRESS", status="PENDING"), "RUNNING"),
        (wrapped("UNKNOWN", status="RUNNING"), "RUNNING"),
        (wrapped("UNKNOWN", status="SUCCEEDED"), "UNKNOWN"),
        (wrapped("QUEUED", **wrapped("SUCCESS", status="SUCCEEDED", output=[URL])), "SUCCEEDED"),
        ({"code": "success", "data": {"task_id": "t", "data": {"status": "SUCCEEDED"}}}, "SUCCEEDED"),
    ],
)
def test_the_outer_statement_counts_once_it_is_final(body: object, expected: str) -> None:
    """Before it is final an inner end counts too: a failure at once, a success with its output only."""
    assert looked(body).status.value == expected


def test_progress_never_decides() -> None:
    """A hundred percent is also what a failed row shows, and a running one may."""
    assert looked({"task_id": "x", "status": "IN_PROGRESS", "progress": "100%"}).status is TaskStatus.RUNNING
    assert looked({"task_id": "x", "progress": "100%"}).status is TaskStatus.UNKNOWN


def test_a_success_within_a_status_that_is_not_known_needs_a_file() -> None:
    """A negative number is such a status."""
    assert looked(wrapped("-1", status="SUCCEEDED")).status is TaskStatus.UNKNOWN
    assert looked(wrapped("-1", status="SUCCEEDED", output=[URL])).status is TaskStatus.SUCCEEDED


def test_an_operation_whose_filters_left_a_file_has_succeeded() -> None:
    """Veo counts what its filters took, beside what they left."""
    left = {"raiMediaFilteredCount": 1, "generatedSamples": [{"video": {"uri": URL}}]}
    taken = {"raiMediaFilteredCount": 1}
    for response, status in ((left, TaskStatus.SUCCEEDED), (taken, TaskStatus.FAILED)):
        operation = {"name": "operations/x", "done": True, "response": {"generateVideoResponse": response}}
        assert looked(operation).status is status
