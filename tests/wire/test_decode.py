"""Every recorded answer means one thing, whichever dialect says it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cometrunway._tasks import Failure, Task, TaskStatus
from cometrunway._wire._decode import decode_callback, decode_created, decode_task
from cometrunway.errors import ProtocolError
from tests.answers import ANSWERS, CALLBACK, INDEX, PAYLOADS, answer, looked, recorded, refused_create

ROW_MADE = datetime(2026, 3, 13, 1, 52, 46, tzinfo=UTC)
RUNWAY_MADE = datetime(2026, 5, 1, 12, 47, 47, 351_000, tzinfo=UTC)
LUMA_MADE = datetime(2024, 12, 22, 13, 38, 40, 139_409, tzinfo=UTC)

CREATED = {
    "act_one.compat": "196642a0-05e1-441a-981e-eb0c1f5d983b",
    "act_one.reverse": "<string>",
    "aimanyi_image_to_video.envelope": "4665a07c-7641-4809-a133-10786201bb56",
    "aimanyi_image_to_video.seed5": "4665a07c-7641-4809-a133-10786201bb56",
    "character_performance.current": "5b91e444-c232-deaf-a4d7-8aef3e57336b",
    "character_performance.genB": "<string>",
    "generate_image.reverse": "<string>",
    "generate_image.seed4": "196642a0-05e1-441a-981e-eb0c1f5d983b",
    "generate_text.compat": "196642a0-05e1-441a-981e-eb0c1f5d983b",
    "generate_text.reverse": "<string>",
    "image_to_video.genB": "3d957031-9a2a-45e2-9dc7-bc8513059c50",
    "image_to_video.seed3": "d0658ae1-bbdd-4adc-aaba-fd8070e14d79",
    "text_to_image.constructed": "d0658ae1-bbdd-4adc-aaba-fd8070e14d79",
    "video2video.compat": "196642a0-05e1-441a-981e-eb0c1f5d983b",
    "video2video.seed2": "<string>",
    "video_to_video.current": "12a01a5e-ab55-4aa7-b002-7b873546cf76",
    "video_upscale.constructed": "d0658ae1-bbdd-4adc-aaba-fd8070e14d79",
}
TASKS: dict[str, dict[str, Any]] = {
    "feed.duomi_failed": {
        "status": TaskStatus.FAILED,
        "created_at": datetime(2024, 10, 11, 4, 56, 36, tzinfo=UTC),
        "failure": Failure(message="content moderation", moderated=True),
    },
    "feed.duomi_pending": {"status": TaskStatus.PENDING},
    "feed.duomi_succeeded": {
        "status": TaskStatus.SUCCEEDED,
        "created_at": datetime(2024, 12, 13, 8, 25, 48, tzinfo=UTC),
        "outputs": (
            "https://runwaycdn.rixapi.com/attachments/video/runway/20241213/53aab97f5842442293290f75c95905b0.mp4",
        ),
    },
    "feed.flat_minimal": {"status": TaskStatus.UNKNOWN},
    "feed.wrapped_queued": {"status": TaskStatus.PENDING, "progress": 0.0, "created_at": ROW_MADE},
    "quickrouter_tasks_get": {"status": TaskStatus.PENDING, "created_at": LUMA_MADE},
    "tasks_get.flat_succeeded": {
        "status": TaskStatus.SUCCEEDED,
        "created_at": RUNWAY_MADE,
        "outputs": ("https://example.com/output.mp4",),
    },
    "tasks_get.official_cancelled": {
        "status": TaskStatus.CANCELLED,
        "created_at": RUNWAY_MADE,
        "failure": Failure(message="cancelled on the server"),
    },
    "tasks_get.official_failed": {
        "status": TaskStatus.FAILED,
        "created_at": RUNWAY_MADE,
        "failure": Failure(message="An unexpected error occurred.", code="INTERNAL", retryable=True),
    },
    "tasks_get.official_pending": {"status": TaskStatus.PENDING, "created_at": RUNWAY_MADE},
    "tasks_get.official_running": {"status": TaskStatus.RUNNING, "created_at": RUNWAY_MADE, "progress": 0.5},
    "tasks_get.official_succeeded": {
        "status": TaskStatus.SUCCEEDED,
        "created_at": datetime(2024, 6, 27, 19, 49, 32, 335_000, tzinfo=UTC),
        "outputs": ("https://dnznrvs05pmza.cloudfront.net/output.mp4?_jwt=...",),
    },
    "tasks_get.official_throttled": {"status": TaskStatus.THROTTLED, "created_at": RUNWAY_MADE},
    "tasks_get.wrapped_failure": {
        "status": TaskStatus.FAILED,
        "progress": 1.0,
        "created_at": ROW_MADE,
        "failure": Failure(message="Content moderation", code="SAFETY.INPUT.TEXT", moderated=True),
    },
    "tasks_get.wrapped_in_progress": {"status": TaskStatus.RUNNING, "progress": 0.3, "created_at": ROW_MADE},
    "tasks_get.wrapped_not_start": {"status": TaskStatus.PENDING, "progress": 0.0, "created_at": ROW_MADE},
    "tasks_get.wrapped_null": {"status": TaskStatus.UNKNOWN},
    "tasks_get.wrapped_queued": {"status": TaskStatus.PENDING, "progress": 0.0, "created_at": ROW_MADE},
    "tasks_get.wrapped_submitted": {"status": TaskStatus.PENDING, "progress": 0.1, "created_at": ROW_MADE},
    "tasks_get.wrapped_success": {
        "status": TaskStatus.SUCCEEDED,
        "progress": 1.0,
        "created_at": ROW_MADE,
        "outputs": ("https://example.com/output.mp4",),
    },
}


def test_every_recorded_answer_has_its_meaning_here() -> None:
    """No recorded body goes untested: each is a create, a poll, a refusal, or the one without an id."""
    errors = {name for name in ANSWERS if name.startswith("error.")}
    assert set(ANSWERS) == CREATED.keys() | TASKS.keys() | errors | {"video_to_video.seed1"}
    assert CALLBACK in {sample.get("request_file") for sample in INDEX}


@pytest.mark.parametrize("name", CREATED)
def test_a_recorded_create_has_an_id(name: str) -> None:
    """The id is found in every documented shape of a create answer."""
    assert decode_created(recorded(name)) == CREATED[name]


@pytest.mark.parametrize("name", TASKS)
def test_a_recorded_poll_is_a_task(name: str) -> None:
    """Every documented shape of a poll decodes to the same few fields, under the id that was asked for."""
    assert decode_task(recorded(name), task_id="ours") == Task(id="ours", **TASKS[name])


def test_a_task_keeps_the_whole_answer() -> None:
    """What the decoder does not know is still in `raw`."""
    assert looked({"id": "x", "status": "RUNNING", "new": [1]}).raw == {"id": "x", "status": "RUNNING", "new": [1]}


@pytest.mark.parametrize(
    "body",
    [
        {"id": "a-1"},
        {"id": "a-1", "status": "PENDING"},
        {"id": "a-1", "status": "FAILED", "error": "odd, but there is an id"},
        {"code": "success", "message": "", "data": "a-1"},
        {"code": 123, "msg": "<string>", "data": {"task_id": "a-1"}, "exec_time": 123},
        {"code": 200, "data": {"task_id": "a-1", "state": None, "point": ""}, "exec_time": 20.93},
        {"code": "success", "data": {"id": 7, "task_id": "a-1"}},
        {"id": 7, "task_id": "a-1"},
        {"id": "", "data": {"id": "a-1"}},
        {"code": 0, "data": {"code": "success", "data": {"id": "a-1"}}},
        b'\xef\xbb\xbf {"id": "a-1"}',
        b'{"id": "a-1"}{"code": "insert_task_failed", "message": "no such table", "data": null}',
        b'{"id": "a-1", "prompt": "\xff\xfe"}',
    ],
)
def test_a_create_with_an_id_succeeded(body: object) -> None:
    """A 2xx with an id is a task, whatever code, status or second object stands beside it."""
    assert decode_created(answer(body)) == "a-1"


def test_a_number_is_an_id() -> None:
    """An id is opaque; one that comes as a number becomes the string of it."""
    assert decode_created(answer({"task_id": 2**63})) == "9223372036854775808"


@pytest.mark.parametrize("task_id", [".", "..", "a\nb", "a\x00b", "a\ud800b", "x" * 513])
def test_an_id_that_names_no_resource_is_refused(task_id: str) -> None:
    """An id that would change the path, or was damaged on its way, is a protocol error, and no proof of refusal."""
    error = refused_create({"id": task_id})
    assert isinstance(error, ProtocolError)
    assert "usable task id" in str(error)


@pytest.mark.parametrize(
    "body", [{}, {"id": None}, {"id": ""}, {"id": "  "}, {"id": True}, {"id": 0}, {"id": ["a"]}, {"data": "well done"}]
)
def test_a_success_without_an_id_is_no_success(body: object) -> None:
    """A 2xx that names no task is a protocol error that shows what came instead."""
    error = refused_create(body)
    assert isinstance(error, ProtocolError)
    assert "without a task id" in str(error)


def test_the_documented_empty_object_is_no_success() -> None:
    """One page documents `{}` as the answer of a create: nothing can be polled by that."""
    with pytest.raises(ProtocolError, match="without a task id"):
        decode_created(recorded("video_to_video.seed1"))


def test_a_callback_is_a_task() -> None:
    """The body that the gateway posts is read by the same decoder, with the id that it names."""
    task = decode_callback((PAYLOADS / CALLBACK).read_bytes())
    assert task == Task(
        id="d51c94db-f7fa-4ad3-a083-b8918686c478",
        status=TaskStatus.SUCCEEDED,
        created_at=datetime(2024, 10, 11, 4, 56, 36, tzinfo=UTC),
        outputs=(
            "https://runwaycdn.cometapi.com/attachments/video/runway/20241011/8af2304880d6b32bfff5f0ea33007566.mp4",
        ),
    )


@pytest.mark.parametrize("name", ["feed.duomi_succeeded", "feed.wrapped_queued", "tasks_get.official_running"])
def test_a_callback_may_have_any_shape(name: str) -> None:
    """A callback in the shape of a poll is as good, envelope and all."""
    body = ANSWERS[name][1]
    task = decode_callback(body)
    assert task.status is TASKS[name]["status"]
    assert task.id.encode() in body


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"{}", b'{"status": "3"}', b'{"task_id": ".."}', b"\xff"])
def test_a_callback_without_an_id_is_refused(body: bytes) -> None:
    """A post that names no task is a protocol error."""
    with pytest.raises(ProtocolError, match="without a task id"):
        decode_callback(body)


def test_an_id_has_at_most_512_characters() -> None:
    """A longer one is no id, so that the create is in doubt."""
    assert decode_created(answer({"id": "x" * 512})) == "x" * 512
    assert isinstance(refused_create({"id": "x" * 513}), ProtocolError)
