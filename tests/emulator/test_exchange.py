"""Requests and answers, independent of any HTTP library."""

import hashlib
import json

import pytest

from cometrunway.emulator._exchange import Received, digest_of, json_answer


def received(body: bytes) -> Received:
    """Return a request with this body."""
    return Received(method="POST", path="/runwayml/v1/image_to_video", body=body)


def test_equal_bodies_have_one_digest() -> None:
    """However their JSON is written: a body that was billed twice is found by it."""
    one, other = received(b'{"a": 1, "b": "\\u732b"}'), received('{"b":"猫",\n"a":1}'.encode())
    assert one.digest == other.digest == digest_of({"a": 1, "b": "猫"})
    assert received(b'{"a": 2, "b": 1}').digest != received(b'{"a": 1, "b": 2}').digest


@pytest.mark.parametrize("body", [b"", b"\xff{", b"<html>", b"[" * 100_000, b"null"])
def test_a_body_that_is_no_json_is_nothing(body: bytes) -> None:
    """Its digest is that of its bytes."""
    assert received(body).json is None
    assert received(body).digest == hashlib.sha256(body).hexdigest()


def test_any_text_can_be_answered() -> None:
    """Also half of a surrogate pair, which a client may have sent and UTF-8 does not have."""
    answer = json_answer({"prompt": "猫\ud83d"})
    assert "猫".encode() in answer.body
    assert json.loads(answer.body) == {"prompt": "猫\ud83d"}
