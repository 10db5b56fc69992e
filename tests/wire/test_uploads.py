"""Uploads: the announcement is what Runway's own SDK sends, and its answer is read with care."""

import json
from pathlib import Path
from typing import Any

import pytest

from cometrunway import errors
from cometrunway._media._inputs import LocalFile
from cometrunway._wire._http import HttpResponse
from cometrunway._wire._provider import COMETAPI, RUNWAY
from cometrunway._wire._uploads import check_stored, decode_target, upload_name, upload_request
from tests.samples import MP4, PNG, WAV

TARGET = {
    "uploadUrl": "https://bucket.example.com/?sig=secret",
    "fields": {"key": "a/b", "policy": "secret", "size": 7},
    "runwayUri": "runway://abc.def",
}


def response(body: object, status: int = 200) -> HttpResponse:
    """Return an answer whose body is a JSON value."""
    return HttpResponse(status=status, headers={}, body=json.dumps(body).encode())


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("film.mp4", MP4, "film.mp4"),
        ("film.MP4", MP4, "film.MP4"),
        ("film.m4v", MP4, "film.m4v"),
        ("cat.jpeg", b"\xff\xd8\xff\xe0", "cat.jpeg"),
        ("cat", PNG, "cat.png"),
        ("cat.png", MP4, "cat.png.mp4"),
        ("猫.wav", WAV, "猫.wav"),
        ("cat\udcff.png", PNG, "cat?.png"),
    ],
)
def test_a_file_is_uploaded_under_its_name(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    """With the extension of what is in it, for the API may go by that; bytes have no name."""
    path = tmp_path / name
    path.write_bytes(content)
    file = LocalFile.of(path)
    assert upload_name(file) == expected
    assert upload_name(LocalFile.of(content)) == f"upload{file.type.extension}"


def test_an_upload_is_announced_by_its_name() -> None:
    """On the provider's paths."""
    message = upload_request("猫.mp4", RUNWAY)
    assert (message.method, message.path) == ("POST", "/v1/uploads")
    assert json.loads(message.body or b"") == {"filename": "猫.mp4", "type": "ephemeral"}
    assert upload_request("a.mp4", COMETAPI).path == "/runwayml/v1/uploads"


def test_an_answer_says_where_a_file_is_to_be_sent() -> None:
    """Nothing of what grants the upload is shown."""
    target = decode_target(response(TARGET))
    assert (target.url, target.uri) == (TARGET["uploadUrl"], TARGET["runwayUri"])
    assert target.fields == {"key": "a/b", "policy": "secret", "size": "7"}
    assert "secret" not in repr(target)
    assert "abc" not in repr(target)


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"uploadUrl": None}, "an https address to upload to"),
        ({"uploadUrl": "http://bucket.example.com/"}, "an https address to upload to"),
        ({"uploadUrl": "ftp://bucket.example.com/"}, "an https address to upload to"),
        ({"fields": [1]}, "what stands for the upload"),
        ({"runwayUri": ""}, "what stands for the upload"),
        ({"runwayUri": 5}, "what stands for the upload"),
        ({"runwayUri": "runway://a\nb"}, "what stands for the upload"),
    ],
)
def test_an_answer_that_does_not_say_so_is_an_error(change: dict[str, Any], missing: str) -> None:
    """Nothing is sent in the clear, except to this machine."""
    with pytest.raises(errors.ProtocolError, match=missing):
        decode_target(response({**TARGET, **change}))
    assert decode_target(response({**TARGET, "uploadUrl": "http://127.0.0.1:9/"})).url == "http://127.0.0.1:9/"


def test_a_refusal_of_the_announcement_is_the_apis_own() -> None:
    """As of any call."""
    with pytest.raises(errors.RateLimitedError):
        decode_target(response({"error": "too many"}, 429))
    with pytest.raises(errors.ProtocolError):
        decode_target(HttpResponse(status=200, headers={}, body=b"<html>"))


@pytest.mark.parametrize(("status", "retryable"), [(400, False), (403, False), (408, True), (429, True), (503, True)])
def test_what_a_storage_says_of_a_refusal_is_told(*, status: int, retryable: bool) -> None:
    """Its status and its code, and nothing else of the answer, which may repeat what grants the upload."""
    check_stored(HttpResponse(status=204, headers={}, body=b""))
    body = b"<Error><Code>EntityTooLarge</Code><Policy>secret</Policy></Error>"
    with pytest.raises(errors.UploadError) as caught:
        check_stored(HttpResponse(status=status, headers={}, body=body))
    assert str(caught.value) == f"the storage answered HTTP {status} EntityTooLarge"
    assert caught.value.retryable is retryable
