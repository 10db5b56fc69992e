"""The small values inside requests, and the shorter forms that stand for them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cometrunway import (
    Avatar,
    AvatarVideos,
    CharacterPerformance,
    ContentModeration,
    ImageToVideo,
    Keyframe,
    MediaReference,
    MotionVector,
    ProGenerate,
    PromptImage,
    ReferenceImage,
    SoundEffect,
    Speech,
    SpeechToSpeech,
    TextToImage,
    TextToSpeech,
    TextToVideo,
    VideoToVideo,
    Voice,
)
from tests.requests.test_routes import HOOK, IMAGE, VIDEO, refusal
from tests.samples import CAT, MP4, PNG, WAV


def test_several_prompt_images_begin_and_end_the_video() -> None:
    """Bare images get their positions by their order; one with a position keeps it."""
    first, last = PromptImage(IMAGE), PromptImage(PNG, position="last")
    assert ImageToVideo(prompt_image=[IMAGE, PNG]).prompt_image == (first, last)
    assert ImageToVideo(prompt_image={"uri": PNG, "position": "last"}).prompt_image == (last,)
    assert ImageToVideo(prompt_image=IMAGE).prompt_image == IMAGE
    assert "one image per position" in refusal(ImageToVideo, prompt_image=[first, first])


def test_nested_values_are_made_of_their_fields() -> None:
    """A mapping in either spelling stands for the value."""
    wanted = ContentModeration(public_figure_threshold="low")
    for spelling in ("public_figure_threshold", "publicFigureThreshold"):
        assert ImageToVideo(prompt_image=IMAGE, content_moderation={spelling: "low"}).content_moderation == wanted
    request = ProGenerate(prompt="a cat", callback_url=HOOK, motion_vector={"r": -6})
    assert request.motion_vector == MotionVector(r=-6)


@pytest.mark.parametrize(
    ("cls", "fields", "message"),
    [
        (MotionVector, {"x": float("inf")}, "MotionVector.x: must be a finite number, got inf"),
        (MotionVector, {"x": 10**400}, "MotionVector.x: must be a finite number"),
        (PromptImage, {"uri": IMAGE, "position": "middle"}, "PromptImage.position: must be 'first' or 'last'"),
        (ReferenceImage, {"uri": IMAGE, "tag": "2d"}, "ReferenceImage.tag: must be 3 to 16 letters"),
        (ContentModeration, {"public_figure_threshold": []}, "must be 'auto' or 'low'"),
        (MediaReference, {"uri": IMAGE, "type": "text"}, "MediaReference.type: must be 'image' or 'video' or 'audio'"),
        (MediaReference, {"uri": IMAGE}, "MediaReference.type: must be"),
        (MediaReference, {"uri": PNG, "type": "video"}, "MediaReference.uri: must be of kind video"),
        (Keyframe, {"uri": CAT}, "either as seconds or as at"),
    ],
)
def test_nested_values_are_checked_too(cls: Callable[..., Any], fields: dict[str, Any], message: str) -> None:
    """The small values inside a request have limits of their own."""
    assert message in refusal(cls, **fields)


def test_a_wrong_nested_value_is_found_by_its_place() -> None:
    """Which of several images is wrong is part of the message."""
    message = refusal(TextToImage, reference_images=[IMAGE, {"uri": IMAGE, "tagg": "ink"}])
    assert message == "TextToImage.reference_images[1]: ReferenceImage: unknown field 'tagg'; did you mean tag?"


def test_a_file_tells_what_it_is(tmp_path: Path) -> None:
    """The kind of a local file, image or video, need not be given."""
    face = tmp_path / "face"
    face.write_bytes(PNG)
    request = CharacterPerformance(character=face, reference=MP4)
    assert request.character == MediaReference(face, type="image")
    assert request.reference.type == "video"
    assert "CharacterPerformance.reference: must be a video" in refusal(CharacterPerformance, reference=face)


def test_a_bare_url_is_what_the_route_takes() -> None:
    """References are images and performances are videos; the kind of a character must be given."""
    references = VideoToVideo(video_uri=VIDEO, prompt_text="a", references=[IMAGE, MP4]).references
    assert [getattr(reference, "type", None) for reference in references] == ["image", "video"]
    assert CharacterPerformance(character=PNG, reference=VIDEO).reference.type == "video"
    assert "a URL shows no type" in refusal(CharacterPerformance, character=IMAGE)
    assert "a URL shows no type" in refusal(SpeechToSpeech, media=SONG, voice="Maya")


SONG = "https://example.com/song.mp3"


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
