"""The requests of Runway's own routes, the one for any other route, and fields that a class does not know."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from cometrunway import (
    AvatarVideos,
    ImageToVideo,
    RawRequest,
    TextToVideo,
    VideoToVideo,
)
from cometrunway._requests._all_routes import ROUTES
from cometrunway._requests._routes import Request
from tests.samples import CAT, CLIP, WAV


def test_each_route_has_one_request() -> None:
    """By its name."""
    assert all(cls.route == route for route, cls in ROUTES.items())
    assert len(set(ROUTES.values())) == 18


@pytest.mark.parametrize(
    ("cls", "fields", "reason"),
    [
        (RawRequest, {"route": "../tasks", "fields": {}}, "RawRequest.route: must be the path below"),
        (RawRequest, {"route": "/v1/x", "fields": {}}, "RawRequest.route: must be the path below"),
        (RawRequest, {"route": "x", "fields": [1]}, "RawRequest.fields: must be a mapping"),
        (ImageToVideo, {"prompt_image": CAT, "extra": {"promptText": "a"}}, "'promptText' is a field of the request"),
        (ImageToVideo, {"prompt_image": CAT, "extra": 5}, "ImageToVideo.extra: must be a mapping"),
        (VideoToVideo, {"prompt_text": "a"}, "VideoToVideo.video_uri: required"),
        (VideoToVideo, {"video_uri": CLIP, "prompt_video": CLIP, "prompt_text": "a"}, "not both"),
        (VideoToVideo, {"video_uri": CLIP}, "VideoToVideo.prompt_text: required"),
    ],
)
def test_a_wrong_value_is_refused_by_name(cls: type[Any], fields: dict[str, Any], reason: str) -> None:
    """The error names class, field and value."""
    with pytest.raises(ValueError, match=r".") as caught:
        cls(**fields)
    assert reason in str(caught.value)


def test_local_files_are_found_however_deep_they_lie(tmp_path: Path) -> None:
    """In nested values, in lists, in a raw body and in fields that a class does not know."""
    path = tmp_path / "a.wav"
    path.write_bytes(WAV)
    for request in (
        AvatarVideos(avatar="cat-character", speech=path),
        TextToVideo(model="m", reference_audio=[path]),
        RawRequest(route="x", fields={"a": [{"b": path}]}),
        ImageToVideo(prompt_image=CAT, extra={"sound": path}),
    ):
        assert request.local_files == (path,)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ImageToVideo(prompt_image=CAT, extra={"new": [1]}, provider_settings={"shot_type": "customize"}),
        lambda: RawRequest(route="x", fields={"a": {}}),
        lambda: VideoToVideo(video_uri=CLIP, prompt_text="a", keyframes=[{"uri": CAT, "at": 0.5, "range": {"a": 1}}]),
    ],
)
def test_a_request_can_be_compared_and_hashed(make: Callable[[], Request]) -> None:
    """All fields count for equality, and a mapping among them does not keep it out of a set."""
    assert make() == make()
    assert len({make(), make()}) == 1
    assert make() != attrs.evolve(make(), extra={"other": 2})
