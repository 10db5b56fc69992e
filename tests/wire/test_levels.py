"""The levels of an answer that describe a task: envelopes are followed, and other tasks are not."""

import json
from typing import Any

import pytest

from cometrunway._wire._levels import levels, other_levels, plain_levels
from cometrunway.errors import ProtocolError
from tests.answers import looked, refused_poll

URL = "https://example.com/a.mp4"


def places(body: dict[str, Any], task_id: str | None = None) -> list[str]:
    """Return the places of the nested `data` of an answer."""
    return [level.place for level in levels(body, task_id)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"status": "x"}, [""]),
        ({"data": {"data": {"status": "x"}}}, ["", "data", "data.data"]),
        ({"data": json.dumps({"data": {"status": "x"}})}, ["", "data", "data.data"]),
        ({"data": [{"id": "other"}, {"id": "ours"}]}, ["", "data[1]"]),
        ({"data": [{"status": "x"}]}, ["", "data[0]"]),
        ({"data": [{"id": "other"}, {"id": "another"}]}, [""]),
        ({"data": "well done"}, [""]),
        ({"data": None}, [""]),
    ],
)
def test_each_data_is_a_level(body: dict[str, Any], expected: list[str]) -> None:
    """An object, JSON in a text, or of a list the object with our id, or the only one."""
    assert places(body, "ours") == expected


def test_the_parts_of_a_task_are_no_levels_of_it() -> None:
    """A list in a task that states itself holds other tasks, if none has our id: their end is not that of ours."""
    assert places({"id": "ours", "status": "RUNNING", "data": [{"id": "part", "status": "SUCCEEDED"}]}, "ours") == [""]
    assert places({"id": "ours", "data": [{"id": "part", "status": "SUCCEEDED"}]}, "ours") == [""]
    assert places({"code": 0, "data": [{"id": "part", "status": "SUCCEEDED"}]}, "ours") == ["", "data[0]"]


def test_the_usual_answer_is_read_without_places() -> None:
    """With the same result; an answer with a list or a text is left to the slower way."""
    body = {"code": 0, "data": {"task_id": "t", "data": {"status": "x"}}}
    assert plain_levels(body) == [level.members for level in levels(body)]
    assert plain_levels({"data": [{"status": "x"}]}) is None
    assert plain_levels({"data": "{}"}) is None


def test_a_task_beside_the_envelope_is_found() -> None:
    """Under the names that tasks and results have; the one with our id comes first."""
    body = {"output": {"job": {"state": "failed"}}, "tasks": [{"id": "other"}, {"id": "ours", "status": "x"}]}
    assert [level.place for level in other_levels(body, "ours")] == ["tasks[1]", "output", "output.job"]


@pytest.mark.parametrize("key", ["input", "error", "request", "retry", "previous_task", "sub_tasks", "webhook", "user"])
def test_what_is_not_the_task_is_not_asked(key: str) -> None:
    """The status of a request, of an attempt, of a part or of a callback is none of the task."""
    assert not other_levels({"code": 0, key: {"status": "FAILED"}}, "ours")


def test_in_a_task_only_its_result_is_followed() -> None:
    """Whatever else a task has may be another one."""
    inner = {"status": "FAILED"}
    assert [level.place for level in other_levels({"id": "ours", "scene": inner, "result": inner}, "ours")] == [
        "result"
    ]
    assert [level.place for level in other_levels({"scene": inner}, "ours")] == ["scene"]


def test_the_values_that_are_visited_are_bounded() -> None:
    """An answer with very many objects is read in little time."""
    assert len(other_levels({"results": {f"row{n}": {"n": n} for n in range(10_000)}}, "ours")) < 200


def test_the_nesting_is_bounded() -> None:
    """A gateway over a gateway is followed, an endless nest is not."""
    nest: dict[str, Any] = {"status": "SUCCEEDED", "output": [URL]}
    for _ in range(4):
        nest = {"data": nest}
    assert looked(nest).outputs == (URL,)
    for _ in range(65):
        nest = {"data": nest}
    assert isinstance(refused_poll(nest), ProtocolError)


def test_a_list_of_others_is_no_answer() -> None:
    """Of several rows without our id none is ours."""
    error = refused_poll([{"id": "a", "status": "FAILED"}, {"id": "b", "status": "SUCCEEDED"}])
    assert isinstance(error, ProtocolError)
