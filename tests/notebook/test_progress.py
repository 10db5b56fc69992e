"""The progress of a cell's waits: what is counted, what is foretold, and what is named."""

from collections.abc import Collection
from typing import Any

import pytest

from cometrunway import Asset, Failure, Task, TaskFailedError, TaskStatus
from cometrunway._handle import TaskFuture, TaskReference
from cometrunway._notebook._progress import Snapshot, bundle_of
from cometrunway._submission._batch import BatchFutures

EVIL = "<script>alert(1)</script>\x1b[2J"


class _Watcher:
    """A scheduler that expects the end in ten seconds."""

    async def cancel(self, future: TaskFuture) -> None:
        raise NotImplementedError

    def eta_of(self, futures: Collection[TaskFuture]) -> float | None:
        return 10.0 if futures else None


def running(key: str, progress: float | None = None) -> TaskFuture:
    """Return a task that runs."""
    future = TaskFuture(TaskReference(id=f"task-of-{key}", route="image_to_video", key=key))
    future.task = Task(id=future.id, status=TaskStatus.RUNNING, progress=progress)
    future.watcher = _Watcher()
    return future


def delivered(key: str) -> TaskFuture:
    """Return a task whose file is there."""
    future = running(key)
    future.set_result((Asset(url="https://example.com/a.mp4"),))
    return future


def failed(key: str, reason: str = "no luck") -> TaskFuture:
    """Return a task that has failed."""
    future = running(key)
    task = Task(id=future.id, status=TaskStatus.FAILED, failure=Failure(message=reason))
    future.fail(TaskFailedError(reason, task=task))
    return future


def snapshot(*subjects: TaskFuture | BatchFutures, seconds: float = 20.0, **more: Any) -> Snapshot:
    """Return the state of what a cell waits for."""
    return Snapshot.of(subjects, seconds=seconds, **{"is_waited_for": True, **more})


def batch(*futures: TaskFuture, total: int) -> BatchFutures:
    """Return a batch of so many requests, of which these have a task."""
    made = BatchFutures(total)
    for place, future in enumerate(futures):
        made.add(place, future)
    return made


async def test_each_shot_is_counted_once() -> None:
    """Also one that is waited for alone and with its batch; what has no task yet is counted as not submitted."""
    shared, other = running("a", 0.5), running("b")
    state = snapshot(shared, batch(shared, delivered("c"), failed("d"), total=8), other)
    assert (state.total, state.ended, state.waiting, len(state.running)) == (9, 2, 5, 2)
    assert state.fraction == pytest.approx((2 + 0.5) / 9)
    assert [outcome.key for outcome in state.others] == ["d"]
    assert not state.is_settled


async def test_the_time_left_grows_with_what_is_not_submitted() -> None:
    """At the pace so far; before anything has ended that is not known."""
    assert snapshot(running("a")).eta == 10.0
    assert snapshot(batch(running("a"), delivered("b"), total=5), seconds=20.0).eta == pytest.approx(10.0 + 3 * 20.0)
    assert snapshot(batch(running("a"), total=5)).eta is None
    assert snapshot().eta is None


async def test_one_line_says_how_far_it_is() -> None:
    """With what is left as long as it is waited for, and how long it took in the end."""
    ended = delivered("b"), failed("c")
    [first, *_] = bundle_of(snapshot(running("a"), *ended))["text/plain"].split("\n")
    assert first == "2 of 3 · 1 delivered · 1 failed · 1 running · about 0:10 left"
    [first, *_] = bundle_of(snapshot(running("a"), *ended, is_waited_for=False))["text/plain"].split("\n")
    assert first.endswith("1 running · not waited for now")
    settled = bundle_of(snapshot(*ended, seconds=75))
    assert settled["text/plain"].split("\n")[0] == "1 delivered · 1 failed · in 1:15"
    assert "<progress" not in settled["text/html"]


async def test_what_went_wrong_is_named_up_to_a_limit() -> None:
    """The rest is counted; many running shots are only counted."""
    text = bundle_of(snapshot(*(failed(f"f{number}") for number in range(13))))["text/plain"]
    assert text.count("failed: ") == 10
    assert "f0 failed: " in text
    assert "and 3 more that were not delivered" in text
    few = bundle_of(snapshot(*(running(f"r{number}", 0.25) for number in range(10))))["text/plain"]
    assert few.count("running · 25%") == 10
    assert "r0" not in bundle_of(snapshot(*(running(f"r{number}") for number in range(11))))["text/plain"]


async def test_a_shot_with_trouble_says_so() -> None:
    """Polls that fail, and files that are being downloaded."""
    trouble, ending = running("a", 0.5), running("b")
    trouble.poll_errors = 2
    ending.task = Task(id=ending.id, status=TaskStatus.SUCCEEDED)
    text = bundle_of(snapshot(trouble, ending))["text/plain"]
    assert "  a · running · 50% · 2 polls failed" in text
    assert "  b · downloading" in text


async def test_a_reason_is_text() -> None:
    """Neither markup nor a sequence for the terminal."""
    bundle = bundle_of(snapshot(failed("a", EVIL)))
    assert "<script>" not in bundle["text/html"]
    assert "\x1b" not in bundle["text/plain"]
    assert "alert(1)" in bundle["text/html"]
