"""What was sent for a task is known again in an answer, and is no output."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from cometrunway import ImageToVideo, TextToImage
from cometrunway._wire._identity import describe
from cometrunway._wire._sent import Sent
from tests.samples import MP4, PNG
from tests.wire.test_decode_gateways import INPUT, REQUEST, A, polled


def data_url(content: bytes, media_type: str = "video/mp4") -> str:
    """Return a file as a data URL."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


@pytest.mark.parametrize("asked", [REQUEST, describe(REQUEST)], ids=["request", "description"])
def test_a_url_is_known_as_it_was_and_without_its_query(asked: Any) -> None:
    """Also by its digest alone, as a journal has it; another query is another file."""
    sent = Sent(asked, "video")
    assert sent.has(INPUT)
    assert not sent.has(f"{INPUT}2")
    assert not sent.has(A)
    assert Sent(REQUEST, "video").has(INPUT.partition("?")[0])


def test_a_url_is_known_in_the_form_in_which_it_is_taken_from_an_answer() -> None:
    """With what is of another alphabet percent-encoded."""
    sent = Sent(ImageToVideo(prompt_image="https://in.example.com/猫.png"), "video")
    assert sent.has("https://in.example.com/%E7%8C%AB.png")


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    """As a path, as bytes or in a data URL, however deep; one that was moved away is not known."""
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    echo = data_url(PNG, "image/png")
    for image in (path, PNG, echo):
        assert Sent(TextToImage(prompt_text="a", reference_images=[A, {"uri": image}]), "image").has(echo)
    asked = ImageToVideo(prompt_image=path)
    path.unlink()
    assert not Sent(asked, "video").has(echo)


@frozen
class Asked:
    """A request with a local video."""

    video_uri: Path | bytes


def test_an_echo_is_known_by_the_digest_in_a_journal() -> None:
    """A task that is resumed is read as when it was new: a journal has a digest of each signed URL."""
    body = {"status": "SUCCEEDED", "metadata": {"url": A}, "sent": {"file_url": INPUT}}
    assert polled(body, asked=describe(REQUEST)).outputs == (A,)


def test_a_file_that_was_sent_is_no_output(tmp_path: Path) -> None:
    """A local file is known in an answer by its content, as in a journal; a URL also without its query."""
    source, made = tmp_path / "a.mp4", base64.b64encode(MP4 + b"made").decode()
    source.write_bytes(MP4)
    body = {"status": "SUCCEEDED", "video": [f"data:video/mp4;base64,{base64.b64encode(MP4).decode()}"]}
    body["result"] = [f"data:video/mp4;base64,{made}"]
    for asked in (Asked(source), Asked(MP4), {"video_uri": {"sha256": hashlib.sha256(MP4).hexdigest()}}):
        assert polled(body, asked=asked).outputs == (f"data:video/mp4;base64,{made}",)
    assert polled({"status": "SUCCEEDED", "result": {"files": [INPUT.partition("?")[0], A]}}).outputs == (A,)


def test_a_data_url_without_a_file_is_known_as_it_was() -> None:
    """Its content cannot be compared."""
    broken = "data:image/png;base64,@"
    assert Sent({"prompt_image": broken}, "image").has(broken)
    assert not Sent({"prompt_image": broken}, "image").has(f"{broken}@")
