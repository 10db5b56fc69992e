"""Answers as sibling gateways send them: a status, and once it has succeeded, a URL somewhere."""

import json
from pathlib import Path
from typing import Any

import pytest

from cometrunway import ImageToVideo
from cometrunway._policies import refuses_the_key
from cometrunway._tasks import Task, TaskStatus
from cometrunway._wire._decode import decode_created, decode_task
from cometrunway._wire._explain import explain
from cometrunway._wire._sent import Sent
from cometrunway.errors import APIError, CometRunwayError, TaskNotFoundError
from tests.answers import answer, refused_poll

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "gateways.json").read_text("utf-8"))
INPUT = "https://in.example.com/input.png?sig=1"
A, B = "https://cdn.example.com/a.mp4", "https://cdn.example.com/b.mp4"
STILL = "https://cdn.example.com/a.png"
REQUEST = ImageToVideo(prompt_image=INPUT)


def polled(body: object, status: int = 200, *, asked: Any = REQUEST, makes: str = "video") -> Task:
    """Return what a poll of a task says that this request made."""
    sent = Sent(asked, makes) if asked else None
    return decode_task(answer(body, status), task_id="ours", sent=sent)


def seen_by_a_wait(case: dict[str, Any]) -> Task | CometRunwayError:
    """Return what a poll with the answer of a case says of the task, or the error that it raises."""
    sent = Sent(ImageToVideo(prompt_image="https://in.example.com/input.png"), "video")
    response, task_id = answer(case["body"], case["status"]), case["name"].replace(" ", "~")
    try:
        return decode_task(response, task_id=task_id, sent=None if case.get("attached") else sent)
    except CometRunwayError as error:
        return error


def goes_on(seen: Task | CometRunwayError) -> bool:
    """Whether the task is polled again."""
    if isinstance(seen, CometRunwayError):
        return not (isinstance(seen, TaskNotFoundError) or refuses_the_key(seen))
    return not seen.status.is_terminal or (seen.status is TaskStatus.SUCCEEDED and not seen.outputs)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_an_answer_of_a_gateway_is_understood(case: dict[str, Any]) -> None:
    """A wait ends with exactly the files, or with the reason, or goes on: also for a success that names no file yet."""
    task = seen_by_a_wait(case)
    if case["want"] == "RUNNING":
        assert goes_on(task)
        return
    assert isinstance(task, Task)
    assert (task.status.value, list(task.outputs)) == (case["want"], case.get("outputs", []))
    if task.failure is not None:
        assert case["reason"] in task.failure.message
        assert task.failure.moderated or not case.get("moderated")


@pytest.mark.parametrize(
    "body",
    [
        {"id": "1", "state": "completed", "assets": {"video": A, "image": STILL}, "failure_reason": None},
        {"code": 200, "data": {"status": "completed", "output": {"video_url": A}, "error": {"code": 0}}},
        {"code": 200, "data": {"state": "success", "videoInfo": {"videoUrl": A, "imageUrl": STILL}}},
        {"code": 200, "data": {"state": "success", "resultJson": json.dumps({"resultUrls": [A]})}},
        {"code": 0, "data": json.dumps({"status": "succeeded", "output": [A]})},
        {"status": "completed", "metadata": {"url": A}},
        {"status": "SUCCEEDED", "output": {"video": A, "cover": STILL}},
        {"status": "SUCCEEDED", "outputs": [A]},
        {"status": "SUCCEEDED", "input": {"promptImage": INPUT}, "result": {"files": [{"href": A}]}},
        {"status": "done", "video": {"url": A, "duration": 6}},
        {"output": {"task_id": "ours", "task_status": "SUCCEEDED", "video_url": A}, "request_id": "r"},
        {"task": {"id": "ours", "status": "SUCCEEDED", "artifacts": [{"url": A, "previewUrls": [STILL]}]}},
        {"task": {"task_id": "x", "status": "TASK_STATUS_SUCCEED"}, "videos": [{"video_url": A, "video_url_ttl": "9"}]},
        {"id": "x", "status": "Ready", "result": {"sample": A}},
        {"status": "success", "data": {"task_status": "succeed", "task_result": {"videos": [{"url": A}]}}},
        {"data": {"successFlag": 1, "response": {"resultUrls": [A]}, "param": json.dumps({"image": INPUT})}},
        {"name": "operations/1", "done": True, "response": {"generatedVideos": [{"video": {"uri": A}}]}},
        {"status": "succeeded", "content": {"video_url": A, "last_frame_url": STILL}},
        {"status": "completed", "works": [{"resource": {"resource": A, "cover": {"resource": STILL}}}]},
        {
            "status": "succeeded",
            "output": A,
            "urls": {"get": "https://api.example.com/1", "web": "https://x.example/1"},
        },
        {"status": "COMPLETED", "response_url": "https://q.example/r", "cancel_url": "https://q.example/s", "file": A},
        {"status": "SUCCEEDED", "result": {"content": f"Here it is: ![video]({A})"}},
        {"status": "success", "result": {"url": A, "url_watermark": B}},
        {"status": "success", "result": {"watermark_url": B, "url": A}},
        {"Status": "Completed", "Result": {"VideoUrl": A}},
        [{"id": "1", "status": "SUCCEEDED", "output": [A]}],
        {"code": "success", "data": [{"task_id": "t", "status": "SUCCESS", "result_url": A}]},
        [{"id": "other", "status": "FAILED"}, {"id": "ours", "status": "SUCCEEDED", "output": [A]}],
        {"data": [{"task_id": "other", "status": "2"}, {"task_id": "ours", "status": "3", "video_url": A}]},
    ],
)
def test_a_success_is_understood_in_any_shape(body: object) -> None:
    """The file is found wherever the gateway puts it, and nothing beside it is taken."""
    task = polled(body)
    assert (task.status, task.outputs) == (TaskStatus.SUCCEEDED, (A,))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"status": "failed", "error": {"code": "content_policy_violation", "message": "not allowed"}}, "not allowed"),
        ({"status": "FAILED", "failure": {"reason": "no face", "code": "INPUT.FACE"}}, "no face"),
        ({"status": "timeout", "message": "upstream timed out"}, "upstream timed out"),
        ({"status": "rejected", "reason": "moderation"}, "moderation"),
        ({"status": "failed", "errors": [{"message": "first"}, {"message": "second"}]}, "first; second"),
        ({"status": "failed", "errors": ["first"]}, "first"),
        ({"status": "fail", "failMsg": "no luck", "failCode": "501"}, "no luck"),
        ({"status": "failed", "err_msg": "no luck"}, "no luck"),
        ({"status": "failed", "statusMessage": "no luck"}, "no luck"),
        ({"status": "Fail", "base_resp": {"status_code": 1027, "status_msg": "no luck"}}, "no luck"),
        ({"status": "failed", "fail_reason": json.dumps({"error": {"message": "no luck"}})}, "no luck"),
        ({"code": 200, "message": "success", "data": {"status": "failed", "error": {"message": "no luck"}}}, "no luck"),
        ({"code": 500, "message": "no luck", "data": {"task_id": "ours", "status": "failed"}}, "no luck"),
        ({"status": "failed", "error": {"code": 10000, "message": "", "raw_message": "no luck"}}, "no luck"),
        ({"id": "ours", "status": "FAILED", "failure": "no luck", "message": "success"}, "no luck"),
        ([{"id": "ours", "status": "FAILED", "failure": "no luck"}], "no luck"),
        ({"done": True, "error": {"code": 3, "message": "no luck"}}, "no luck"),
        ({"data": {"successFlag": 3, "errorMessage": "no luck"}}, "no luck"),
    ],
)
def test_a_failure_is_final_and_says_why(body: object, reason: str) -> None:
    """A final status that a body states is final, whatever stands beside it, and its reason is found."""
    task = polled(body)
    assert task.status is TaskStatus.FAILED
    assert task.failure is not None
    assert task.failure.message == reason


@pytest.mark.parametrize("word", ["Content Moderated", "Request Moderated", "nsfw", "flagged"])
def test_a_status_may_speak_of_moderation(word: str) -> None:
    """A status that says so is a moderated failure, without a word of reason."""
    failure = polled({"status": word}).failure
    assert failure is not None
    assert failure.moderated


@pytest.mark.parametrize(
    "body",
    [
        {"status": "In Progress", "progress": "12%"},
        {"request_id": "b5", "id": "task_x"},
        {"status": "success", "data": {"task_status": "processing"}},
        {"done": False},
        {"data": {"successFlag": 0}},
        {"status": "ready", "result": None},
        {"input": {"status": "FAILED"}},
    ],
)
def test_what_is_not_final_is_waited_for(body: object) -> None:
    """No status, another task's, the request's own, or one that goes on: the wait goes on too."""
    assert not polled(body).status.is_terminal


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"message": "Task is not completed yet, current status: NOT_START"}}, 400),
        ({"status": "failed", "message": "bad gateway"}, 502),
        ({"status": "error", "error": {"message": "rate limit exceeded", "type": "rate_limit_error"}}, 200),
        ({"status": "error", "code": 429, "message": "too many requests"}, 200),
        ({"status": "error", "code": 503, "message": "no channel"}, 200),
        ({"status": "error", "error": "invalid api key"}, 200),
    ],
)
def test_a_refusal_of_the_call_says_nothing_of_the_task(body: object, status: int) -> None:
    """A gateway that refuses the poll does not end the wait for a task that is paid for."""
    error = refused_poll(body, status)
    assert isinstance(error, APIError)


def test_a_row_with_our_id_is_final_with_any_http_status() -> None:
    """A gateway may pass on the HTTP status of a failure with the row of the task."""
    assert polled({"id": "ours", "status": "FAILED", "failure": "no luck"}, 400).status is TaskStatus.FAILED
    with pytest.raises(CometRunwayError):
        polled({"id": "another", "status": "FAILED", "failure": "no luck"}, 400)


@pytest.mark.parametrize(
    "body",
    [
        *([{"id": "a-1"}], {"data": [{"task_id": "a-1"}]}, {"data": {"taskId": "a-1"}}, {"data": '{"id": "a-1"}'}),
        *(
            {"output": {"task_id": "a-1"}, "request_id": "r"},
            {"data": {"task": {"id": "a-1"}}},
            {"job": {"jobId": "a-1"}},
        ),
        *({"data": [{"taskUUID": "a-1"}]}, {"Response": {"JobId": "a-1", "RequestId": "r"}}),
        {"code": 10000, "data": {"task_id": "a-1"}},
    ],
)
def test_a_create_is_accepted_in_any_shape(body: object) -> None:
    """An id in a list of one, or in JSON in a text, is an id."""
    assert decode_created(answer(body)) == "a-1"


@pytest.mark.parametrize(
    "body",
    [
        {"code": 0, "message": "ok", "request_id": "r"},
        {"code": 0, "channel": {"id": 3}, "user": {"id": 5}},
        {"error": {"message": "no", "id": "e"}},
        {"code": 429, "message": "no", "result": {"id": "r"}},
    ],
)
def test_an_id_of_something_else_is_no_task(body: object) -> None:
    """The id of a request, a channel or a user is none of a task, and a refusal has none."""
    with pytest.raises(CometRunwayError):
        decode_created(answer(body))


@pytest.mark.parametrize(
    ("place", "members"),
    [
        ("result.task_status", {"status": "success", "result": {"task_status": "failed"}}),
        ("data.task.state", {"data": {"task": {"id": "x", "state": "failed"}}}),
        ("tasks[0].data.status", {"tasks": [{"data": {"status": "failed"}}]}),
    ],
)
def test_it_is_explained_where_a_status_stands(place: str, members: dict[str, Any]) -> None:
    """The place is that of the statement that counts, from the answer itself."""
    assert explain(answer(members), task_id="", sent=None).status_at == place
