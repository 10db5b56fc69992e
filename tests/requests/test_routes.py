"""A request that exists is one that may be sent: everything else is refused as it is made."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from cometrunway import (
    CharacterPerformance,
    ImageToVideo,
    MediaReference,
    ProActOne,
    ProGenerate,
    ProVideoToVideo,
    SoundEffect,
    TextToImage,
    TextToVideo,
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
    SoundEffect: {"prompt_text": "a bell"},
    TextToVideo: {"model": "veo3.1"},
}


def refusal(cls: Callable[..., Any], **fields: Any) -> str:
    """Return the message with which the class refuses the fields, beside those that it must have."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the caller reads the message
        cls(**{**SMALLEST.get(cls, {}), **fields})
    return str(refused.value)


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
