"""The requests of Runway's own routes, the one for any other route, and fields that a class does not know."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from cometrunway import (
    Avatar,
    AvatarVideos,
    ImageToVideo,
    Keyframe,
    RawRequest,
    SoundEffect,
    Speech,
    SpeechToSpeech,
    TextToSpeech,
    TextToVideo,
    VideoToVideo,
    Voice,
    VoiceIsolation,
)
from cometrunway._requests._all_routes import ROUTES
from cometrunway._requests._routes import Request
from tests.samples import CAT, CLIP, MP4, PNG, WAV

SONG = "https://example.com/song.mp3"


def test_each_route_has_one_request() -> None:
    """By its name."""
    assert all(cls.route == route for route, cls in ROUTES.items())
    assert len(set(ROUTES.values())) == 18


def test_short_forms_stand_for_values() -> None:
    """A name is that of Runway's own, a local sound is a recording, a text is spoken."""
    assert TextToSpeech(prompt_text="a", voice="Maya").voice == Voice(type="runway-preset", preset_id="Maya")
    assert TextToSpeech(prompt_text="a", voice=WAV).voice == Voice(type="reference-audio", audio_uri=WAV)
    said = AvatarVideos(avatar="cooking-teacher", speech="hello")
    assert said.avatar == Avatar(type="runway-preset", preset_id="cooking-teacher")
    assert said.speech == Speech(type="text", text="hello")
    assert AvatarVideos(avatar={"type": "custom", "avatarId": "a1"}, speech=WAV).speech == Speech(
        type="audio", audio=WAV
    )
    assert SpeechToSpeech(media=MP4, voice="Maya").media.type == "video"
    assert SpeechToSpeech(media=WAV, voice="Maya").media.type == "audio"
    assert SoundEffect(prompt_text="a", reference_audios=SONG).reference_audios == (SONG,)
    assert (
        TextToVideo(model="m", references=CAT).references
        == TextToVideo(model="m", references=[{"uri": CAT}]).references
    )


@pytest.mark.parametrize(
    ("cls", "fields", "reason"),
    [
        (RawRequest, {"route": "../tasks", "fields": {}}, "RawRequest.route: must be the path below"),
        (RawRequest, {"route": "/v1/x", "fields": {}}, "RawRequest.route: must be the path below"),
        (RawRequest, {"route": "x", "fields": [1]}, "RawRequest.fields: must be a mapping"),
        (ImageToVideo, {"prompt_image": CAT, "extra": {"promptText": "a"}}, "'promptText' is a field of the request"),
        (ImageToVideo, {"prompt_image": CAT, "extra": 5}, "ImageToVideo.extra: must be a mapping"),
        (
            VoiceIsolation,
            {"audio_uri": PNG},
            "VoiceIsolation.audio_uri: must be of kind audio, but this is of kind image",
        ),
        (SpeechToSpeech, {"media": SONG, "voice": "Maya"}, "a URL shows no type"),
        (TextToVideo, {"model": "veo3.1", "prompt_text": "a" * 1001}, "at most 1000 UTF-16 units, got 1001"),
        (TextToVideo, {"model": "seedance2", "prompt_text": "a" * 3501}, "at most 3500 UTF-16 units, got 3501"),
        (TextToVideo, {"model": "veo3.1", "prompt_text": " "}, "must not be empty"),
        (TextToVideo, {"model": "veo3.1", "duration": "long"}, "TextToVideo.duration: must be a whole number"),
        (VideoToVideo, {"prompt_text": "a"}, "VideoToVideo.video_uri: required"),
        (VideoToVideo, {"video_uri": CLIP, "prompt_video": CLIP, "prompt_text": "a"}, "not both"),
        (VideoToVideo, {"video_uri": CLIP}, "VideoToVideo.prompt_text: required"),
        (Keyframe, {"uri": CAT}, "either as seconds or as at"),
        (SoundEffect, {"prompt_text": "a", "reference_audios": [CAT, PNG]}, "must be of kind audio"),
    ],
)
def test_a_wrong_value_is_refused_by_name(cls: type[Any], fields: dict[str, Any], reason: str) -> None:
    """The error names class, field and value."""
    with pytest.raises(ValueError, match=r".") as caught:
        cls(**fields)
    assert reason in str(caught.value)


def test_an_unknown_model_has_no_known_limit() -> None:
    """Its prompt may be of any length: the API judges."""
    assert TextToVideo(model="new", prompt_text="a" * 9999).duration is None


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
