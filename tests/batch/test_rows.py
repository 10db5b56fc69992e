"""What became of each shot, as a table."""

from pathlib import Path

import pytest

from cometrunway import Asset, errors
from cometrunway._batch._rows import Row, table
from cometrunway._outcome import STATUSES
from cometrunway._tasks import Failure, Task, TaskStatus

TASK = Task(id="t-1", status=TaskStatus.FAILED, failure=Failure(message="no luck"))


def test_a_file_that_is_not_verified_is_marked() -> None:
    """The table names each file of a shot, and says which could not be verified."""
    row = Row(key="a", route="image_to_video")
    row.deliver(
        Asset(url="u", path=Path(name), verified=verified) for name, verified in (("a.mp4", True), ("b.bin", False))
    )
    assert "a.mp4, b.bin (not verified)" in table([row])


@pytest.mark.parametrize(
    ("error", "task_id", "status", "is_unsent"),
    [
        (errors.TransportError("no such host", may_have_been_sent=False), "", "refused", True),
        (errors.BudgetError("used up"), "", "waiting", True),
        (errors.JournalError("no place"), "", "refused", True),
        (errors.InvalidRequestError("no", status=400), "", "refused", False),
        (ValueError("no file"), "", "refused", False),
        (errors.OutcomeUnknownError("lost"), "", "in_doubt", False),
        (errors.ModerationError("no", task=TASK), "t-1", "failed", False),
        (errors.TaskCancelledError("no", task=TASK), "t-1", "cancelled", False),
        (errors.TaskTimeoutError("late", task=TASK), "t-1", "owed", False),
        (errors.DownloadError("gone", asset=Asset(url="u")), "t-1", "owed", False),
    ],
)
def test_a_failure_has_the_word_of_the_journal(error: Exception, task_id: str, status: str, is_unsent: bool) -> None:
    """`run` says of a shot what `status` says of its entry; a shot that a budget stopped has none, and is waiting."""
    row = Row(key="a", route="image_to_video", task_id=task_id)
    assert (row.status, row.is_unsent) == ("waiting", True)
    row.fail(error)
    assert (row.status, row.is_unsent) == (status, is_unsent)
    assert row.status in (*STATUSES, "waiting")
