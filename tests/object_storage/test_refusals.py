"""An error of an object storage says what is wrong, and what to do."""

import pytest
from obstore.exceptions import GenericError, PermissionDeniedError, UnauthenticatedError

from cometrunway._object_storage._refusals import reason

HERE = "http://127.0.0.1:9000"


def answered(code: str, message: str = "why") -> str:
    """Return the library's words about an answer of a storage."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"Generic S3 error: Client error with status 400: {body}\n\nDebug source:\nGeneric {{ secret internals }}"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (GenericError(answered("NoSuchBucket")), f"there is no bucket 'clips' at {HERE}: make it, or correct its name"),
        (
            PermissionDeniedError(answered("AccessDenied", "Not yours")),
            "the credentials do not allow it (AccessDenied: Not yours): they need s3:PutObject, s3:GetObject and",
        ),
        (UnauthenticatedError("no words"), "the credentials do not allow it: they need s3:PutObject"),
        (GenericError("error sending PUT http://169.254.169.254/latest/api/token"), "set AWS_ACCESS_KEY_ID and AWS_"),
        (TimeoutError(), f"there was no answer in time from {HERE}"),
        (GenericError(answered("SlowDown", "Later")), f"{HERE} answered SlowDown: Later"),
        (GenericError("connection\n refused"), f"{HERE} gave no answer of an S3 storage: connection refused"),
    ],
)
def test_each_refusal_is_told_with_its_cure(error: Exception, told: str) -> None:
    """On one line, without what is for the library's developers."""
    said = reason(error, bucket="clips", endpoint=HERE)
    assert told in said
    assert "\n" not in said
    assert "internals" not in said


def test_without_an_endpoint_it_is_aws() -> None:
    """Who meant another storage is told the variable."""
    said = reason(GenericError(answered("NoSuchBucket")), bucket="clips", endpoint=None)
    assert "at AWS (AWS_ENDPOINT_URL names another storage): make it" in said


def test_a_page_in_place_of_an_answer_is_cut() -> None:
    """An error is one short line."""
    assert len(reason(GenericError("<html>" * 10_000), bucket="clips", endpoint=HERE)) < 500
