"""The emulator's answers: what it says of tasks, in every dialect."""

import asyncio
import base64
import json
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from attrs import frozen

from cometrunway.emulator import Emulator, Faults, LogNormal, Uniform
from tests.pictures import picture

PAYLOADS = Path(__file__).parent.parent / "payloads"
DIALECTS = ["flat", "wrapped", "wrapped_plus", "bare", "duomi", "kling", "luma"]
URI = "https://example.com/cat.jpg"
BODIES: Mapping[str, Mapping[str, Any]] = {
    "image_to_video": {"model": "gen4_turbo", "promptImage": URI, "promptText": "a cat"},
    "text_to_image": {
        "model": "gen4_image",
        "promptText": "a cat",
        "ratio": "1024:1024",
        "referenceImages": [{"uri": URI}],
    },
    "video_to_video": {"model": "gen4_aleph", "videoUri": URI, "promptText": "a cat", "ratio": "1280:720"},
    "video_upscale": {"model": "upscale_v1", "videoUri": URI},
    "character_performance": {
        "model": "act_two",
        "character": {"type": "image", "uri": URI},
        "reference": {"type": "video", "uri": URI},
    },
    "generate": {"model": "gen4", "prompt": "a cat", "callback_url": URI},
    "video2video": {"model": "gen4", "prompt": "a cat", "video": URI, "callback_url": URI, "options": {"seconds": 5}},
    "act_one": {"video": URI, "image": URI, "callback_url": URI},
}


def payload(name: str) -> Any:
    """Return a documented body."""
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def path_of(route: str) -> str:
    """Return the path of a creation route."""
    return f"/runway/pro/{route}" if route in {"generate", "video2video", "act_one"} else f"/runwayml/v1/{route}"


@frozen
class Caller:
    """Speaks plain HTTP to an emulator."""

    emulator: Emulator
    http: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Send a request with the right key; returns the status and the parsed body."""
        defaults = {"Authorization": f"Bearer {self.emulator.api_key}", "X-Runway-Version": "2024-11-06"}
        sent = {name: value for name, value in (defaults | headers).items() if value}
        options: dict[str, Any] = {"headers": sent, "allow_redirects": False}
        async with self.http.request(method, self.emulator.base_url + path, json=body, **options) as response:
            text = await response.text()
            return response.status, json.loads(text) if "json" in response.content_type else text

    async def create(self, route: str = "image_to_video", **changes: object) -> str:
        """Create a task; returns its id."""
        status, body = await self.call("POST", path_of(route), {**BODIES[route], **changes})
        assert status == 200, body
        return list(self.emulator.tasks)[-1]

    async def poll(self, task_id: str) -> Any:
        """Return what GET says of a task."""
        status, body = await self.call("GET", f"/runwayml/v1/tasks/{task_id}")
        assert status == 200, body
        return body

    async def feed(self, task_id: str) -> Any:
        """Return what the feed says of a task."""
        status, body = await self.call("POST", "/runway/feed", {"task_id": task_id})
        assert status == 200, body
        return body


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Caller]:
    """Run an emulator whose tasks are known at once and take ten seconds, unless told otherwise."""
    emulator = Emulator(**{"duration": 10, "not_exist_seconds": 0, **options})
    async with emulator, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Caller(emulator, http)


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


@pytest.mark.parametrize(
    ("form", "status", "documented"),
    [
        ("400", 400, "error.task_not_exist_400"),
        ("200", 200, "error.task_not_exist_200"),
        ("status", 200, "error.task_not_exist_status_field"),
        ("duomi", 200, "error.task_not_exist_duomi"),
        ("404", 404, "error.comet_503_no_channel"),
    ],
)
async def test_a_new_task_does_not_exist_yet(form: str, status: int, documented: str) -> None:
    """A new task is answered as task_not_exist, in the chosen wire form; after a while it is there."""
    async with running(not_exist_seconds=6, speed=2, not_exist_form=form) as caller:
        task_id = await caller.create()
        answered, body = await caller.call("GET", f"/runwayml/v1/tasks/{task_id}")
        assert (answered, members(body)) == (status, members(payload(f"{documented}.response")))
        assert "task_not_exist" in json.dumps(body)
        await asyncio.sleep(3)
        assert (await caller.poll(task_id))["id"] == task_id


@pytest.mark.parametrize(("progress", "said"), [("none", None), ("coarse", 0.25), ("good", 0.412)])
async def test_progress_is_as_good_as_asked(progress: str, said: float | None) -> None:
    """Polls say nothing of progress, or quarters, or three digits."""
    async with running(progress=progress) as caller:
        task_id = await caller.create()
        await asyncio.sleep(5)
        assert (await caller.poll(task_id)).get("progress") == said


async def test_too_many_tasks_are_throttled_in_order() -> None:
    """Tasks above `max_running` wait as THROTTLED and start, first come first served, when one ends."""
    async with running(max_running=2) as caller:
        tasks = [caller.emulator.tasks[await caller.create(promptText=f"cat {number}")] for number in range(5)]
        now = asyncio.get_running_loop().time()
        assert [(await caller.poll(task.id))["status"] for task in tasks] == ["PENDING"] * 2 + ["THROTTLED"] * 3
        assert [round(task.completed_at - now) for task in tasks] == [10, 10, 20, 20, 30]


async def test_prompts_decide_fates() -> None:
    """Words in brackets make a task fail with a code, take long, be cancelled or never end."""
    async with running(speed=2) as caller:
        prompts = ("[fail ASSET.INVALID]", "[seconds 90]", "[cancel]", "[stuck]")
        failed, long, cancelled, stuck = [
            caller.emulator.tasks[await caller.create("generate", prompt=prompt)] for prompt in prompts
        ]
        assert (failed.outcome, failed.failure_code) == ("FAILED", "ASSET.INVALID")
        assert long.duration == pytest.approx(45)
        assert cancelled.outcome == "CANCELLED"
        assert stuck.status_at(1e9) == "RUNNING" or stuck.completed_at == float("inf")


async def test_a_test_decides_the_fates_of_the_next_tasks() -> None:
    """Each call of `next_task` decides one task, before its prompt and chance do; the task after is left to those."""
    async with running(duration=8, progress="coarse", failure_rate=0.0) as caller:
        caller.emulator.next_task(fails="ASSET.INVALID")
        caller.emulator.next_task(cancelled=True, seconds=90)
        caller.emulator.next_task(seconds=math.inf, progress=0.5)
        failed, cancelled, stuck, plain = [
            caller.emulator.tasks[await caller.create(promptText=f"{number} [fail]")] for number in range(4)
        ]
        assert (failed.outcome, failed.failure_code, failed.duration) == ("FAILED", "ASSET.INVALID", 8)
        assert (cancelled.outcome, cancelled.duration) == ("CANCELLED", 90)
        await asyncio.sleep(3600)
        assert (await caller.poll(stuck.id))["progress"] == 0.5
        assert (plain.outcome, plain.failure_code) == ("FAILED", "INTERNAL")


@pytest.mark.parametrize("wrong", [{"fails": "INTERNAL", "cancelled": True}, {"seconds": -1}, {"progress": 2}])
def test_a_fate_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    """A task does not both fail and be cancelled, and its numbers have limits."""
    with pytest.raises(ValueError, match=list(wrong)[-1]):
        Emulator().next_task(**wrong)


async def drawn(**options: Any) -> tuple[list[str], list[tuple[float, str]]]:
    """Return the ids of five tasks, and their durations and outcomes."""
    async with running(duration=LogNormal(median=8), failure_rate=0.5, **options) as caller:
        for _ in range(5):
            await caller.create()
        tasks = list(caller.emulator.tasks.values())
    return [task.id for task in tasks], [(round(task.duration, 6), task.outcome) for task in tasks]


@pytest.mark.parametrize("faults", [{}, {"poll:502=0.5"}])
async def test_the_same_seed_makes_the_same_tasks(faults: set[str]) -> None:
    """Durations and outcomes follow from the seed, and chance faults do not disturb them."""
    (_, one), (_, again), (_, other) = (
        await drawn(seed=1),
        await drawn(seed=1, faults=Faults.parse(*faults)),
        await drawn(seed=2),
    )
    assert one == again != other


async def test_no_two_emulators_give_the_same_ids() -> None:
    """The ids of an emulator that is started again are new, so that a journal takes no other task for its own."""
    (one, _), (other, _) = await drawn(seed=7), await drawn(seed=7)
    assert len({*one, *other}) == 10


async def test_ids_can_be_repeated() -> None:
    """With `repeat_ids` the same seed gives the same ids."""
    assert await drawn(seed=7, repeat_ids=True) == await drawn(seed=7, repeat_ids=True)


async def test_durations_follow_their_route() -> None:
    """A route may have a duration of its own, and speed divides it."""
    async with running(durations={"act_one": Uniform(low=40, high=60)}, speed=2) as caller:
        other, own = await caller.create("generate"), await caller.create("act_one")
        assert caller.emulator.tasks[other].duration == pytest.approx(5)
        assert 20 <= caller.emulator.tasks[own].duration <= 30


async def test_the_ledger_knows_who_saw_the_end() -> None:
    """The ledger counts polls and keeps when the end was first seen."""
    async with running() as caller:
        task = caller.emulator.tasks[await caller.create()]
        await caller.poll(task.id)
        assert (task.polls, task.end_seen_at) == (1, None)
        await asyncio.sleep(12)
        await caller.feed(task.id)
        assert task.end_seen_at is not None
        assert task.end_seen_at - task.completed_at == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("dialect", "klingon"),
        ("speed", 0),
        ("host", "0.0.0.0"),  # noqa: S104  # what must be refused
        ("failure_rate", 1.5),
        ("balance", -1),
        ("not_exist_form", "500"),
        ("durations", {"image2video": 3}),
        ("log_limit", 0),
        ("asset_lifetime", float("nan")),
    ],
)
def test_wrong_options_are_named(option: str, value: Any) -> None:
    """An option out of its range is a ValueError that names it."""
    with pytest.raises(ValueError, match=option):
        Emulator(**{option: value})


def test_an_emulator_that_does_not_run_has_no_url() -> None:
    """Asking for a URL outside of the block says what to do."""
    with pytest.raises(RuntimeError, match="async with"):
        _ = Emulator().base_url


async def test_a_port_that_is_taken() -> None:
    """An emulator that cannot listen says so, and leaves nothing behind that listens."""
    async with running() as caller:
        port = int(caller.emulator.base_url.rpartition(":")[2])
        with pytest.raises(OSError, match=str(port)):
            await Emulator(port=port).__aenter__()


async def test_an_emulator_runs_once() -> None:
    """Entering the block again is refused, for its books are those of one run."""
    async with running() as caller:
        pass
    with pytest.raises(RuntimeError, match="another"):
        await caller.emulator.__aenter__()


def members(value: object) -> set[str]:
    """Return the paths of all members of a JSON value."""
    if not isinstance(value, dict):
        return set()
    return set(value) | {f"{name}.{inner}" for name, member in value.items() for inner in members(member)}


def vocabulary(value: Mapping[str, Any]) -> list[object]:
    """Return the words for state that a task's body holds, outermost first."""
    words = [value[name] for name in ("status", "state", "failureCode") if name in value]
    return words + (vocabulary(value["data"]) if isinstance(value.get("data"), dict) else [])
