"""The creation routes: what the documentation shows is accepted, and what it forbids is refused."""

import base64
import json
from typing import Any

import pytest

from tests.emulator.test_server import BODIES, URI, path_of, payload, running
from tests.pictures import picture


def without(route: str, *names: str) -> dict[str, Any]:
    """Return a route's body without some members."""
    return {name: value for name, value in BODIES[route].items() if name not in names}


@pytest.mark.parametrize(
    ("route", "missing"),
    [
        ("image_to_video", "promptImage"),
        ("text_to_image", "ratio"),
        ("video_to_video", "videoUri"),
        ("video_upscale", "videoUri"),
        ("character_performance", "reference"),
        ("generate", "prompt"),
        ("video2video", "options"),
        ("act_one", "image"),
    ],
)
async def test_every_route_has_required_fields(route: str, missing: str) -> None:
    """A body without a required field makes no task, and the refusal names the field."""
    async with running() as caller:
        status, body = await caller.call("POST", path_of(route), without(route, missing))
        assert (status, body["code"]) == (400, "invalid_request")
        assert missing in body["message"]
        assert not caller.emulator.tasks


@pytest.mark.parametrize(
    ("route", "field", "value"),
    [
        ("image_to_video", "ratio", "wide"),
        ("image_to_video", "duration", "5"),
        ("image_to_video", "duration", 0),
        ("image_to_video", "seed", 2**32),
        ("image_to_video", "seed", None),
        ("image_to_video", "promptText", "x" * 1001),
        ("image_to_video", "promptImage", [{"uri": URI, "position": "middle"}]),
        ("image_to_video", "watermark", "false"),
        ("text_to_image", "referenceImages", [{"uri": URI, "tag": "1x"}]),
        ("text_to_image", "referenceImages", [{"uri": URI}] * 4),
        ("video_to_video", "references", [{"uri": URI}]),
        ("character_performance", "expressionIntensity", 6),
        ("character_performance", "contentModeration", {}),
        ("generate", "options", {"seconds": "ten"}),
        ("generate", "callback_url", "nowhere"),
    ],
)
async def test_nonsense_is_refused_as_runway_refuses_it(route: str, field: str, value: object) -> None:
    """A value of the wrong form is a 400 in Runway's own envelope, and the message starts with the field."""
    async with running() as caller:
        status, body = await caller.call("POST", path_of(route), {**BODIES[route], field: value})
        assert (status, list(body)) == (400, ["error"])
        assert body["error"].startswith(f"{field}: ")


async def test_official_routes_demand_the_version_header() -> None:
    """Without X-Runway-Version an official route refuses; a compatible one and a poll do not care."""
    async with running() as caller:
        none = {"X-Runway-Version": ""}
        refused, _ = await caller.call("POST", path_of("image_to_video"), BODIES["image_to_video"], **none)
        accepted, _ = await caller.call("POST", path_of("generate"), BODIES["generate"], **none)
        seen, _ = await caller.call("GET", f"/runwayml/v1/tasks/{next(iter(caller.emulator.tasks))}", **none)
        assert (refused, accepted, seen) == (400, 200, 200)


async def test_a_model_that_is_not_documented_has_no_channel() -> None:
    """Where any is accepted, `no-such-model` alone has none; ratios and durations are judged likewise."""
    for any_model in (False, True):
        async with running(any_model=any_model) as caller:
            for model, is_served in (("gen9", any_model), ("no-such-model", False), ("gen4_turbo", True)):
                body = {**BODIES["image_to_video"], "model": model}
                status, answer = await caller.call("POST", path_of("image_to_video"), body)
                assert status == (200 if is_served else 503)
                assert is_served or answer["error"]["code"] == "model_not_found"
            for wrong in ({"ratio": "1:1"}, {"duration": 7}):
                status, answer = await caller.call(
                    "POST", path_of("image_to_video"), {**BODIES["image_to_video"], **wrong}
                )
                assert status == (200 if any_model else 400)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (entry["path"], entry["name"])
        for entry in payload("index")
        if entry["path"] in {path_of(route) for route in BODIES} and "request_file" in entry
    ],
)
async def test_documented_requests_are_accepted(path: str, name: str) -> None:
    """The sample bodies of the documentation create tasks; an image that is only begun there is whole here."""
    image = base64.b64encode(picture((1280, 720), "JPEG")).decode()
    sample = json.loads(json.dumps(payload(f"{name}.request")).replace("base64,/9j/4AAQ", f"base64,{image}"))
    async with running() as caller:
        status, body = await caller.call("POST", path, sample)
        assert (status, len(caller.emulator.tasks)) == (200, 1), body
