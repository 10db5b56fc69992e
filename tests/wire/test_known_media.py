"""What providers take of media: of images by route and model, and of URLs by the place of the API."""

import base64
from collections.abc import Callable

import pytest

from cometrunway import (
    CharacterPerformance,
    ImageToVideo,
    ProGenerate,
    Request,
    TextToImage,
    TextToSpeech,
    VideoToVideo,
)
from cometrunway._wire._known_media import image_limits, known_media
from cometrunway._wire._known_models import known_models
from cometrunway._wire._provider import BUILT_IN, COMETAPI, RUNWAY
from cometrunway.emulator._input_media import unusable_media
from tests.pictures import picture
from tests.samples import CLIP, HOOK
from tests.wire.test_media_faults import OTHER, told


def test_models_have_limits_of_their_own() -> None:
    """The most special entry counts."""
    assert image_limits(RUNWAY, "image_to_video", "grok_imagine_1_5").ratio == (0.4, 2.5)
    assert image_limits(RUNWAY, "image_to_video", "grok_imagine_1_5").usual_ratio is None
    assert image_limits(RUNWAY, "image_to_video", "h3_max").least_side == 256
    assert image_limits(RUNWAY, "image_upscale", "any").ratio is None
    assert image_limits(RUNWAY, "image_upscale", "any").most_side == 8000
    assert image_limits(OTHER, "image_to_video", "gen4_turbo").most_side is None


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (picture()[:-20], "ends too early"),
        (picture(form="JPEG")[:300], "ends too early"),
        (b"%PDF-1.7", "contains no image that is accepted"),
        (picture(form="GIF"), "contains no image that is accepted"),
        (picture((1, 1)), "has 1x1 pixels"),
        (picture(), ""),
    ],
)
def test_the_image_in_a_data_uri_is_judged_like_a_file(content: bytes, part: str) -> None:
    """A text that the program made itself may be wrong as a file may be."""
    uri = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    refused, warned = told(ImageToVideo(prompt_image=uri))
    assert (part in refused) if part else (refused, warned) == ("", [])
    assert len(refused) < 300


WITH_URLS: list[Callable[[str], Request]] = [
    lambda url: ImageToVideo(prompt_image=url),
    lambda url: TextToImage(prompt_text="a", ratio="1280:720", reference_images=[url]),
    lambda url: CharacterPerformance(character={"type": "image", "uri": url}, reference=CLIP),
    lambda url: VideoToVideo(video_uri=url, prompt_text="a"),
    lambda url: TextToSpeech(prompt_text="a", voice={"type": "reference-audio", "audio_uri": url}),
    lambda url: ProGenerate(prompt="a", callback_url=HOOK, image=url),
]
NEAR = ["http://localhost/a.png", "http://127.0.0.1:8000/a.png", "https://[::1]/a.png", "http://cdn.localhost/a.png"]
PRIVATE = ["http://192.168.1.5/a.png", "https://10.0.0.5/a.png", "https://nas/a.png", "https://cam.local/a.png"]


@pytest.mark.parametrize("url", [*NEAR, *PRIVATE])
def test_urls_that_no_api_reaches_are_refused(url: str) -> None:
    """On each route, unless the API is near this machine itself; only of an unknown API's network nothing is known."""
    for make in WITH_URLS:
        for provider in (RUNWAY, COMETAPI):
            assert f"{provider.name} cannot reach" in told(make(url), provider)[0]
            for host in ("127.0.0.1", "localhost", "10.0.0.7", "gateway.internal"):
                assert told(make(url), provider, host=host) == ("", [])
        refused, warned = told(make(url), OTHER)
        assert bool(refused) is (url in NEAR)
        assert len(warned) == (url in PRIVATE)


def test_what_runway_documents_of_urls_is_asked_for() -> None:
    """https, and a name for a host; a gateway's pages only advise it."""
    for url, reason in (("http://example.com/a.png", "is not https"), ("https://93.184.216.34/a.png", "an address")):
        request = ImageToVideo(prompt_image=url)
        assert reason in told(request)[0]
        assert reason in told(request, COMETAPI)[1][0]
        assert told(request, OTHER) == ("", [])
        assert told(ProGenerate(prompt="a", callback_url=HOOK, image=url), COMETAPI) == ("", [])
    assert told(ImageToVideo(prompt_image="runway://abc")) == ("", [])


def test_the_data_say_where_they_are_from() -> None:
    """Each entry has its source and date, and names routes and models that there are."""
    for provider, kinds in known_media().items():
        assert provider in BUILT_IN
        for entry in (*kinds["urls"], *kinds["images"]):
            assert entry["source"]
            assert entry["date"] >= "2026"
            for route in entry.get("routes", ()):
                assert route in BUILT_IN[provider].routes
                known = known_models(provider)["routes"].get(route, {})
                assert set(entry.get("models", ())) <= known.keys()


@pytest.mark.parametrize("size", [(1, 1), (640, 480), (4000, 100), (100, 4000), (8001, 5000), (1000, 500)])
def test_what_is_surely_refused_is_refused_by_the_emulator(size: tuple[int, int]) -> None:
    """Which was written from the same facts, and by nothing of ours."""
    image = picture(size)
    uri = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    refused = bool(told(ImageToVideo(prompt_image=image, model="gen4_turbo"))[0])
    assert bool(list(unusable_media({"model": "gen4_turbo", "promptImage": uri}, https_only=True))) is refused
