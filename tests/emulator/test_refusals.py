"""The emulator's refusals: it says no where the API says no, in the API's words."""

from typing import Any

import pytest

from tests.emulator.test_server import BODIES, URI, members, path_of, payload, running


def without(route: str, *names: str) -> dict[str, Any]:
    """Return a route's body without some members."""
    return {name: value for name, value in BODIES[route].items() if name not in names}


async def test_a_wrong_key_is_refused_everywhere() -> None:
    """Without the key nothing is created or seen, and the refusal is the gateway's own."""
    async with running(dialect="duomi") as caller:
        for method, path in (("POST", path_of("act_one")), ("POST", "/runway/feed"), ("GET", "/runwayml/v1/tasks/x")):
            status, body = await caller.call(method, path, {}, Authorization="Bearer sk-other")
            assert (status, members(body)) == (401, members(payload("error.auth_401.response")))
            assert "(request id: " in body["error"]["message"]


@pytest.mark.parametrize(
    ("route", "missing", "documented"),
    [
        ("image_to_video", "model", "error.comet_400_missing_model"),
        ("generate", "callback_url", "error.callback_url_empty"),
        ("text_to_image", "referenceImages", "error.reference_images_empty"),
    ],
)
async def test_missing_fields_are_refused_in_documented_words(route: str, missing: str, documented: str) -> None:
    """What the documentation says about a missing field is what is answered."""
    async with running() as caller:
        status, body = await caller.call("POST", path_of(route), without(route, missing))
        expected = payload(f"{documented}.response")
        assert (status, members(body)) == (400, members(expected))
        assert body.get("code") == expected.get("code")


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


@pytest.mark.parametrize(
    ("dialect", "status", "wording"),
    [
        ("wrapped", 400, {"code": "fail_to_fetch_task", "data": None}),
        ("duomi", 200, {"code": 400, "data": None, "exec_time": 0}),
        ("kling", 400, {"code": 1400}),
    ],
)
async def test_refusals_are_worded_in_the_dialect(dialect: str, status: int, wording: dict[str, Any]) -> None:
    """The same refusal has another envelope in each dialect, even a friendly status."""
    async with running(dialect=dialect) as caller:
        answered, body = await caller.call(
            "POST", path_of("image_to_video"), {**BODIES["image_to_video"], "ratio": "x"}
        )
        assert answered == status
        assert wording.items() <= body.items()


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


async def test_a_body_that_is_no_json_is_refused() -> None:
    """Bytes, an array, a wrong content type and endless nesting are all refused, and none is fatal."""
    async with running() as caller:
        url = caller.emulator.base_url + path_of("act_one")
        nested = b'{"video":' + b"[" * 900 + b"]" * 900 + b"}"
        for data, kind in (
            (b"\xff{", "json"),
            (b"[]", "json"),
            (b"{}", "xml"),
            (b"[" * 10**5, "json"),
            (nested, "json"),
        ):
            headers = {"Authorization": f"Bearer {caller.emulator.api_key}", "Content-Type": f"application/{kind}"}
            async with caller.http.post(url, data=data, headers=headers) as response:
                assert response.status == 400


@pytest.mark.parametrize(("form", "status"), [("json", 404), ("html", 200), ("redirect", 301)])
async def test_a_wrong_path_is_answered_as_asked(form: str, status: int) -> None:
    """An unknown path is a JSON 404, or a web page, or a redirect to one."""
    async with running(wrong_path=form) as caller:
        answered, body = await caller.call("GET", "/runwayml/v1/nope")
        assert answered == status
        assert form != "json" or body == payload("error.path_404.response")


async def test_a_balance_runs_out() -> None:
    """After as many creations as were paid for, the account is empty; what was refused cost nothing."""
    async with running(balance=2) as caller:
        await caller.call("POST", path_of("act_one"), {})
        await caller.create()
        await caller.create()
        status, body = await caller.call("POST", path_of("act_one"), BODIES["act_one"])
        assert (status, body) == (403, payload("error.insufficient_user_quota.response"))
        assert caller.emulator.creates.accepted == 2


async def test_an_unknown_id_does_not_exist() -> None:
    """A poll for an id that does not exist is task_not_exist, through either route."""
    async with running() as caller:
        got = await caller.call("GET", "/runwayml/v1/tasks/a%2Fb")
        fed = await caller.call("POST", "/runway/feed", {"task_id": "a/b"})
        assert got == fed == (400, payload("error.task_not_exist_400.response"))


async def test_a_feed_without_an_id_is_refused() -> None:
    """The feed demands a task_id."""
    async with running() as caller:
        assert (await caller.call("POST", "/runway/feed", {}))[1]["code"] == "invalid_request"
