"""What is surely wrong is refused before it is sent; what is not known is named, with the nearest known, and passes."""

import warnings
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
import pytest
import typing_extensions

from cometrunway import ImageToVideo, ProGenerate, Provider, RawRequest, TextToImage, TextToVideo
from cometrunway._requests._all_routes import ROUTES
from cometrunway._requests._routes import Request
from cometrunway._wire._known_models import check_known, check_taken, known_models, unknown_values
from cometrunway._wire._provider import COMETAPI, RUNWAY
from cometrunway.emulator import Emulator
from cometrunway.errors import UnknownValueWarning
from tests.official import bodies, stripped
from tests.samples import ALL_ROUTES, CAT, PNG


def test_a_route_that_a_provider_lacks_is_refused() -> None:
    """Before anything is sent, with the routes that there are."""
    with pytest.raises(ValueError, match=r"runway has no route pro_generate; its routes are .*image_to_video"):
        check_taken(ProGenerate(prompt="a cat", callback_url="https://example.com"), RUNWAY)


@pytest.mark.parametrize("provider", [COMETAPI, RUNWAY])
def test_the_data_are_of_our_fields(provider: Provider) -> None:
    """Each name in the data is a field of the route's request, and the data say where they are from, and of when."""
    data = known_models(provider.name)
    assert data["source"]
    assert data["date"] >= "2026"
    assert data["routes"].keys() <= provider.routes
    for route, models in data["routes"].items():
        names = {attribute.name for attribute in attrs.fields(ROUTES[route])}
        for model in models.values():
            given = [*model["required"], *model["optional"], *model.get("values", {}), *model.get("most", {})]
            assert names.issuperset(given), route


@pytest.mark.parametrize("route", sorted(RUNWAY.routes))
def test_the_data_are_those_of_runways_own_sdk(route: str) -> None:
    """Of each model that the SDK knows: the fields, which of them are required, and the values that they take."""
    known = known_models("runway")["routes"][route]
    assert known.keys() == {model for model, _ in bodies(route)}
    for model, body in bodies(route):
        hints = get_type_hints(body, include_extras=True)
        del hints["model"]
        required = {name for name, hint in hints.items() if get_origin(hint) is typing_extensions.Required}
        assert set(known[model]["required"]) == required
        assert set(known[model]["optional"]) == hints.keys() - required
        for name, hint in hints.items():
            if get_origin(stripped(hint)) is Literal:
                assert known[model]["values"][name] == list(get_args(stripped(hint)))


@pytest.mark.parametrize("request_", [*ALL_ROUTES], ids=lambda request: request.route)
def test_what_is_known_is_not_spoken_of(request_: Request) -> None:
    """Defaults and documented values are known."""
    assert list(unknown_values(request_, COMETAPI)) == []
    check_known(request_, COMETAPI, strict=True)


@pytest.mark.parametrize(
    ("request_", "provider", "told"),
    [
        (ImageToVideo(prompt_image=CAT, model="gen4_trubo"), COMETAPI, "model: 'gen4_trubo' .*mean gen4_turbo"),
        (ImageToVideo(prompt_image=CAT, ratio="1280:702"), COMETAPI, "ratio: '1280:702' .*mean 1280:720"),
        (ImageToVideo(prompt_image=CAT, duration=7), COMETAPI, r"duration: 7 .*known are 5, 10"),
        (ImageToVideo(prompt_image=CAT, extra={"promptTxt": "a"}), COMETAPI, "'promptTxt' .*mean prompt_text"),
        (
            ImageToVideo(prompt_image=CAT, model="gen4_turbo", audio=True),
            RUNWAY,
            "audio: is not known, with gen4_turbo",
        ),
        (TextToVideo(prompt_text="a", model="veo3.1", ratio="1:1"), RUNWAY, "ratio: '1:1' .*known are 1280:720"),
        (TextToVideo(prompt_text="a", model="veo31", ratio="1280:720"), RUNWAY, "model: 'veo31' .*mean veo3.1"),
    ],
)
def test_what_is_not_known_is_named(request_: Request, provider: Provider, told: str) -> None:
    """With the nearest known; it is a warning, and with `strict` an error."""
    [message] = unknown_values(request_, provider)
    with pytest.warns(UnknownValueWarning, match=told) as caught:
        check_known(request_, provider, strict=False)
    assert len(caught) == 1
    with pytest.raises(ValueError, match=told):
        check_known(request_, provider, strict=True)
    assert message in str(caught[0].message)


def test_a_value_that_no_model_takes_is_named_beside_an_unknown_model() -> None:
    """Both are told at once; a value that some model takes is not doubtful."""
    request_ = ImageToVideo(prompt_image=CAT, model="gen9", ratio="12:7", duration=10)
    model, ratio = unknown_values(request_, COMETAPI)
    assert model.startswith("ImageToVideo.model: 'gen9' is not known")
    assert ratio == "ImageToVideo.ratio: '12:7' is not known (did you mean 1280:768?), with any model of cometapi"


def test_of_other_providers_and_routes_nothing_is_known() -> None:
    """There everything passes in silence."""
    other = Provider(name="other", origin="https://other.example", key_variable="OTHER_KEY")
    assert not list(unknown_values(ImageToVideo(prompt_image=CAT, model="new"), other))
    assert not list(unknown_values(RawRequest(route="image_to_video", fields={"model": "new"}), COMETAPI))


async def test_an_unknown_model_is_sent_unless_that_is_forbidden(session: Any) -> None:
    """The session warns, and submits; with `strict` nothing is sent."""
    new = ImageToVideo(prompt_image=CAT, model="gen5", ratio="1280:720")
    async with Emulator(any_model=True) as emulator:
        for strict in (False, True):
            async with session(emulator, strict=strict) as runway:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    if strict:
                        with pytest.raises(ValueError, match=r"'gen5' is not known .* strict sends nothing"):
                            await runway.submit(new)
                    else:
                        await runway.submit(new)
                assert [one.category for one in caught] == [UnknownValueWarning] * (not strict)
        assert emulator.creates.received == 1


@pytest.mark.parametrize(
    ("request_", "provider", "told"),
    [
        (TextToImage(prompt_text="a"), COMETAPI, "reference_images: required with gen4_image of cometapi"),
        (TextToImage(prompt_text="a", reference_images=[CAT] * 4), COMETAPI, "reference_images: at most 3 .*got 4"),
        (TextToVideo(prompt_text="a", model="gen4.5", ratio="1280:720"), RUNWAY, "duration: required with gen4.5"),
    ],
)
def test_what_a_model_demands_is_told_before_it_is_sent(request_: Request, provider: Provider, told: str) -> None:
    """A field that is missing, or a list that is too long, is an error; elsewhere the same request may do."""
    with pytest.raises(ValueError, match=told):
        check_taken(request_, provider)
    check_taken(TextToImage(prompt_text="a"), RUNWAY)


async def test_what_is_wrong_with_fields_and_media_is_told_at_once(session: Any) -> None:
    """An image that is too large and a field that is missing are two lines of one error, and so are two images."""
    large = [PNG + bytes([number]) + bytes(4_000_000) for number in range(2)]
    video = ImageToVideo(prompt_image=large, model="gen4_turbo", ratio="1:1")
    async with Emulator() as emulator:
        async with session(emulator, strict=True) as runway:
            with pytest.raises(ValueError, match="strict sends nothing") as refused:
                await runway.submit(video)
        assert "'1:1' is not known" in str(refused.value)
        assert str(refused.value).count("has no uploads") == 2
        async with session(emulator) as runway:
            with pytest.raises(ValueError, match=r"has no uploads.*\n.*has no uploads"):
                await runway.submit(ImageToVideo(prompt_image=large, model="gen4_turbo"))
    assert emulator.creates.received == 0
