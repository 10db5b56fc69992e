"""Whatever the bytes are: a task, an id, or an error of ours."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cometrunway._tasks import Task, TaskStatus
from cometrunway._wire._body import parsed
from cometrunway._wire._decode import decode_callback, decode_created, decode_task
from cometrunway._wire._explain import Explanation, explain
from cometrunway._wire._http import HttpResponse
from cometrunway._wire._refusals import proves_refusal
from cometrunway._wire._sent import Sent
from cometrunway.errors import CometRunwayError, ProtocolError
from tests.answers import ANSWERS, CALLBACK, PAYLOADS, answer, looked, refused_poll
from tests.samples import yawn

BODIES = [*(body for _, body in ANSWERS.values()), (PAYLOADS / CALLBACK).read_bytes()]
KEYS = sorted(
    {
        key.decode().strip('":')
        for body in BODIES
        for key in body.split()
        if key.startswith(b'"') and key.endswith(b'":')
    }
    | {"result_url", "raw_video_url", "task_result", "videos", "images", "url", "request_id", "task_status_msg"}
    | {"result", "tasks", "statusLabel", "response", "finish_reason", "video", "images", "message", "error", "detail"}
    | {"b64_json", "mimeType", "resultJson", "successFlag", "done", "errors", "base_resp", "assets", "data"}
)
WORDS = [
    "SUCCESS",
    "FAILED",
    "CANCELLED",
    "2",
    "3",
    "task_not_exist",
    "success",
    "100%",
    "1e999",
    "{}",
    '"',
    "SAFETY.X",
]
WORDS += [
    "https://example.com/a",
    "HTTP://EXAMPLE.COM/a",
    "https://[",
    "//example.com/a b",
    "data:video/mp4;base64,AAAA",
]
WORDS += [
    "data:video/mp4;base64,AAAA",
    '{"status": "SUCCESS", "output": ["https://example.com/b"]}',
    "[" * 99,
    '[{"url": "http://a"}]',
    "A" * 20,
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 600)
    | st.just(2**63)
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(st.characters(), max_size=20)
    | st.datetimes().map(lambda moment: moment.isoformat())
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=8),
    max_leaves=30,
)
objects = st.dictionaries(st.sampled_from(KEYS), values, max_size=10)
statuses = st.integers(100, 599) | st.just(200)
headers = st.dictionaries(
    st.sampled_from(["retry-after", "date", "location", "content-type", "x-request-id"]),
    st.text(st.characters()) | st.sampled_from(["Fri, 13 Mar 2026 12:00:00 GMT", "-1", "1e9", "Fri, 99 Mar 99999"]),
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Draw a recorded body with some of its members replaced, at any depth, or some of its bytes."""
    body: bytes = draw(st.sampled_from(BODIES))
    if draw(st.booleans()):
        at, length = draw(st.integers(0, len(body))), draw(st.integers(0, 20))
        return body[:at] + draw(st.binary(max_size=20)) + body[at + length :]
    content: dict[str, Any] = json.loads(body)
    for _ in range(draw(st.integers(1, 3))):
        place = content
        while isinstance(place.get("data"), dict) and draw(st.booleans()):
            place = place["data"]
        place[draw(st.sampled_from([*place, *KEYS]))] = draw(values)
    return json.dumps(content).encode()


bodies = st.binary() | mutated() | (objects | values).map(lambda value: json.dumps(value).encode())


def outcome(call: Callable[[], object]) -> object:
    """Return what a call returns, or the error of ours that it raises."""
    try:
        return call()
    except CometRunwayError as error:
        str(error).encode()
        return error


def check(task: Task) -> None:
    """Hold all that a task promises against it."""
    assert task.progress is None or 0 <= task.progress <= 1
    assert task.created_at is None or task.created_at.utcoffset() is not None
    assert (task.failure is not None) == (task.status in {TaskStatus.FAILED, TaskStatus.CANCELLED})
    assert len(set(task.outputs)) == len(task.outputs)
    assert all(url.startswith(("http://", "https://", "data:")) for url in task.outputs)
    assert task.status is TaskStatus.SUCCEEDED or not task.outputs
    for text in (*task.outputs, repr(task), repr(task.failure), json.dumps(task.raw, ensure_ascii=False)):
        text.encode()


@settings(max_examples=1500, deadline=None)
@given(body=bodies, status=statuses, headers=headers)
@example(body=b'{"status": "SUCCESS", "output": "https://\\ud800"}', status=200, headers={})
@example(body=b'{"id": 1' + b"0" * 5000 + b"}", status=200, headers={})
def test_nothing_but_our_errors_escapes(body: bytes, status: int, headers: dict[str, str]) -> None:
    """Any bytes with any status and any headers give a task that keeps its promises, an id, or an error of ours."""
    response = HttpResponse(status=status, headers=headers, body=body)
    for seen in (
        outcome(lambda: decode_task(response, task_id="ours")),
        outcome(lambda: decode_task(response, task_id="ours", sent=Sent(yawn(), "video"))),
        outcome(lambda: decode_callback(body)),
    ):
        if isinstance(seen, Task):
            check(seen)
        else:
            assert isinstance(seen, CometRunwayError)
    for sent in (None, Sent(yawn(), "video")):
        assert isinstance(explain(response, task_id="ours", sent=sent), Explanation)
    created = outcome(lambda: decode_created(response))
    if isinstance(created, CometRunwayError):
        assert isinstance(proves_refusal(created), bool)
    else:
        assert isinstance(created, str)
        assert created.isprintable()
        assert created.encode()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"data":' * 100_000,
        b'{"data":' * 100 + b"{}" + b"}" * 100,
        b'{"id": 1' + b"0" * 5_000 + b"}",
        b'{"id": "x"',
        '{"id": "x"}'.encode("utf-16"),
    ],
)
def test_a_hostile_body_is_no_answer(body: bytes) -> None:
    """What is nested too deep, too large a number or no JSON is a protocol error."""
    assert isinstance(refused_poll(body), ProtocolError)


def test_brackets_in_a_text_are_no_nesting() -> None:
    """Only depth is refused, not the sign."""
    assert looked({"status": "RUNNING", "prompt": "[{" * 1_000, "data": [{}] * 1_000}).status is TaskStatus.RUNNING


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": NaN}', {"a": None}),
        (b'{"a": -Infinity}', {"a": None}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": 9223372036854775808}', {"a": 2**63}),
        (b'\xef\xbb\xbf\n{"a": 1}', {"a": 1}),
        (b'{"a": 1} trailing', {"a": 1}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (b'{"a": "\\ud83d", "\\uDE00": 1}', {"a": "\ufffd" * 3, "\ufffd" * 3: 1}),
        (b'"{\\"a\\": 1}"', {"a": 1}),
    ],
)
def test_an_odd_body_is_read(body: bytes, value: object) -> None:
    """What can be read is read, and every text in it has a UTF-8 form."""
    assert parsed(body) == value


def test_a_huge_text_is_bounded_in_an_error() -> None:
    """An error stays small, however much the server says."""
    error = refused_poll({"code": "x" * 10_000, "message": "y" * 1_000_000}, 400)
    assert len(str(error)) < 1_000
    assert len(error.body) == 2_000  # type: ignore[attr-defined]


HOSTILE: dict[str, Callable[[int], object]] = {
    "blanks": lambda size: {"status": "SUCCEEDED", "output": "a" + " " * size + "b"},
    "commas": lambda size: {"status": "SUCCEEDED", "output": ",http" * size},
    "user information": lambda size: {"status": "SUCCEEDED", "output": "https://" + "a@" * size},
    "brackets": lambda size: {"status": "SUCCEEDED", "result": ["[" * size, "{" * size]},
    "base64": lambda size: {"status": "SUCCEEDED", "result": {"b64_json": "A" * size, "video": "A" * size}},
    "a long key": lambda size: {"status": "SUCCEEDED", "x" * size: {"a": [0] * 1000}},
    "long keys": lambda size: {"status": "SUCCEEDED", **{f"{number}" * size: 1 for number in range(10)}},
    "a long status": lambda size: {"id": "x", "status": "failed_" * size, "status_label": "failed_" * size},
    "many rows": lambda size: {"data": [{"id": number} for number in range(size)]},
    "many states": lambda size: {f"k{number}": {"status": "?"} for number in range(size)},
    "a long reason": lambda size: {"id": "x", "status": "FAILED", "failure": "violating " * size},
    "many reasons": lambda size: {"id": "x", "status": "FAILED", "errors": {f"{n}": [""] for n in range(size)}},
    "deep reasons": lambda size: {"id": "x", "status": "FAILED", "error": _deep({"a": [0] * size}, "message")},
    "deep results": lambda size: {"id": "x", "status": "FAILED", "result": _deep({"a": [0] * size}, "result")},
}


def _deep(value: object, key: str) -> object:
    for _ in range(50):
        value = {key: value}
    return value


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_the_cost_of_an_answer_grows_no_faster_than_it(make: Callable[[int], object]) -> None:
    """Ten times the answer is about ten times the calls of Python; a regular expression is one whatever it costs."""
    few, many = (_calls(answer(make(size))) for size in (300, 3_000))
    assert many < 15 * few + 1_000


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_large_hostile_answer_is_read(make: Callable[[int], object]) -> None:
    """None of them takes the square of its length, which here would be hours, and all give a task or our error."""
    response = answer(make(30_000))
    for sent in (None, Sent(yawn(), "video")):
        outcome(lambda sent=sent: decode_task(response, task_id="ours", sent=sent))  # type: ignore[misc]  # a lambda
        assert explain(response, task_id="ours", sent=sent).status in TaskStatus


def _calls(response: HttpResponse) -> int:
    count = 0

    def tally(_frame: object, _event: str, _argument: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(tally)
    try:
        outcome(lambda: decode_task(response, task_id="ours", sent=Sent(yawn(), "video")))
    finally:
        sys.setprofile(None)
    return count


def test_an_answer_is_not_changed() -> None:
    """Decoding twice gives the same: nothing is taken out of the answer."""
    response = answer(ANSWERS["tasks_get.wrapped_success"][1])
    assert decode_task(response, task_id="x") == decode_task(response, task_id="x")
