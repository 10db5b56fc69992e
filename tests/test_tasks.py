"""What a snapshot of a task shows, and what it hides."""

from datetime import UTC, datetime

import attrs
import pytest

from cometrunway import EventKind, State
from cometrunway._tasks import Asset, Failure, Task, TaskStatus

SIGNED = "https://user:pass@example.com/a.mp4?_jwt=secret#secret"


@pytest.mark.parametrize("status", TaskStatus)
def test_three_statuses_are_final(status: TaskStatus) -> None:
    """Only success, failure and cancellation end a task; above all not a status that we do not know."""
    assert status.is_terminal == (status.value in {"SUCCEEDED", "FAILED", "CANCELLED"})


def test_a_repr_hides_what_signs_a_url() -> None:
    """The URL in a log does not suffice to fetch the file."""
    task = Task(id="t-1", status=TaskStatus.SUCCEEDED, outputs=(SIGNED,), raw={"output": [SIGNED]})
    for shown in (repr(task), repr(Asset(url=SIGNED)), repr([task])):
        assert "https://example.com/a.mp4" in shown
        assert "secret" not in shown
        assert "pass" not in shown


def test_a_task_shows_the_rest() -> None:
    """Id, status, progress, time and failure are for the log."""
    made = datetime(2026, 3, 13, tzinfo=UTC)
    failure = Failure(message="no luck", code="INTERNAL")
    shown = repr(Task(id="t-1", status=TaskStatus.FAILED, progress=0.5, created_at=made, failure=failure))
    assert [part for part in ("t-1", "FAILED", "0.5", "2026", "no luck", "INTERNAL") if part not in shown] == []


@pytest.mark.parametrize("value", [Task(id="t", status=TaskStatus.PENDING), Asset(url="u"), Failure(message="m")])
def test_a_snapshot_does_not_change(value: attrs.AttrsInstance) -> None:
    """A task that was seen stays as it was seen."""
    name = attrs.fields(type(value))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, name, "other")


def test_tasks_are_compared_without_their_raw_answer() -> None:
    """Two polls that say the same are equal, in whichever dialect."""
    assert Task(id="t", status=TaskStatus.RUNNING, raw={"a": 1}) == Task(id="t", status=TaskStatus.RUNNING)


@pytest.mark.parametrize("word", [TaskStatus.SUCCEEDED, State.DELIVERED, EventKind.IN_DOUBT])
def test_an_enumeration_prints_as_its_word(word: TaskStatus | State | EventKind) -> None:
    """Text that a user makes with a status, a state or a kind has the word of the documentation."""
    assert f"{word}" == word.value
