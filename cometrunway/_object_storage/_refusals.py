"""Explains the errors of an object storage: what is wrong, and what to do."""

import re

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

_CODE = re.compile(r"<Code>([\w.]+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,200})</Message>")
_DETAILS = "\n\nDebug source"
"""The start of the part of the library's error that is for its developers."""
_OF_CREDENTIALS = ("/latest/api/token", "/latest/meta-data")
"""The paths for a machine's role. They are read if the environment has no credentials."""
_LONGEST = 300
NOT_IMPLEMENTED = "<Code>NotImplemented</Code>"
"""The code of the answer to a request that the storage does not implement."""


def reason(error: Exception, *, bucket: str, endpoint: str | None) -> str:
    """Explain why a request to the storage failed.

    Args:
        error: the library's error.
        bucket: the name of the bucket.
        endpoint: the address of the storage; None for AWS.
    """
    text = str(error).partition(_DETAILS)[0]
    code, message = (found and found[1] for found in (_CODE.search(text), _MESSAGE.search(text)))
    where = endpoint or "AWS (AWS_ENDPOINT_URL names another storage)"
    if any(path in text for path in _OF_CREDENTIALS):
        return "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if code == "NoSuchBucket":
        return f"there is no bucket {bucket!r} at {where}: make it, or correct its name"
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        told = f" ({code}: {message})" if code else ""
        return f"the credentials do not allow it{told}: they need s3:PutObject, s3:GetObject and s3:ListBucket"
    if isinstance(error, TimeoutError):
        return f"there was no answer in time from {where}"
    if code:
        return f"{where} answered {code}: {message}"
    return f"{where} gave no answer of an S3 storage: {' '.join(text.split())[:_LONGEST]}"
