"""The counts of a batch: where each shot is, how fast they end, and which are worth showing."""

import pytest

from cometrunway import Event, EventKind, Task, TaskStatus, errors
from cometrunway.progress._counts import BatchCounts
from cometrunway.progress._display import summary

ROUTE = "image_to_video"


def event(kind: EventKind, key: str = "cat", **more: object) -> Event:
    """Return an event of one shot."""
    error = errors.CometRunwayError("it rains") if kind in {EventKind.FAILED, EventKind.POLL_FAILED} else None
    return Event(kind=kind, route=ROUTE, key=key, task_id=f"id-{key}", error=error, **more)  # type: ignore[arg-type]  # tests


def seen(progress: float | None) -> Task:
    """Return a look at a running task."""
    return Task(id="t", status=TaskStatus.RUNNING, progress=progress)


def test_each_shot_is_counted_once_where_it_is() -> None:
    """Waiting, running and finished add up to the total, whatever happens in between."""
    counts = BatchCounts(5, began=0.0)
    for kind, key in (
        (EventKind.SUBMITTED, "a"),
        (EventKind.RESUMED, "b"),
        (EventKind.POLL_FAILED, "a"),
        (EventKind.ENDED, "a"),
        (EventKind.DOWNLOADED, "a"),
        (EventKind.REFUSED, "c"),
    ):
        counts.count(event(kind, key), 1.0)
    assert (counts.waiting, counts.running, counts.finished) == (2, 1, 2)
    counts.count(event(EventKind.FAILED, "b"), 2.0)
    counts.count(event(EventKind.IN_DOUBT, "d"), 2.0)
    counts.count(event(EventKind.CANCELLED, "e"), 2.0)
    assert (counts.waiting, counts.running, counts.finished) == (0, 0, 5)
    assert counts.outcomes == {"delivered": 1, "failed": 1, "refused": 1, "in doubt": 1, "cancelled": 1}
    assert "1 delivered, 2 failed, 1 cancelled, 1 in doubt" in summary(counts, 2.0, None)


def test_what_an_earlier_run_has_submitted_is_not_counted_as_submitted() -> None:
    """It is counted as found in the journal."""
    counts = BatchCounts(3, began=0.0)
    for kind, key in ((EventKind.SUBMITTED, "a"), (EventKind.RESUMED, "b"), (EventKind.RESUMED, "c")):
        counts.count(event(kind, key), 1.0)
    assert summary(counts, 2.0, None).startswith("1 submitted, 2 from the journal, 3 running, ")


def test_the_rate_is_that_of_the_last_minute() -> None:
    """A burst long ago is forgotten."""
    counts = BatchCounts(1000, began=0.0)
    for _ in range(100):
        counts.count(event(EventKind.DOWNLOADED), 10.0)
    assert counts.rate(20.0) == pytest.approx(5.0)
    assert counts.rate(71.0) == 0.0


def test_what_is_left_is_the_running_ones_and_then_the_waiting_ones() -> None:
    """The end of the batch is foretold from the running tasks and, at the rate so far, those yet to be submitted."""
    counts = BatchCounts(100, began=0.0)
    for number in range(20):
        counts.count(event(EventKind.SUBMITTED, str(number)), 1.0)
    assert counts.left(10.0, None) is None
    assert counts.left(10.0, 30.0) is None  # nothing has finished, so the speed of the others is not known
    for number in range(10):
        counts.count(event(EventKind.DOWNLOADED, str(number)), 10.0)
    assert counts.left(10.0, 30.0) == pytest.approx(30.0 + 80 / 1.0)
    counts.is_stopped = True
    assert counts.left(10.0, 30.0) == 30.0


def test_the_most_interesting_are_in_trouble_or_run_the_longest() -> None:
    """What cannot be looked at comes first, then what began first; a look that succeeds ends the trouble."""
    counts = BatchCounts(5, began=0.0)
    for number in range(5):
        counts.count(event(EventKind.SUBMITTED, str(number)), float(number))
    counts.count(event(EventKind.POLL_FAILED, "3"), 6.0)
    assert [shot.name for shot in counts.interesting(3)] == ["3", "0", "1"]
    assert counts.interesting(1)[0].state == "a poll failed, and the wait continues: it rains"
    refusal = errors.AuthenticationError("invalid key", status=401, body=b"{}")
    counts.count(Event(kind=EventKind.POLL_FAILED, route=ROUTE, task_id="id-3", error=refusal), 6.5)
    assert counts.interesting(1)[0].state.startswith("the gateway refuses the key, trying again: invalid key")
    counts.count(event(EventKind.CHANGED, "3", task=seen(0.5)), 7.0)
    assert [shot.name for shot in counts.interesting(2)] == ["0", "1"]
    assert {shot.state for shot in counts.interesting(5)} == {"submitted", "running 50%"}


def test_an_upload_is_shown_until_the_task_is_there() -> None:
    """It runs nowhere yet, so it is counted by itself; one that fails is shown no more."""
    counts = BatchCounts(3, began=0.0)
    for key, progress in (("a", 0.0), ("a", 0.45), ("b", 1.0), (None, 0.5), (None, 1.0)):
        counts.count(Event(kind=EventKind.UPLOADING, route=ROUTE, key=key, progress=progress), 1.0)
    shown = {shot.name: shot.state for shot in counts.interesting(4)}
    assert shown == {"a": "uploading 45%", "b": "uploading 100%"}
    assert (counts.running, counts.waiting, counts.uploading) == (0, 3, 2)
    assert "2 uploading" in summary(counts, 1.0, None)
    counts.count(event(EventKind.SUBMITTED, "a"), 2.0)
    counts.count(event(EventKind.REFUSED, "b"), 2.0)
    assert counts.uploading == 0
    assert "uploading" not in summary(counts, 1.0, None)


def test_an_end_that_was_none_is_not_counted() -> None:
    """A shot that is submitted again, or whose file comes at last, counts as what it became in the end."""
    counts = BatchCounts(2, began=0.0)
    for kind in (EventKind.REFUSED, EventKind.SUBMITTED, EventKind.FAILED, EventKind.RESUMED, EventKind.DOWNLOADED):
        counts.count(event(kind, "a"), 1.0)
    assert (counts.finished, counts.outcomes["delivered"], counts.running) == (1, 1, 0)
