"""The limits of fields: what is certainly wrong is refused by name, and the limits themselves are allowed."""

from collections.abc import Callable
from typing import Any

import pytest

from cometrunway import (
    CharacterPerformance,
    ImageToVideo,
    ProActOne,
    ProGenerate,
    ProVideoToVideo,
    SoundEffect,
    TextToImage,
    TextToVideo,
    VideoToVideo,
    VideoUpscale,
    VoiceIsolation,
)
from tests.requests.test_routes import IMAGE, SMALLEST, refusal
from tests.samples import PNG


@pytest.mark.parametrize(
    ("cls", "field", "value", "part"),
    [
        (ImageToVideo, "prompt_text", "x" * 1203, "at most 1000 UTF-16 units, got 1203"),
        (ImageToVideo, "prompt_text", "😀" * 501, "at most 1000 UTF-16 units, got 1002"),
        (ImageToVideo, "prompt_text", "\ud83d", "surrogate"),
        (ImageToVideo, "prompt_text", 5, "must be a string, got 5"),
        (TextToImage, "prompt_text", " ", "must not be empty"),
        (VideoToVideo, "prompt_text", "x" * 1001, "at most 1000"),
        (ProGenerate, "prompt", "", "must not be empty"),
        (ProVideoToVideo, "prompt", None, "must be a string"),
        (ImageToVideo, "model", "", "must not be empty"),
        (VideoUpscale, "model", None, "must be a string"),
        (ImageToVideo, "seed", -1, "from 0 to 4294967295, got -1"),
        (VideoToVideo, "seed", 4294967296, "from 0 to 4294967295"),
        (ImageToVideo, "seed", True, "whole number"),
        (ImageToVideo, "duration", 0, "of at least 1, got 0"),
        (ImageToVideo, "duration", 5.0, "whole number"),
        (ImageToVideo, "duration", "long", "whole number"),
        (ProVideoToVideo, "seconds", "5", "whole number of at least 1, got '5'"),
        (ImageToVideo, "ratio", "1280x720", "WIDTH:HEIGHT"),
        (ImageToVideo, "ratio", "1280:720\n", "WIDTH:HEIGHT"),
        (TextToImage, "ratio", "١٦:٩", "WIDTH:HEIGHT"),
        (ImageToVideo, "watermark", "false", "must be true or false, got 'false'"),
        (CharacterPerformance, "body_control", 1, "must be true or false"),
        (CharacterPerformance, "expression_intensity", 6, "from 1 to 5, got 6"),
        (ProVideoToVideo, "structure_transformation", 1.01, "from 0 to 1, got 1.01"),
        (ProVideoToVideo, "structure_transformation", float("nan"), "finite number"),
        (ProVideoToVideo, "structure_transformation", True, "finite number"),
        (ProActOne, "motion_multiplier", 1.5, "whole number"),
        (TextToImage, "reference_images", IMAGE, "must be a list"),
        (TextToImage, "reference_images", [5], "each item must be a ReferenceImage, got 5"),
        (VideoToVideo, "references", [None], "must be a MediaReference or ReferenceImage or PromptImage, got None"),
        (ImageToVideo, "prompt_image", [], "of at least 1, got 0"),
        (ImageToVideo, "prompt_image", 5, "must be a URL"),
        (ImageToVideo, "content_moderation", "low", "must be a ContentModeration"),
        (ProGenerate, "motion_vector", [0, 0], "must be a MotionVector"),
        (ProGenerate, "style", "", "must not be empty"),
        (ProActOne, "callback_url", "example.com/hook", "http:// or https://"),
        (ProActOne, "callback_url", "https://", "with a host"),
        (ProActOne, "callback_url", 5, "http:// or https://"),
        (ProActOne, "image", "face.png", "pathlib.Path('face.png')"),
        (VideoUpscale, "video_uri", PNG, "must be of kind video"),
        (VoiceIsolation, "audio_uri", PNG, "must be of kind audio, but this is of kind image"),
        (SoundEffect, "reference_audios", ["https://example.com/a.mp3", PNG], "must be of kind audio"),
        (TextToVideo, "duration", "long", "whole number"),
        (TextToVideo, "prompt_text", " ", "must not be empty"),
    ],
)
def test_a_wrong_value_is_refused_by_name(cls: Callable[..., Any], field: str, value: object, part: str) -> None:
    """The message names class and field, the limit, and the value."""
    message = refusal(cls, **{field: value})
    assert message.startswith(f"{getattr(cls, '__name__', '')}.{field}: ")
    assert part in message


@pytest.mark.parametrize(
    ("cls", "fields"),
    [
        (ImageToVideo, {"prompt_text": "x" * 1000, "seed": 4294967295, "duration": 1, "model": "not known yet"}),
        (ImageToVideo, {"prompt_text": "😀" * 500, "seed": 0, "ratio": "16:9"}),
        (CharacterPerformance, {"expression_intensity": 1, "body_control": False}),
        (ProVideoToVideo, {"structure_transformation": 0, "flip": False, "seconds": 1}),
        (ProVideoToVideo, {"structure_transformation": 1.0}),
        (TextToImage, {"reference_images": [IMAGE] * 3}),
    ],
)
def test_the_limits_themselves_are_allowed(cls: Callable[..., Any], fields: dict[str, Any]) -> None:
    """Bounds are included, and what the documentation leaves open is left to the server."""
    request = cls(**SMALLEST[cls] | fields)
    assert all(getattr(request, name) == value for name, value in fields.items() if not isinstance(value, list))


@pytest.mark.parametrize(("model", "limit"), [("veo3.1", 1000), ("seedance2", 3500), ("seedance2_5", 15_000)])
def test_a_prompt_has_the_limit_of_its_model(model: str, limit: int) -> None:
    """In UTF-16 code units, of which most emoji take two."""
    assert TextToVideo(model=model, prompt_text="a" * limit).model == model
    told = f"TextToVideo.prompt_text: at most {limit} UTF-16 units, got {limit + 2}"
    assert refusal(TextToVideo, model=model, prompt_text="a" * limit + "😀") == told


def test_an_unknown_model_has_no_known_limit() -> None:
    """Its prompt may be of any length: the API judges."""
    assert TextToVideo(model="new", prompt_text="a" * 9999).duration is None
