"""Why a task failed, and whether paying again may help."""

from typing import Any

import pytest

from cometrunway._tasks import Failure
from tests.answers import looked


def failed(**members: Any) -> Failure:
    """Return the failure of a task that failed with these members."""
    failure = looked({"task_id": "x", "status": "FAILED", **members}).failure
    assert failure is not None
    return failure


@pytest.mark.parametrize(
    ("code", "retryable", "moderated"),
    [
        ("SAFETY.INPUT.TEXT", False, True),
        ("SAFETY.INPUT.IMAGE", False, True),
        ("SAFETY.OUTPUT.VIDEO", False, True),
        ("INPUT_PREPROCESSING.SAFETY.TEXT", False, True),
        ("INPUT_PREPROCESSING.INTERNAL", True, False),
        ("INTERNAL", True, False),
        ("INTERNAL.UNKNOWN", True, False),
        ("internal.unknown", True, False),
        ("INTERNAL.BAD_OUTPUT.CODE01", False, False),
        ("ASSET.INVALID", False, False),
        ("INTERNALS", False, False),
        ("THIRD_PARTY.NEW", False, False),
    ],
)
def test_the_code_says_whether_to_try_again(code: str, retryable: bool, moderated: bool) -> None:
    """The longest known prefix of the dotted code decides; an unknown code promises nothing."""
    failure = failed(failure="moderated content moderation", failureCode=code)
    assert failure == Failure(
        message="moderated content moderation", code=code, retryable=retryable, moderated=moderated
    )


@pytest.mark.parametrize(
    ("text", "moderated"),
    [
        ("Content moderation", True),
        ("content_moderation triggered", True),
        ("The output was moderated.", True),
        ("Your prompt was flagged by our safety system", True),
        ("rejected by moderation", True),
        ("content moderation service unavailable", False),
        ("moderation timed out", False),
        ("任务超时（5分钟）", False),  # noqa: RUF001  # the gateway's own words
        ("the safety belt could not be rendered", False),
        ("", False),
    ],
)
def test_without_a_code_the_text_must_be_plain(text: str, moderated: bool) -> None:
    """Only a text that speaks of a refusal by moderation makes a failure a moderated one, and none retryable."""
    failure = failed(fail_reason=text)
    assert (failure.moderated, failure.retryable, failure.code) == (moderated, False, None)


@pytest.mark.parametrize(
    "members",
    [
        {"fail_reason": "no luck"},
        {"failure": "no luck"},
        {"msg": " no luck "},
        {"task_status_msg": "no luck"},
        {"failure_reason": "no luck"},
        {"error": {"message": "no luck"}},
        {"fail_reason": "", "data": {"failure": "no luck"}},
        {"fail_reason": "no luck", "data": {"failure": "ignored"}},
        {"failureCode": "no luck"},
    ],
)
def test_the_reason_is_found_in_every_dialect(members: dict[str, Any]) -> None:
    """The outermost text that says why is the message; a lone code says it too."""
    assert failed(**members).message == "no luck"


@pytest.mark.parametrize(("status", "expected"), [("2", "no reason"), ("CANCELLED", "cancelled")])
def test_every_bad_end_has_a_failure(status: str, expected: str) -> None:
    """A task that failed or was cancelled says so even where the server gives no reason."""
    failure = looked({"task_id": "x", "status": status, "msg": None}).failure
    assert failure is not None
    assert expected in failure.message


def test_the_reason_of_an_unfinished_task_is_no_failure() -> None:
    """A text in `fail_reason` does not end a task."""
    assert looked({"task_id": "x", "status": "QUEUED", "fail_reason": "retrying"}).failure is None


def test_a_reason_is_bounded() -> None:
    """A message is at most 2,000 characters long."""
    assert len(failed(failure="x" * 100_000).message) == 2_000


@pytest.mark.parametrize(
    "key",
    [
        *("failReason", "failure", "task_status_msg", "taskError", "failureReason", "failureMessage", "fail_msg"),
        *("rejectReason", "moderation_reason", "blockReason", "error", "errors", "errorMessage", "error_msg", "errmsg"),
        *(
            "error_reason",
            "errorDetail",
            "error_details",
            "errorDescription",
            "error_info",
            "base_resp",
            "statusReason",
        ),
        *("status_message", "statusDetail", "cancelReason", "msg", "reason", "cause", "message", "exception", "detail"),
    ],
)
def test_a_reason_is_read_under_many_names(key: str) -> None:
    """As a text, or as a text within an object; underscores and capitals make no difference."""
    assert failed(**{key: "too dark"}).message == "too dark"
    assert failed(**{key: {"message": "too dark"}}).message == "too dark"
