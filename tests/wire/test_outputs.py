"""Outputs are found where the documentation puts them."""

from typing import Any

import pytest

from cometrunway._tasks import TaskStatus
from cometrunway._wire._outputs import is_url
from tests.answers import looked

A, B, C = (f"https://example.com/{name}.mp4?_jwt=e.{name}" for name in "abc")


def succeeded(**members: Any) -> tuple[str, ...]:
    """Return the outputs of a task that succeeded with these members."""
    return looked({"task_id": "x", "status": "SUCCESS", **members}).outputs


@pytest.mark.parametrize(
    "members",
    [
        {"output": [A]},
        {"output": A},
        {"output": {"url": A}},
        {"output": [{"url": A}]},
        {"output": [f" {A}\n", A, None, 5, "", "data:text/html;base64,AAAA", "ftp://example.com/a"]},
        {"output": [], "result_url": A},
        {"output": None, "data": {"output": [A]}},
        {"data": {"data": {"data": {"output": [A]}}}},
        {"result_url": A, "fail_reason": B},
        {"data": {"output": [A]}, "result_url": B},
        {"video_url": A, "raw_video_url": B},
        {"video_url": "", "raw_video_url": A},
        {"video": {"url": A, "download_url": B, "thumbnail": C}, "video_raw": {"url": C}},
        {"video": {"download_url": A}, "video_raw": {"url": B}},
        {"video": None, "video_raw": {"url": A}},
        {"task_result": {"videos": [{"id": "1", "url": A, "duration": "5"}]}},
        {"task_result": {"images": [{"index": 0, "url": A}]}},
        {"fail_reason": A},
        {"data": {"task_id": "y", "status": "SUCCESS", "fail_reason": A}},
    ],
)
def test_an_output_is_found_in_its_place(members: dict[str, Any]) -> None:
    """The first place that names a URL wins, in the order of the documentation."""
    assert succeeded(**members) == (A,)


def test_outputs_keep_their_order_once_each() -> None:
    """The server's order is kept, and a repetition is none."""
    assert succeeded(output=[B, A, B, C]) == (B, A, C)


@pytest.mark.parametrize("key", ["poster", "last_frame", "thumbnail", "image", "video", "last_image", "prompt", "msg"])
def test_an_echo_of_the_request_is_no_output(key: str) -> None:
    """The input's URL, a poster or a last frame is not what was paid for."""
    assert succeeded(**{key: A}) == ()


@pytest.mark.parametrize("status", ["FAILURE", "IN_PROGRESS", "CANCELLED", "UNKNOWN", None])
def test_only_a_success_has_outputs(status: object) -> None:
    """The gateway keeps a result in `fail_reason` on success only; before and after a failure it is a complaint."""
    assert looked({"task_id": "x", "status": status, "fail_reason": A, "output": [A]}).outputs == ()


def test_a_success_without_outputs_is_a_success() -> None:
    """The decoder does not judge: that nothing was made is for the session to say."""
    task = looked({"task_id": "x", "status": "SUCCESS", "fail_reason": "all is well"})
    assert (task.status, task.outputs, task.failure) == (TaskStatus.SUCCEEDED, (), None)


@pytest.mark.parametrize(
    "text",
    [
        *("", "https://", "HTTPS", "/example.com/a", "javascript:x", "https://[::1", "https://a:99999/b"),
        *("https://exa mple.com/a", "file:///etc/passwd", "data:video/mp4;base64,AAAA"),
    ],
)
def test_what_cannot_be_fetched_is_no_url(text: str) -> None:
    """A URL has http or https and a host."""
    assert not is_url(text)


@pytest.mark.parametrize("extension", ["avif", "bmp", "gif", "heic", "jpeg", "jpg", "png", "svg", "tiff", "webp"])
def test_a_cover_beside_a_video_is_no_output(extension: str) -> None:
    """Whatever its format; alone it is one."""
    cover = f"https://example.com/cover.{extension}?_jwt=e"
    assert succeeded(output=[cover, A]) == (A,)
    assert succeeded(output=[cover]) == (cover,)


def test_the_answer_is_kept_as_it_came() -> None:
    """Also what nothing here reads."""
    body = {"task_id": "x", "status": "SUCCESS", "output": [A], "credits": 25}
    assert looked(body).raw == body


@pytest.mark.parametrize("extension", ["asp", "css", "html", "js", "json", "m3u8", "php", "srt", "txt", "vtt", "xml"])
def test_a_page_beside_the_documented_places_is_no_file(extension: str) -> None:
    """What is found only by the name of its key is a file by its name, too."""
    assert succeeded(made={"video_link": f"https://example.com/a.{extension}"}) == ()
    assert succeeded(made={"video_link": "https://example.com/a.mp4"}) == ("https://example.com/a.mp4",)
