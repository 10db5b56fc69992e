"""The media of a request: what is surely refused is told before anything is sent, and what is doubtful warns."""

import base64
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from cometrunway import (
    CharacterPerformance,
    ImageToVideo,
    ProGenerate,
    Provider,
    RawRequest,
    Request,
    TextToImage,
    errors,
)
from cometrunway._wire._media_faults import check_media
from cometrunway._wire._provider import COMETAPI, RUNWAY
from tests.pictures import picture
from tests.samples import CLIP, HOOK, PNG

OTHER = Provider(name="other", origin="https://other.example.com", key_variable="OTHER_KEY")


API = "api.example.com"


OF_IMAGES: list[Callable[[Any], Request]] = [
    lambda image: ImageToVideo(prompt_image=image, model="gen4_turbo"),
    lambda image: ImageToVideo(prompt_image=[image, PNG], model="gen4_turbo"),
    lambda image: TextToImage(prompt_text="a", ratio="1280:720", reference_images=[image]),
    lambda image: CharacterPerformance(character=image, reference=CLIP),
    lambda image: ProGenerate(prompt="a", callback_url=HOOK, image=image),
    lambda image: RawRequest(route="image_to_video", fields={"promptImage": image}),
]


def told(request: Request, provider: Provider = RUNWAY, *, host: str = API) -> tuple[str, list[str]]:
    """Return why a request is refused, and of what else is warned."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            check_media(request, provider, api_host=host, fit=None, strict=False)
        except ValueError as error:
            return str(error), []
    assert all(warning.category is errors.MediaWarning for warning in caught)
    return "", [str(warning.message) for warning in caught]


@pytest.mark.parametrize("provider", [RUNWAY, COMETAPI, OTHER], ids=lambda provider: provider.name)
@pytest.mark.parametrize("make", OF_IMAGES)
def test_what_is_no_image_for_any_model_is_refused_on_every_route(
    make: Callable[[Any], Request], provider: Provider, tmp_path: Path
) -> None:
    """Files and bytes alike: one pixel, and a format that is not taken, with the cure."""
    path = tmp_path / "a.png"
    path.write_bytes(picture(form="GIF"))
    assert "is image/gif; JPEG, PNG and WebP are taken; Session(fit=" in told(make(path), provider)[0]
    assert str(path) in told(make(path), provider)[0]
    assert "has 1x1 pixels" in told(make(picture((1, 1))), provider)[0]
    assert told(make(PNG), provider) == ("", [])


@pytest.mark.parametrize("make", OF_IMAGES)
def test_a_shape_is_refused_or_warned_of_on_every_route(make: Callable[[Any], Request]) -> None:
    """A strip is refused where that is known, and warned of elsewhere; a photo on its side is warned of."""
    for provider in (provider for provider in (RUNWAY, COMETAPI) if make(PNG).route in provider.routes):
        refused, warned = told(make(picture((4000, 100))), provider)
        assert "4000x100 pixels" in refused or any("4000x100 pixels" in message for message in warned)
        assert bool(refused) is (make(PNG).route == "image_to_video")
        [message] = told(make(picture(form="JPEG", orientation=6)), provider)[1]
        assert "turned by its Exif (orientation 6)" in message
        assert message.endswith("it is sent as it is")


def test_a_file_beyond_a_providers_limit_is_refused() -> None:
    """A limit of one route counts there and nowhere else; it counts the data URI, to the character."""
    length = len(f"data:image/png;base64,{base64.b64encode(PNG).decode()}")
    exact = Provider(name="small", origin="https://s.example.com", key_variable="S", inline_limits={"image": length})
    tight = evolve(exact, inline_limits={"image": length, "image_to_video.image": length - 1})
    assert told(ImageToVideo(prompt_image=PNG), exact) == ("", [])
    refused, _ = told(ImageToVideo(prompt_image=PNG), tight)
    assert f"{length} characters as a data URI; small takes at most {length - 1}" in refused
    assert refused.endswith('Session(fit="shrink") makes it fit')
    check_media(ImageToVideo(prompt_image=PNG), tight, api_host=API, fit="shrink", strict=True)


def test_strict_makes_errors_of_doubts() -> None:
    """As of models that are not known."""
    request = ImageToVideo(prompt_image=picture(form="JPEG", orientation=3))
    with pytest.raises(ValueError, match=r"turned by its Exif .*; strict sends nothing that is doubtful"):
        check_media(request, RUNWAY, api_host=API, fit=None, strict=True)
    check_media(request, RUNWAY, api_host=API, fit="shrink", strict=True)
