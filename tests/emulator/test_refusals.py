"""The emulator's refusals: it says no where the API says no, in the API's words."""

from typing import Any

import pytest

from tests.emulator.test_routes import without
from tests.emulator.test_server import BODIES, members, path_of, payload, running


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
