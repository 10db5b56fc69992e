"""The search of an answer for files: what was made is found, and nothing beside it is taken."""

import json
from typing import Any

import pytest

from cometrunway import TextToImage
from tests.wire.test_decode_gateways import INPUT, STILL, A, B, polled

PICTURE = TextToImage(prompt_text="a cat", reference_images=[INPUT])


@pytest.mark.parametrize(
    "members",
    [
        {"result": {"files": [{"href": A}, {"href": B}]}},
        {"resultJson": json.dumps({"resultUrls": [A, B, A]})},
        {"videos": {"front": A, "back": B}},
        {"result": {"video1": A, "video2": B}},
        {"video_urls": f"{A}, {B}"},
        {"assets": [A, "not a url", None, {"url": B}]},
    ],
)
def test_several_files_keep_their_order(members: dict[str, Any]) -> None:
    """All files are taken, each once, in the order of the answer."""
    assert polled({"status": "SUCCEEDED", **members}).outputs == (A, B)


@pytest.mark.parametrize(
    "members",
    [
        {"promptImage": INPUT},
        {"result": {"image": INPUT, "files": [INPUT]}},
        {"output": [INPUT]},
        {"image": STILL},
        {"metadata": {"image_url": STILL}},
        {"poster": A},
        {"result": {"cover_url": A, "thumbnailUrl": A, "preview": A, "last_frame": A, "first_frame_url": A}},
        {"result": {"avatar": A, "user": {"url": A}}},
        {"request": {"video": A}},
        {"input": {"video_url": A}, "parameters": {"result": A}},
        {"detail_page": "https://example.com/works/1", "link": "https://example.com/show?id=1"},
        {"result": {"page": "https://example.com/works/1.html"}},
        {"urls": {"get": "https://api.example.com/v1/tasks/1", "cancel": "https://api.example.com/v1/tasks/1/cancel"}},
        {"status_url": "https://api.example.com/s", "response_url": "https://api.example.com/r"},
        {"callback_url": "https://me.example.com/hook", "webhook": {"url": "https://me.example.com/hook"}},
        {"support": "https://help.example.com", "docs": {"url": "https://docs.example.com/x.mp4"}},
        {"error": {"url": "https://errors.example.com/1"}},
        {"result": {"url": "ftp://example.com/a.mp4"}},
        {"result": {"url": "javascript:alert(1)"}},
        {"logs": f"loading {B}"},
        {"result": {"text": "data:text/html;base64,PGI+"}},
    ],
)
def test_what_is_no_output_is_not_taken(members: dict[str, Any]) -> None:
    """Inputs, posters, previews, frames, pages and the API's own addresses are nothing that was paid for."""
    assert polled({"status": "SUCCEEDED", **members}).outputs == ()


@pytest.mark.parametrize(
    ("members", "outputs"),
    [
        ({"result": {"files": [A]}}, (A,)),
        ({"videoInfo": {"videoUrl": A}}, (A,)),
        ({"assets": {"video": A}}, (A,)),
        ({"metadata": {"url": A}}, ()),
        ({"video": A}, ()),
        ({"image_url": STILL}, ()),
        ({"url": A}, ()),
    ],
)
def test_of_an_attached_task_only_output_like_keys_count(members: dict[str, Any], outputs: tuple[str, ...]) -> None:
    """If it is not known what was sent, any other URL may be an echo of it."""
    assert polled({"status": "SUCCEEDED", **members}, asked=None).outputs == outputs


def test_a_picture_is_an_output_where_pictures_are_made() -> None:
    """The route says whether a picture is the work or its cover."""
    body = {"status": "SUCCEEDED", "data": {"image": STILL}}
    assert polled(body, asked=PICTURE, makes="image").outputs == (STILL,)
    assert polled(body).outputs == ()


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://cdn.example.com/my video.mp4?sig=a%2Bb", "https://cdn.example.com/my%20video.mp4?sig=a%2Bb"),
        ("//cdn.example.com/v.mp4", "https://cdn.example.com/v.mp4"),
        (" https://cdn.example.com/猫.mp4\n", "https://cdn.example.com/%E7%8C%AB.mp4"),
    ],
)
@pytest.mark.parametrize("key", ["output", "somewhere_url"])
def test_a_url_is_taken_as_a_browser_would(key: str, url: str, taken: str) -> None:
    """Blanks, other alphabets and a scheme that is left out are mended; the signature stays."""
    assert polled({"status": "SUCCEEDED", key: [url]}).outputs == (taken,)


def test_a_huge_answer_is_searched_within_bounds() -> None:
    """At most 20,000 values are visited: what stands behind them is not found, and what is documented always is."""
    filler = [{"n": number} for number in range(30_000)]
    assert polled({"status": "SUCCEEDED", "filler": filler, "result": {"files": [A]}}).outputs == ()
    assert polled({"status": "SUCCEEDED", "filler": filler, "output": [A]}).outputs == (A,)
    assert polled({"status": "SUCCEEDED", "result": {"files": [A]}, "filler": filler}).outputs == (A,)
