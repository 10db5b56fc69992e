"""The dialects: the answers of gateways, with the members and the words that their pages show."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.emulator.test_server import BODIES, members, path_of, payload, running

DIALECTS = ["flat", "wrapped", "wrapped_plus", "bare", "duomi", "kling", "luma"]


@pytest.mark.parametrize("route", BODIES)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_route_creates_a_task_that_ends(route: str, dialect: str) -> None:
    """A task of any route runs, ends, and is seen through both polling routes, in every dialect."""
    async with running(dialect=dialect) as caller:
        task_id = await caller.create(route)
        await asyncio.sleep(10)
        assert caller.emulator.asset_url in json.dumps(await caller.poll(task_id))
        assert caller.emulator.asset_url in json.dumps(await caller.feed(task_id))


@pytest.mark.parametrize(
    ("dialect", "route", "documented"),
    [
        ("flat", "image_to_video", "image_to_video.seed3"),
        ("flat", "generate", "generate_image.seed4"),
        ("kling", "image_to_video", "aimanyi_image_to_video.envelope"),
        ("luma", "image_to_video", "aimanyi_image_to_video.seed5"),
    ],
)
async def test_create_answers_have_the_documented_members(dialect: str, route: str, documented: str) -> None:
    """A creation is answered with the members that the pages show, nested ones included."""
    async with running(dialect=dialect) as caller:
        _, body = await caller.call("POST", path_of(route), BODIES[route])
        assert members(body) == members(payload(f"{documented}.response"))


async def test_a_duomi_create_answers_in_full() -> None:
    """The dialect duomi answers a creation with all that it says of a task, under code 200."""
    async with running(dialect="duomi") as caller:
        _, body = await caller.call("POST", "/runway/pro/video2video", BODIES["video2video"])
        assert body["code"] == 200
        assert members(payload("video2video.seed2.response")) <= members(body)


@pytest.mark.parametrize(
    ("dialect", "second", "prompt", "documented"),
    [
        ("flat", 0, "", "tasks_get.official_pending"),
        ("flat", 5, "", "tasks_get.official_running"),
        ("flat", 10, "", "tasks_get.flat_succeeded"),
        ("flat", 10, "[fail INTERNAL]", "tasks_get.official_failed"),
        ("flat", 10, "[cancel]", "tasks_get.official_cancelled"),
        ("wrapped", 0, "", "tasks_get.wrapped_not_start"),
        ("wrapped", 1.2, "", "tasks_get.wrapped_queued"),
        ("wrapped", 5, "", "tasks_get.wrapped_in_progress"),
        ("wrapped", 10, "", "tasks_get.wrapped_success"),
        ("wrapped", 10, "[fail SAFETY.INPUT.TEXT]", "tasks_get.wrapped_failure"),
        ("bare", 0, "", "feed.flat_minimal"),
        ("duomi", 10, "", "feed.duomi_succeeded"),
        ("duomi", 10, "[fail SAFETY.INPUT.TEXT]", "feed.duomi_failed"),
        ("luma", 0, "", "quickrouter_tasks_get"),
    ],
)
async def test_poll_answers_have_the_documented_members(
    dialect: str, second: float, prompt: str, documented: str
) -> None:
    """At every stage of its life a task is worded with the members, the status and the progress that the pages show."""
    async with running(dialect=dialect) as caller:
        task_id = await caller.create(promptText=f"a cat {prompt}")
        await asyncio.sleep(second)
        body, expected = await caller.poll(task_id), payload(f"{documented}.response")
        assert members(body) == members(expected)
        assert vocabulary(body) == vocabulary(expected)


async def test_wrapped_success_carries_its_url_in_fail_reason() -> None:
    """The old wrapper stores the result's URL where failures are explained; the later one has a member for it."""
    for dialect, member in (("wrapped", "fail_reason"), ("wrapped_plus", "result_url")):
        async with running(dialect=dialect) as caller:
            task_id = await caller.create()
            await asyncio.sleep(10)
            row = (await caller.poll(task_id))["data"]
            assert row[member] == row["data"]["output"][0]
            assert (row["progress"], row["status"]) == ("100%", "SUCCESS")


async def test_wrapped_plus_has_two_ids() -> None:
    """The later wrapper shows an id of its own, and the upstream's inside."""
    async with running(dialect="wrapped_plus") as caller:
        task_id = await caller.create()
        await asyncio.sleep(5)
        row = (await caller.poll(task_id))["data"]
        assert row["task_id"] == task_id
        assert task_id.startswith("task_")
        assert row["data"]["id"] == caller.emulator.tasks[task_id].upstream_id != task_id


def vocabulary(value: Mapping[str, Any]) -> list[object]:
    """Return the words for state that a task's body holds, outermost first."""
    words = [value[name] for name in ("status", "state", "failureCode") if name in value]
    return words + (vocabulary(value["data"]) if isinstance(value.get("data"), dict) else [])
