"""The emulator's judgement of the media that a request has: Runway's own, in Runway's words."""

import base64
from typing import Any

import pytest

from cometrunway.emulator._input_media import unusable_media
from tests.emulator.test_server import BODIES, path_of, running
from tests.pictures import picture
from tests.samples import CAT, MP4, PNG


def data(content: bytes, media_type: str = "image/png") -> str:
    """Return a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


REFUSED = [
    (data(picture((1, 1))), "Invalid asset dimensions"),
    (data(picture((8001, 4001), "JPEG"), "image/jpeg"), "Invalid asset dimensions. Got 8001x4001."),
    (data(picture((4000, 100))), "Invalid asset aspect ratio. width / height ratio must be at most 2. Got 40.000."),
    (data(picture((1170, 2532))), "Invalid asset aspect ratio. width / height ratio must be at least 0.5. Got 0.462."),
    (data(picture()[:-20]), "Invalid asset. The image cannot be read."),
    (data(picture(form="JPEG")[:400], "image/jpeg"), "Invalid asset. The image cannot be read."),
    (data(picture(form="WEBP")[:40], "image/webp"), "Invalid asset. The image cannot be read."),
    (data(b"%PDF-1.7"), "Invalid asset. The image cannot be read."),
    (data(PNG, "image/jpeg"), "Invalid asset. The image cannot be read."),
    (data(picture(form="GIF"), "image/gif"), "Unsupported asset type."),
    (data(picture(form="AVIF"), "image/avif"), "Unsupported asset type."),
    (data(b"", "text/plain"), "Unsupported asset type."),
    ("data:image/png;base64,***", "Invalid data URI."),
    ("data:image/png,abc", "Invalid data URI."),
    (data(PNG + bytes(4_000_000)), "Asset size exceeds 5.0MB."),
    ("http://example.com/cat.png", "Only HTTPS URLs are allowed."),
    ("https://93.184.216.34/cat.png", "URLs must be hosted on a domain."),
    ("https:///cat.png", "Invalid URL"),
]
TAKEN = [
    *(data(picture(form=form), f"image/{form.lower()}") for form in ("PNG", "JPEG", "WEBP")),
    *(data(picture((600, 1200))), data(picture(form="WEBP", lossless=True), "image/webp"), data(MP4, "video/mp4")),
    *(CAT, "runway://abc", "http://127.0.0.1:8080/cat.png", "http://localhost/cat.png"),
]


def reasons(uri: str, *, https_only: bool = True) -> list[tuple[str, str]]:
    """Return why a medium is refused."""
    body = {"model": "gen4_turbo", "promptImage": [{"uri": uri, "position": "first"}]}
    return list(unusable_media(body, https_only=https_only))


@pytest.mark.parametrize(("uri", "reason"), REFUSED, ids=lambda value: value[:40])
def test_what_runway_cannot_use(uri: str, reason: str) -> None:
    """Each is refused with the field, and Runway's own reason."""
    [(field, told)] = reasons(uri)
    assert field == "promptImage"
    assert told.startswith(reason)


@pytest.mark.parametrize("uri", TAKEN, ids=lambda value: value[:40])
def test_what_runway_can_use(uri: str) -> None:
    """The three formats, usual shapes, URLs with a name, and those of this machine."""
    assert reasons(uri) == []


def test_a_gateway_is_not_as_strict_with_urls() -> None:
    """Its pages show http; what is in a private network it cannot fetch either."""
    assert reasons("http://example.com/cat.png", https_only=False) == []
    assert reasons("http://93.184.216.34/cat.png", https_only=False) == []
    [(_, told)] = reasons("http://192.168.1.5/cat.png", https_only=False)
    assert told.startswith("Failed to fetch asset.")


def test_models_have_limits_of_their_own() -> None:
    """As their SDK says of them."""
    wide, small = data(picture((1100, 500))), data(picture((255, 300)))
    for model, uri, is_taken in (
        ("gen4_turbo", wide, False),
        ("grok_imagine_1_5", wide, True),
        ("veo3.1", wide, True),
        ("h3_max", small, False),
        ("veo3.1", small, True),
    ):
        assert (not list(unusable_media({"model": model, "promptImage": uri}, https_only=True))) is is_taken


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (path_of("image_to_video"), BODIES["image_to_video"], 400),
        ("/v1/image_to_video", {**BODIES["image_to_video"], "ratio": "1280:720"}, 400),
        (path_of("act_one"), {**BODIES["act_one"], "image": "PUT"}, 400),
    ],
)
async def test_no_task_is_made_of_it(path: str, body: dict[str, Any], status: int) -> None:
    """On each kind of route: the answer is Runway's 400."""
    name = "image" if "image" in body else "promptImage"
    async with running() as caller:
        answered, answer = await caller.call("POST", path, {**body, name: data(picture((4000, 100)))})
        assert answered == status
        assert answer["error"].startswith(f"{name}: Invalid asset aspect ratio")
        assert not caller.emulator.tasks
