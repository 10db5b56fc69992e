"""Runway's own SDK sends the same bytes for the same values, field by field."""

import json
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
import typing_extensions
from runwayml import AsyncRunwayML

from cometrunway import PromptImage, ReferenceImage
from cometrunway._requests._all_routes import ROUTES
from cometrunway._wire._encode import encode
from cometrunway._wire._provider import RUNWAY
from tests.official import bodies, stripped
from tests.raw import http, raw_server

_MEDIA = {"audio": "https://example.com/a.mp3", "video": "https://example.com/v.mp4"}
_IMAGE = "https://example.com/i.png"
_OBJECTS = {
    "prompt_image": {"uri": _IMAGE, "position": "first"},
    "reference_videos": {"type": "video", "uri": _MEDIA["video"]},
}
"""Items of lists of which the SDK has no type."""


def example(name: str, annotation: Any, turn: int) -> Any:
    """Return a value of a type: of a union the first or the last, of a body all of its fields."""
    annotation = stripped(annotation)
    options = get_args(annotation)
    if get_origin(annotation) is Union:
        return example(name, options[-1 if name == "references" else turn], turn)
    if get_origin(annotation) is Literal:
        return options[turn]
    if options:  # a list
        return [example(name, options[0], turn)]
    if annotation is object:
        return _OBJECTS[name]
    return fields(annotation, turn) if typing_extensions.is_typeddict(annotation) else _PLAIN[annotation](name)


def text(name: str) -> str:
    """Return a text that a field may have, or a URL of the kind that its name speaks of."""
    if "uri" in name or name in {"prompt_image", "prompt_video", "reference_audios", "audio"}:
        return next((url for kind, url in _MEDIA.items() if kind in name), _IMAGE)
    return "1280:720" if name == "ratio" else f"some_{name}"


_PLAIN: dict[Any, Any] = {str: text, int: lambda _: 3, float: lambda _: 0.5, bool: lambda _: True}


def fields(body: Any, turn: int) -> dict[str, Any]:
    """Return a value for each field of a body; one that has a type of medium has a URL of that type."""
    hints = get_type_hints(body, include_extras=True)
    values = {name: example(name, hint, turn) for name, hint in hints.items()}
    if values.get("type") in _MEDIA and "uri" in values:
        values["uri"] = _MEDIA[values["type"]]
    return values


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """The SDK brings its own ideas of time: let it have the real one."""
    return "asyncio"


@pytest.mark.parametrize("turn", [0, -1], ids=["first", "last"])
@pytest.mark.parametrize(
    ("route", "body"),
    [
        pytest.param(route, body, id=f"{route}-{model}")
        for route in sorted(RUNWAY.routes)
        for model, body in bodies(route)
    ],
)
async def test_each_model_of_each_route_goes_out_with_the_same_fields(route: str, body: Any, turn: int) -> None:
    """All fields of all models; of alternatives the first and the last. Path, version and body are those of the SDK."""
    given = fields(body, turn)
    async with raw_server(lambda _request: http({"id": "t1"})) as server:
        async with AsyncRunwayML(api_key="key_1", base_url=server.base_url) as sdk:
            await getattr(sdk, route).create(**given)
    [received] = server.requests
    message = encode(ROUTES[route](**ours(route, given)), RUNWAY)
    assert message.path == received.path
    assert f"x-runway-version: {RUNWAY.version}" in received.head.lower()
    assert json.loads(message.body or b"") == json.loads(received.body)


def ours(route: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the values as our requests take them. These differences are documented.

    `duration` and `ratio` have defaults on the routes that gateways have, too: None leaves them out. References are
    sent as a list, a bare one of a `VideoToVideo` and all `reference_videos` with their type: a `ReferenceImage` or a
    `PromptImage` has none, and a type that is None is left out.
    """
    values = dict(given)
    if route in {"image_to_video", "video_to_video", "character_performance", "text_to_image"}:
        values.setdefault("ratio", None)
    if route == "image_to_video":
        values.setdefault("duration", None)
    if route == "video_to_video" and "references" in given:
        cls = PromptImage if "position" in given["references"][0] else ReferenceImage
        values["references"] = [cls(**item) for item in given["references"]]
    if "reference_videos" in given:
        values["reference_videos"] = [{"type": None, **item} for item in given["reference_videos"]]
    return values
