"""A journal in a store: what each change records."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cometrunway import Failure, Journal, State, Task, TaskStatus
from cometrunway._journal._entry import Entry

SUBMITTED_AT = 1_700_000_000.0


@pytest.mark.parametrize("is_older", [False, True])
async def test_only_a_task_that_is_younger_than_its_submission_ends_a_doubt(tmp_path: Path, is_older: bool) -> None:
    """An older one is of an earlier submission under the key, and the doubt stays."""
    path = tmp_path / "shots.db"
    accepted_at = datetime.fromtimestamp(SUBMITTED_AT + (-10 if is_older else 10), UTC)
    failure = Failure(message="because")
    async with Journal(path) as journal:
        entry = Entry(key="A", route="image_to_video", fingerprint="f", request={}, submitted_at=SUBMITTED_AT)
        await journal.begin(entry)
        await journal.doubt("A", "the answer was lost")
        await journal.end("A", Task(id="t", status=TaskStatus.FAILED, failure=failure, accepted_at=accepted_at))
    [found] = Journal.read(path)
    assert (found.state, found.task_id) == ((State.IN_DOUBT, None) if is_older else (State.FAILED, "t"))
    assert found.failure == (None if is_older else failure)
