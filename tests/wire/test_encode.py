"""A request is sent as the documentation shows it, without fields that were not set."""

import json
from pathlib import Path
from typing import Any

import pytest

from cometrunway import (
    CharacterPerformance,
    ImageToVideo,
    ProActOne,
    ProGenerate,
    ProVideoToVideo,
    RawRequest,
    TextToImage,
    VideoToVideo,
    VideoUpscale,
    request_from_dict,
)
from cometrunway._requests._routes import Request
from cometrunway._wire._encode import cancel_request, encode, lacks_callback_url, poll_request, request_type
from cometrunway._wire._provider import COMETAPI, RUNWAY
from cometrunway.errors import CancelNotSupportedError
from tests.samples import PNG

PAYLOADS = Path(__file__).parent.parent / "payloads"
SAMPLES = [
    sample
    for sample in json.loads((PAYLOADS / "index.json").read_text("utf-8"))
    if sample.get("request_file") and sample["path"].startswith(("/runwayml/v1/", "/runway/pro/"))
]
IMAGE = "https://example.com/cat.jpg"
VIDEO = "https://example.com/cat.mp4"
HOOK = "https://example.com/hook"
MINE = "https://me.example/hooks/1"


def body(request: Request) -> Any:
    """Return what the server reads."""
    return json.loads(encode(request).body or b"")


def completed(path: str, said: dict[str, Any]) -> dict[str, Any]:
    """Return a sample with what may be added to it: length and form of the video, which are always sent."""
    if path.endswith("/image_to_video"):
        return {"duration": 5, "ratio": "1280:768", **said}
    if path.endswith("/generate"):
        return {"ratio": "1280:720", **said}
    if path.endswith("/video2video"):
        return {**said, "options": {"seconds": 5, **said["options"]}}
    return said


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["name"])
def test_the_samples_of_the_documentation_go_out_unchanged(sample: dict[str, Any]) -> None:
    """Every member of a sample is sent with its value, and only length and form of the video are added."""
    said = json.loads((PAYLOADS / sample["request_file"]).read_text("utf-8"))
    request = request_from_dict({"route": sample["path"], **said})
    assert encode(request).path == sample["path"]
    assert body(request) == completed(sample["path"], said)


def test_all_routes_have_samples() -> None:
    """No route goes untested."""
    assert len({sample["path"] for sample in SAMPLES}) == 8


@pytest.mark.parametrize(
    ("request_", "path", "expected"),
    [
        (
            ImageToVideo(prompt_image=IMAGE),
            "/runwayml/v1/image_to_video",
            {"promptImage": IMAGE, "model": "gen3a_turbo", "duration": 5, "ratio": "1280:768"},
        ),
        (
            TextToImage(prompt_text="a cat", reference_images=[IMAGE]),
            "/runwayml/v1/text_to_image",
            {
                "promptText": "a cat",
                "referenceImages": [{"uri": IMAGE}],
                "model": "gen4_image",
                "ratio": "1280:720",
            },
        ),
        (
            VideoToVideo(video_uri=VIDEO, prompt_text="a cat", references=[]),
            "/runwayml/v1/video_to_video",
            {"videoUri": VIDEO, "promptText": "a cat", "model": "gen4_aleph", "ratio": "1280:720"},
        ),
        (
            VideoUpscale(video_uri=VIDEO),
            "/runwayml/v1/video_upscale",
            {"videoUri": VIDEO, "model": "upscale_v1"},
        ),
        (
            CharacterPerformance(character="data:image/png;base64,AAAA", reference=VIDEO, body_control=False),
            "/runwayml/v1/character_performance",
            {
                "character": {"type": "image", "uri": "data:image/png;base64,AAAA"},
                "reference": {"type": "video", "uri": VIDEO},
                "model": "act_two",
                "ratio": "1280:720",
                "bodyControl": False,
            },
        ),
        (
            ProGenerate(prompt="a cat", callback_url=HOOK),
            "/runway/pro/generate",
            {
                "prompt": "a cat",
                "callback_url": HOOK,
                "model": "gen4",
                "ratio": "1280:720",
                "options": {"seconds": 5},
            },
        ),
        (
            ProGenerate(prompt="a cat", callback_url=HOOK, image=IMAGE),
            "/runway/pro/generate",
            {"prompt": "a cat", "callback_url": HOOK, "image": IMAGE, "model": "gen4", "ratio": "1280:720"},
        ),
        (
            ProVideoToVideo(video=VIDEO, prompt="a cat", callback_url=HOOK, structure_transformation=0),
            "/runway/pro/video2video",
            {
                "video": VIDEO,
                "prompt": "a cat",
                "callback_url": HOOK,
                "model": "gen4",
                "options": {"seconds": 5, "structure_transformation": 0},
            },
        ),
        (
            ProActOne(video=VIDEO, image=IMAGE, callback_url=HOOK),
            "/runway/pro/act_one",
            {"video": VIDEO, "image": IMAGE, "callback_url": HOOK},
        ),
    ],
)
def test_fields_that_were_not_set_are_not_sent(request_: Request, path: str, expected: dict[str, Any]) -> None:
    """The smallest requests send what is required, length and form of the video, and no null, [] or {}."""
    message = encode(request_)
    assert ("POST", path) == (message.method, message.path)
    assert json.loads(message.body or b"") == expected


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        (ProGenerate(prompt="a cat"), MINE),
        (ProGenerate(prompt="a cat", callback_url=HOOK), HOOK),
        (ProVideoToVideo(video=VIDEO, prompt="a cat"), MINE),
        (ProActOne(video=VIDEO, image=IMAGE), MINE),
        (ImageToVideo(prompt_image=IMAGE), None),
    ],
)
def test_a_callback_url_is_put_in_where_a_route_demands_one(request_: Request, sent: str | None) -> None:
    """The user's own comes first; the official routes know none."""
    assert lacks_callback_url(request_) is (sent == MINE)
    assert json.loads(encode(request_, callback_url=MINE).body or b"").get("callback_url") == sent


def test_without_any_callback_url_the_one_of_the_documentation_is_sent() -> None:
    """The routes refuse to go without (`callback_url_empty`), and the API's own pages send this one."""
    assert body(ProGenerate(prompt="a cat"))["callback_url"] == "https://example.com/webhook"


def test_options_are_nested_on_the_wire() -> None:
    """What is one flat value here has its `options` there."""
    request = ProGenerate(
        prompt="a cat", callback_url=HOOK, image=IMAGE, flip=True, image_as_end_frame=False, motion_vector={"x": 1}
    )
    vector = {"x": 1, "y": 0, "z": 0, "r": 0, "bg_x_pan": 0, "bg_y_pan": 0}
    assert body(request)["options"] == {"motion_vector": vector, "flip": True, "image_as_end_frame": False}
    act_one = ProActOne(video=VIDEO, image=IMAGE, callback_url=HOOK, motion_multiplier=2)
    assert body(act_one)["options"] == {"motion_multiplier": 2}


def test_local_files_become_data_uris(tmp_path: Path) -> None:
    """A path or bytes is sent as a data URI, wherever the wire takes a URL."""
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    uri = body(ImageToVideo(prompt_image=path))["promptImage"]
    assert uri.startswith("data:image/png;base64,iVBORw0KGgo")
    assert body(ImageToVideo(prompt_image=[PNG]))["promptImage"] == [{"uri": uri, "position": "first"}]
    reference = {"uri": uri, "tag": "cat"}
    assert body(TextToImage(prompt_text="a", reference_images=[reference]))["referenceImages"] == [reference]


def test_files_are_read_as_they_are_sent(tmp_path: Path) -> None:
    """What is gone since the request was made is an error that names request and file, and nothing is sent."""
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    request = ImageToVideo(prompt_image=path)
    path.unlink()
    with pytest.raises(ValueError, match=r"ImageToVideo: local file .*cat\.png.* does not exist"):
        encode(request)


def test_text_is_sent_as_utf_8() -> None:
    """No escapes: a prompt in any script is as short as it can be."""
    message = encode(ImageToVideo(prompt_image=IMAGE, prompt_text="猫が😀 “yawns”"))
    assert "猫が😀 “yawns”".encode() in (message.body or b"")


@pytest.mark.parametrize(
    ("task_id", "path"),
    [
        ("d0658ae1-bbdd-4adc-aaba-fd8070e14d79", "d0658ae1-bbdd-4adc-aaba-fd8070e14d79"),
        ("../tasks?x=1#y", "..%2Ftasks%3Fx%3D1%23y"),
        ("猫", "%E7%8C%AB"),
    ],
)
def test_a_task_of_the_official_format_is_looked_at_with_get(task_id: str, path: str) -> None:
    """Ids are opaque: whatever is in them stays in its place of the path."""
    message = poll_request("image_to_video", task_id)
    assert ("GET", f"/runwayml/v1/tasks/{path}", None) == (message.method, message.path, message.body)


def test_a_task_of_the_compatibility_format_is_looked_at_through_the_feed() -> None:
    """The id is in the body."""
    message = poll_request("pro_generate", "196642a0")
    assert (message.method, message.path) == ("POST", "/runway/feed")
    assert json.loads(message.body or b"") == {"task_id": "196642a0"}


@pytest.mark.parametrize("route", ["image_to_video", "pro_act_one"])
@pytest.mark.parametrize("task_id", ["", ".", "..", "\ud800", "a\nb"])
def test_what_is_no_id_is_not_asked_for(route: str, task_id: str) -> None:
    """An id that would change the path's meaning, or cannot be sent, is refused."""
    with pytest.raises(ValueError, match="task_id: "):
        poll_request(route, task_id)


def test_an_unknown_route_has_no_requests() -> None:
    """The nearest known route is suggested."""
    with pytest.raises(ValueError, match="did you mean video_upscale"):
        request_type("video_upscaler")


def test_a_providers_paths_are_its_own() -> None:
    """The same request and the same poll go to each provider's own paths."""
    request = ImageToVideo(prompt_image="https://example.com/cat.jpg")
    assert encode(request).path == "/runwayml/v1/image_to_video"
    assert encode(request, RUNWAY).path == "/v1/image_to_video"
    assert encode(request, RUNWAY).body == encode(request).body
    assert poll_request("image_to_video", "t1", RUNWAY).path == "/v1/tasks/t1"


def test_fields_that_a_class_does_not_know_are_sent_as_they_are() -> None:
    """Beside those that it knows, spelled as given; a raw body is nothing but what is given."""
    fields: dict[str, Any] = {"newField": {"some_name": 1}, "other": [None, {}]}
    sent = json.loads(encode(ImageToVideo(prompt_image=IMAGE, extra=fields)).body or b"")
    assert sent == {**json.loads(encode(ImageToVideo(prompt_image=IMAGE)).body or b""), **fields}
    raw = encode(RawRequest(route="workflows/7f1c", fields=fields), RUNWAY)
    assert (raw.path, json.loads(raw.body or b"")) == ("/v1/workflows/7f1c", fields)
    assert encode(RawRequest(route="pro_new", fields={"file": PNG})).path == "/runway/pro/new"
    assert b'"file":"data:image/png;base64,' in (encode(RawRequest(route="pro_new", fields={"file": PNG})).body or b"")


def test_a_task_is_cancelled_where_the_provider_can() -> None:
    """By its id, as one segment of the path; elsewhere the error says that the task goes on, and which."""
    request = cancel_request("image_to_video", "a/b", RUNWAY)
    assert (request.method, request.path, request.body) == ("DELETE", f"{RUNWAY.prefix}/tasks/a%2Fb", None)
    with pytest.raises(CancelNotSupportedError, match=r"cometapi has no request to cancel .* is billed") as caught:
        cancel_request("image_to_video", "t", COMETAPI)
    assert (caught.value.route, caught.value.task_id) == ("image_to_video", "t")
