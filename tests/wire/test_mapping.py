"""JSON becomes a request, or a ValueError that says what is wrong with it; nothing else."""

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from cometrunway._wire._encode import encode
from cometrunway._wire._identity import describe
from cometrunway._wire._mapping import request_again
from tests.samples import MP4, PNG, WAV

IMAGE = "https://example.com/cat.jpg"
VIDEO = "https://example.com/cat.mp4"
HOOK = "https://example.com/webhook"
CLASSES = (
    ImageToVideo,
    TextToImage,
    VideoToVideo,
    VideoUpscale,
    CharacterPerformance,
    ProGenerate,
    ProVideoToVideo,
    ProActOne,
)
FIELDS = {cls.route: frozenset(field.name for field in attrs.fields(cls)) for cls in CLASSES}


def refusal(mapping: Any, base_dir: Path | None = None) -> str:
    """Return the message with which the mapping is refused."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the caller reads the message
        request_from_dict(mapping, base_dir=base_dir)
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("image_to_video", "/runwayml/v1/image_to_video"),
        ("text_to_image", "/runwayml/v1/text_to_image"),
        ("video_to_video", "/runwayml/v1/video_to_video"),
        ("video_upscale", "/runwayml/v1/video_upscale"),
        ("character_performance", "/runwayml/v1/character_performance"),
        ("pro_generate", "/runway/pro/generate"),
        ("pro_video2video", "/runway/pro/video2video"),
        ("pro_video_to_video", "/runway/pro/video2video"),
        ("pro_act_one", "/runway/pro/act_one"),
    ],
)
def test_a_route_is_named_as_here_or_as_in_the_documentation(name: str, path: str) -> None:
    """The route's name and the URL's path mean the same."""
    said = {
        "prompt_image": IMAGE,
        "prompt_text": "a cat",
        "reference_images": [IMAGE],
        "video_uri": VIDEO,
        "character": {"type": "image", "uri": IMAGE},
        "reference": VIDEO,
        "prompt": "a cat",
        "video": VIDEO,
        "image": IMAGE,
        "callback_url": HOOK,
    }
    route = "pro_video2video" if name == "pro_video_to_video" else name
    fields = {field: value for field, value in said.items() if field in FIELDS[route]}
    request = request_from_dict({"route": name, **fields})
    assert request.route == route
    assert request == request_from_dict({"route": path, **fields})
    assert encode(request).path == path


def test_both_spellings_mean_the_same() -> None:
    """Fields are named in snake_case or as on the wire, also inside of others."""
    wire = {"promptImage": IMAGE, "promptText": "a", "contentModeration": {"publicFigureThreshold": "low"}}
    ours = {"prompt_image": IMAGE, "prompt_text": "a", "content_moderation": {"public_figure_threshold": "low"}}
    assert request_from_dict({"route": "image_to_video", **wire}) == request_from_dict(
        {"route": "image_to_video", **ours}
    )


def test_options_may_be_nested_or_flat() -> None:
    """The compatibility format's `options` mean the same as fields of their own."""
    fields = {"route": "pro_generate", "prompt": "a", "callback_url": HOOK}
    vector = {"x": 0, "y": 0.4, "bg_x_pan": 1}
    nested = request_from_dict({**fields, "options": {"seconds": 10, "motion_vector": vector}})
    assert nested == request_from_dict({**fields, "seconds": 10, "motion_vector": vector})


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ([], "must be an object"),
        ({}, "route: must name a route, got None; known are image_to_video,"),
        ({"route": ["image_to_video"]}, "route: must name a route"),
        ({"route": "image2video"}, "did you mean image_to_video?"),
        ({"route": "/runway/pro/genrate"}, "did you mean /runway/pro/generate?"),
        ({"route": "image_to_video"}, "ImageToVideo.prompt_image: required"),
        ({"route": "pro_act_one", "video": VIDEO}, "ProActOne.image: required"),
        (
            {"route": "image_to_video", "promtText": "a"},
            "ImageToVideo: unknown field 'promtText'; did you mean prompt_text?",
        ),
        ({"route": "image_to_video", "key": "a"}, "ImageToVideo: unknown field 'key'; known are prompt_image, "),
        ({"route": "image_to_video", 5: "a"}, "ImageToVideo: unknown field 5"),
        ({"route": "image_to_video", "promptText": "a", "prompt_text": "a"}, "prompt_text: given twice"),
        ({"route": "image_to_video", "options": {"seconds": 5}}, "ImageToVideo: unknown field 'options'"),
        ({"route": "pro_generate", "options": 5}, "options: must be an object, got 5"),
        (
            {"route": "pro_generate", "options": {"second": 5}},
            "options: unknown option 'second'; did you mean seconds?",
        ),
        ({"route": "pro_generate", "options": {"prompt": "a"}}, "options: unknown option 'prompt'"),
        ({"route": "pro_generate", "options": {"flip": True}, "flip": True}, "options.flip: given twice"),
        ({"route": "pro_act_one", "options": {"seconds": 5}}, "ProActOne: unknown field 'seconds'"),
        ({"route": "pro_generate", "options": {"motionVector": {}, "motion_vector": {}}}, "motion_vector: given twice"),
        ({"route": "video_upscale", "video_uri": "cat.mp4"}, "pathlib.Path('cat.mp4')"),
    ],
)
def test_what_is_no_request_is_refused_with_the_cure(mapping: Any, message: str) -> None:
    """Unknown, missing and doubled names are found, and the nearest known one is suggested."""
    assert message in refusal(mapping)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration", "5"),
        ("duration", True),
        ("duration", 5.5),
        ("duration", float("inf")),
        ("seed", "NaN"),
        ("watermark", "false"),
        ("watermark", 0),
        ("watermark", 1.0),
        ("prompt_text", ["a"]),
        ("model", {}),
        ("ratio", 16),
        ("prompt_image", {"url": IMAGE}),
        ("prompt_image", {"uri": {"uri": IMAGE}}),
        ("content_moderation", "auto"),
    ],
)
def test_a_wrong_json_type_is_not_guessed_at(field: str, value: object) -> None:
    """No string becomes a number, no word a truth value, no string a list of characters."""
    assert f"ImageToVideo.{field}" in refusal({"route": "image_to_video", "prompt_image": IMAGE, field: value})


def test_an_image_to_end_with_stays_one() -> None:
    """A missing first image moves no other into its place."""
    for images in ([None, IMAGE], [None, {"uri": IMAGE}], [float("nan"), {"uri": IMAGE, "position": None}]):
        request = request_from_dict({"route": "image_to_video", "prompt_image": images})
        assert request == ImageToVideo(prompt_image=[{"uri": IMAGE, "position": "last"}])
    request = request_from_dict({"route": "image_to_video", "prompt_image": [IMAGE, None]})
    assert request == ImageToVideo(prompt_image=[{"uri": IMAGE, "position": "first"}])


@pytest.mark.parametrize(
    "fields",
    [
        {"route": "image_to_video", "promptImage": "cat.png"},
        {"route": "image_to_video", "prompt_image": ["cat.png", IMAGE]},
        {"route": "text_to_image", "promptText": "a", "referenceImages": [{"uri": "cat.png", "tag": "cat"}]},
        {"route": "video_to_video", "video_uri": VIDEO, "prompt_text": "a", "references": ["cat.png"]},
        {"route": "video_upscale", "videoUri": "cat.mp4"},
        {"route": "character_performance", "character": {"uri": "cat.png"}, "reference": "cat.mp4"},
        {"route": "pro_generate", "prompt": "a", "callback_url": HOOK, "image": IMAGE, "last_image": "cat.png"},
        {"route": "pro_video2video", "prompt": "a", "callback_url": HOOK, "video": "cat.mp4"},
        {"route": "pro_act_one", "callback_url": HOOK, "video": "cat.mp4", "image": "./cat.png"},
    ],
)
def test_a_batch_file_names_files_beside_itself(fields: dict[str, Any], tmp_path: Path) -> None:
    """With a base directory, what has no scheme is a file in it; without one it is an error."""
    (tmp_path / "cat.png").write_bytes(PNG)
    (tmp_path / "cat.mp4").write_bytes(MP4)
    request = request_from_dict(fields, base_dir=tmp_path)
    assert request.local_files
    assert all(isinstance(file, Path) and file.parent == tmp_path for file in request.local_files)
    assert "is not a URL" in refusal(fields)


def test_an_absolute_file_stays_where_it_is(tmp_path: Path) -> None:
    """The base directory is only for relative names; a missing file is named in full."""
    (tmp_path / "cat.png").write_bytes(PNG)
    fields = {"route": "image_to_video", "prompt_image": str(tmp_path / "cat.png")}
    assert request_from_dict(fields, base_dir=Path("/elsewhere")).local_files == (tmp_path / "cat.png",)
    with pytest.raises(ValueError, match=r"/elsewhere/dog\.png'\) does not exist"):
        request_from_dict(fields | {"prompt_image": "dog.png"}, base_dir=Path("/elsewhere"))


def test_a_tilde_in_a_batch_file_is_a_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local file may be named from the home folder, wherever the batch file is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "cat.png").write_bytes(PNG)
    fields = {"route": "image_to_video", "prompt_image": "~/cat.png"}
    assert request_from_dict(fields, base_dir=Path("/elsewhere")).local_files == (tmp_path / "cat.png",)
    assert request_from_dict(fields | {"prompt_image": "cat.png"}, base_dir=Path("~")).local_files == (
        tmp_path / "cat.png",
    )
    assert "/elsewhere/~cat.png" in refusal(fields | {"prompt_image": "./~cat.png"}, base_dir=Path("/elsewhere"))
    assert "no home folder is known for '~cat.png'" in refusal(
        fields | {"prompt_image": "~cat.png"}, base_dir=Path("/elsewhere")
    )


@pytest.mark.parametrize("field", ["prompt_image", "content_moderation", "model", "route"])
def test_deep_nesting_is_refused_like_any_wrong_value(field: str) -> None:
    """However deep JSON goes, it is a `ValueError` that is short."""
    deep = json.loads('{"uri":[' * 300 + "]}" * 300)
    assert len(refusal({"route": "image_to_video", "prompt_image": IMAGE, field: deep})) < 500


def test_the_mapping_is_left_alone() -> None:
    """What was given can be given again."""
    mapping = {"route": "pro_generate", "prompt": "a", "callback_url": HOOK, "options": {"seconds": 5}}
    before = json.dumps(mapping)
    assert request_from_dict(mapping) == request_from_dict(mapping)
    assert json.dumps(mapping) == before


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([IMAGE, "data:,", "5"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["uri", "type", "position", "tag", "x", "seconds"]) | st.text(), inner, max_size=4
        )
    ),
    max_leaves=12,
)
ROUTES = st.sampled_from([cls.route for cls in CLASSES])
ANY_OBJECT = st.dictionaries(st.text(), VALUES) | st.fixed_dictionaries(
    {"route": ROUTES}, optional=dict.fromkeys(frozenset[str]().union(*FIELDS.values()) | {"options"}, VALUES)
)


@settings(deadline=None)
@given(ANY_OBJECT)
def test_any_json_object_is_a_request_or_a_value_error(mapping: dict[str, Any]) -> None:
    """Nothing but a `ValueError` ever comes out of wrong input, and whatever is a request can be sent."""
    try:
        request = request_from_dict(mapping)
    except ValueError as error:
        assert len(str(error)) < 1_000  # noqa: PT017 - whether it raises is Hypothesis' choice
    else:
        assert isinstance(request, Request)
        assert json.loads(encode(request).body or b"")


@st.composite
def spoiled_requests(draw: st.DrawFn) -> dict[str, Any]:
    """Return a request that was right before one of its fields was replaced."""
    fields: dict[str, Any] = {
        "route": "image_to_video",
        "prompt_image": IMAGE,
        "prompt_text": "a",
        "seed": 1,
        "ratio": "1280:720",
        "duration": 5,
        "watermark": False,
        "content_moderation": {"public_figure_threshold": "low"},
    }
    return fields | {draw(st.sampled_from(sorted(fields))): draw(VALUES)}


@settings(deadline=None)
@given(spoiled_requests())
def test_one_wrong_field_is_found(mapping: dict[str, Any]) -> None:
    """A request with one arbitrary value is refused by that field, or keeps the value as it was given."""
    try:
        request = request_from_dict(mapping)
    except ValueError:
        return
    said = json.loads(encode(request).body or b"")
    text = mapping["prompt_text"]
    assert said.get("promptText") == (None if text != text else text)  # NaN is not given  # noqa: PLR0124
    assert type(said["duration"]) is int
    assert said.get("watermark") in (None, True, False)
    assert None not in said.values()


def test_any_route_is_named_by_its_fields() -> None:
    """A mapping with `fields` is a raw request, whatever its route; so is its description from a journal."""
    raw = RawRequest(route="workflows/7f1c", fields={"model": "new", "nodes": [{"a": None, "b": 1.5}]})
    assert request_from_dict({"route": "workflows/7f1c", "fields": raw.fields}) == raw
    assert request_again(describe(raw, provider="runway")) == raw
    assert raw.model == "new"


def test_a_batch_file_names_the_files_of_nested_values(tmp_path: Path) -> None:
    """A recording in a voice or a speech is a path; a bare voice is a name, and a bare speech a text."""
    (tmp_path / "a.wav").write_bytes(WAV)
    voice = {"type": "reference-audio", "audioUri": "a.wav"}
    spoken = request_from_dict({"route": "text_to_speech", "prompt_text": "a", "voice": voice}, base_dir=tmp_path)
    assert spoken.local_files == (tmp_path / "a.wav",)
    named = request_from_dict({"route": "text_to_speech", "prompt_text": "a", "voice": "Maya"}, base_dir=tmp_path)
    assert named.local_files == ()
    isolated = request_from_dict({"route": "voice_isolation", "audio_uri": "a.wav"}, base_dir=tmp_path)
    assert isolated.local_files == (tmp_path / "a.wav",)
