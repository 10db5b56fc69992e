"""A journal in a store: what each change records."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cometrunway import Failure, Journal, State, Task, TaskStatus
from cometrunway._journal._entry import Entry
from tests.recorded import Recorded, record

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


async def test_the_key_of_a_task_is_found(tmp_path: Path) -> None:
    """Whose id it is decides whether it may resolve a doubt."""
    await record(tmp_path / "shots.db", [Recorded(key="A"), Recorded(key="B")])
    async with Journal(tmp_path / "shots.db") as journal:
        assert [await journal.key_of(task_id) for task_id in ("task-of-B", "unknown")] == ["B", None]
