"""A request that exists is one that may be sent: everything else is refused as it is made."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from cometrunway import (
    CharacterPerformance,
    ContentModeration,
    ImageToVideo,
    MediaReference,
    MotionVector,
    ProActOne,
    ProGenerate,
    PromptImage,
    ProVideoToVideo,
    ReferenceImage,
    TextToImage,
    VideoToVideo,
    VideoUpscale,
)
from tests.samples import MP4, PNG

IMAGE = "https://example.com/cat.jpg"
VIDEO = "https://example.com/cat.mp4"
HOOK = "https://example.com/webhook"

SMALLEST: dict[Callable[..., Any], dict[str, Any]] = {
    ImageToVideo: {"prompt_image": IMAGE},
    TextToImage: {"prompt_text": "a cat", "reference_images": [IMAGE]},
    VideoToVideo: {"video_uri": VIDEO, "prompt_text": "a cat"},
    VideoUpscale: {"video_uri": VIDEO},
    CharacterPerformance: {"character": MediaReference(IMAGE, type="image"), "reference": VIDEO},
    ProGenerate: {"prompt": "a cat", "callback_url": HOOK},
    ProVideoToVideo: {"video": VIDEO, "prompt": "a cat", "callback_url": HOOK},
    ProActOne: {"video": VIDEO, "image": IMAGE, "callback_url": HOOK},
}


def refusal(cls: Callable[..., Any], **fields: Any) -> str:
    """Return the message with which the class refuses the fields, beside those that it must have."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the caller reads the message
        cls(**{**SMALLEST.get(cls, {}), **fields})
    return str(refused.value)


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


def test_the_default_ratio_is_that_of_the_model() -> None:
    """gen3a_turbo renders 1280:768, its successors 1280:720."""
    assert ImageToVideo(prompt_image=IMAGE).ratio == "1280:768"
    assert ImageToVideo(prompt_image=IMAGE, model="gen4_turbo").ratio == "1280:720"


def test_seconds_have_a_default_without_an_image() -> None:
    """A text alone is always sent with its seconds, an image only with those that were asked for."""
    assert ProGenerate(prompt="a cat", callback_url=HOOK).seconds == 5
    assert ProGenerate(prompt="a cat", callback_url=HOOK, image=IMAGE).seconds is None
    assert "required without an image" in refusal(ProGenerate, seconds=None)


@pytest.mark.parametrize("fields", [{"last_image": IMAGE}, {"image_as_end_frame": True}])
def test_what_belongs_to_an_image_needs_one(fields: dict[str, Any]) -> None:
    """A field that the text mode would ignore is not paid for."""
    assert "needs an image too" in refusal(ProGenerate, **fields)
    assert ProGenerate(prompt="a", callback_url=HOOK, image=IMAGE, **fields).image == IMAGE


def test_the_callback_url_may_be_left_out() -> None:
    """Polling finds the result without it."""
    assert ProGenerate(prompt="a cat").callback_url is None


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


def test_local_files_are_those_that_must_be_read(tmp_path: Path) -> None:
    """URLs need no reading; files do, also those inside nested values."""
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    assert ImageToVideo(prompt_image=IMAGE).local_files == ()
    assert ImageToVideo(prompt_image=path).local_files == (path,)
    assert TextToImage(prompt_text="a", reference_images=[path, IMAGE, PNG]).local_files == (path, PNG)
    assert CharacterPerformance(character=path, reference=VIDEO).local_files == (path,)


def test_a_tilde_is_expanded_in_every_local_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a request takes a path, `~` is the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "cat.png").write_bytes(PNG)
    (tmp_path / "cat.mp4").write_bytes(MP4)
    image, video = Path("~/cat.png"), Path("~/cat.mp4")
    requests = [
        ImageToVideo(prompt_image=image),
        ImageToVideo(prompt_image=[image, {"uri": image}]),
        TextToImage(prompt_text="a", reference_images=[image, {"uri": image}]),
        VideoToVideo(video_uri=video, prompt_text="a", references=[image, video]),
        VideoUpscale(video_uri=video),
        CharacterPerformance(character=image, reference={"uri": video, "type": "video"}),
        ProGenerate(prompt="a", callback_url=HOOK, image=image, last_image=image),
        ProVideoToVideo(video=video, prompt="a", callback_url=HOOK),
        ProActOne(video=video, image=image, callback_url=HOOK),
    ]
    for request in requests:
        assert request.local_files
        assert all(isinstance(file, Path) and file.parent == tmp_path for file in request.local_files)
    with pytest.raises(ValueError, match="no home folder is known for '~nouser'"):
        VideoUpscale(video_uri=Path("~nouser/cat.mp4"))


def test_the_image_is_not_held_in_memory(tmp_path: Path) -> None:
    """A request from a file holds the path: ten thousand of them weigh little."""
    path = tmp_path / "cat.png"
    path.write_bytes(PNG + bytes(1_000_000))
    assert len(pickle.dumps(ImageToVideo(prompt_image=path))) < 1_000


@pytest.mark.parametrize("cls", SMALLEST, ids=lambda cls: cls.__name__)
def test_requests_are_values(cls: Callable[..., Any]) -> None:
    """Equal, hashable, frozen, picklable; lists given are tuples kept."""
    request = cls(**SMALLEST[cls])
    assert cls(**SMALLEST[cls]) == request == pickle.loads(pickle.dumps(request))  # noqa: S301 - our own bytes
    assert hash(request) == hash(cls(**SMALLEST[cls]))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        request.model = "gen5"


def test_a_repr_shows_no_content() -> None:
    """Images, data URIs and signatures stay out of logs."""
    secret = "https://example.com/cat.mp4?signature=secret"
    request = CharacterPerformance(character="data:image/png;base64," + "A" * 4_000, reference=secret)
    assert len(repr(request)) < 400
    assert "secret" not in repr(request)
    assert f"<{len(PNG)} bytes>" in repr(ImageToVideo(prompt_image=[PNG]))
