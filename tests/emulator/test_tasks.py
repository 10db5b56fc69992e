"""One emulated task: the clock alone says which of its states it is in."""

import math
from typing import Any

import pytest

from cometrunway.emulator._tasks import EmulatedTask


def task(**changes: Any) -> EmulatedTask:
    """Return a task that is created at 0, starts at 2 and ends at 10."""
    known: dict[str, Any] = {
        "id": "t-1",
        "upstream_id": "u-1",
        "number": 0,
        "route": "image_to_video",
        "action": "IMAGE_TO_VIDEO",
        "body": {"promptText": "a cat"},
        "digest": "d",
        "media": "video",
        "file_count": 1,
        "suffix": ".mp4",
        "ratio": (16, 9),
        "tint": 0,
        "created_at": 0.0,
        "visible_at": 0.0,
        "admitted_at": 0.0,
        "started_at": 2.0,
        "completed_at": 10.0,
        "outcome": "SUCCEEDED",
    }
    return EmulatedTask(**{**known, **changes})


@pytest.mark.parametrize("outcome", ["SUCCEEDED", "FAILED", "CANCELLED"])
def test_each_state_begins_at_its_moment(outcome: Any) -> None:
    """A task waits, runs and ends, and stays as it ended."""
    one = task(admitted_at=1.0, outcome=outcome)
    states = [one.status_at(moment) for moment in (0.0, 0.9, 1.0, 1.9, 2.0, 9.9, 10.0, 1e9)]
    assert states == ["THROTTLED"] * 2 + ["PENDING"] * 2 + ["RUNNING"] * 2 + [outcome] * 2


def test_progress_is_the_part_of_the_running_time() -> None:
    """From 0 at its start to 1 at its end, and never beyond."""
    one = task()
    assert [one.progress_at(moment) for moment in (0.0, 2.0, 4.0, 6.0, 10.0, 20.0)] == [0.0, 0.0, 0.25, 0.5, 1.0, 1.0]
    assert [one.waiting_at(moment) for moment in (0.0, 1.0, 2.0, 20.0)] == [0.0, 0.5, 1.0, 1.0]


def test_a_task_that_never_ends_makes_no_progress() -> None:
    """Unless it is said which; at no moment a number is missing."""
    stuck = task(started_at=0.0, completed_at=math.inf)
    assert (stuck.status_at(1e12), stuck.progress_at(1e12)) == ("RUNNING", 0.0)
    assert task(started_at=0.0, completed_at=math.inf, fixed_progress=0.5).progress_at(1e12) == 0.5
    assert task(fixed_progress=0.5).progress_at(10.0) == 1.0
    assert task(started_at=0.0, completed_at=0.0).progress_at(0.0) == 1.0


def test_a_prompt_is_what_the_route_calls_so() -> None:
    """A route without one has an empty prompt."""
    assert [task(body=body).prompt for body in ({"promptText": "a"}, {"prompt": "b"}, {"video": "v"})] == ["a", "b", ""]
