"""What is submitted once more after a failure, and what the operator is told of it before."""

from pathlib import Path

import pytest

from cometrunway import Failure, Journal, Task, TaskStatus
from cometrunway._batch._retries import journal_retries
from cometrunway.errors import JournalError
from tests.recorded import Recorded, record
from tests.samples import CAT

REQUEST = {"route": "image_to_video", "prompt_image": CAT}
LOCAL = {"route": "image_to_video", "prompt_image": {"path": "/in/cat.png", "sha256": "0"}}


async def journal_of(folder: Path) -> Path:
    """Return a journal with a shot of every kind of outcome."""
    path = folder / "shots.db"
    outcomes = ["delivered", "accepted", "in_doubt", "refused", "failed", "cancelled"]
    await record(path, [Recorded(key=outcome, outcome=outcome, request=REQUEST) for outcome in outcomes])
    await record(path, [Recorded(key=key, outcome="accepted", request=REQUEST) for key in ("internal", "other")])
    await record(path, [Recorded(key="local", outcome="accepted", request=LOCAL)])
    internal = Failure(message="because", code="INTERNAL", retryable=True)
    async with Journal(path) as journal:
        for key in ("internal", "other", "local"):
            await journal.end(key, Task(id=f"task-of-{key}", status=TaskStatus.FAILED, failure=internal))
    return path


async def test_what_a_retry_may_cure_is_submitted_once_more(tmp_path: Path) -> None:
    """And what was refused; not what is owed, in doubt or cancelled, nor what needs more than the journal has."""
    retries = journal_retries(await journal_of(tmp_path), [], is_all=False)
    assert [shot.key for shot in retries.shots] == ["refused", "internal", "other"]
    assert retries.unsuccessful.keys == {"internal", "other"}
    paid, left, refused, incomplete = retries.told()
    assert paid == "2 of 4 failed or cancelled shots are submitted once more, and paid for again: internal, other"
    assert left.startswith("2 of 4 failed or cancelled shots are not submitted, for nothing says that a retry helps")
    assert "failed, cancelled; --all" in left
    assert refused == "1 refused shot is submitted, and paid for if accepted: refused"
    assert f"local; to submit:  cometrunway run SHOTS --journal {tmp_path / 'shots.db'} --retry-fail" in incomplete


async def test_all_that_has_failed_may_be_submitted_once_more(tmp_path: Path) -> None:
    """Whatever the reason was; what was cancelled, too."""
    retries = journal_retries(await journal_of(tmp_path), [], is_all=True)
    assert [shot.key for shot in retries.shots] == ["refused", "failed", "cancelled", "internal", "other"]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("nothing", "no submission with the key 'nothing'"),
        ("accepted", "cometrunway resume .*shots.db"),
        ("in_doubt", "cometrunway resolve .*shots.db in_doubt"),
        ("local", "--retry-failed"),
    ],
)
async def test_a_named_shot_that_cannot_be_submitted_is_told_with_the_cure(
    key: str, reason: str, tmp_path: Path
) -> None:
    """And then none is."""
    path = await journal_of(tmp_path)
    with pytest.raises(ValueError, match=reason):
        journal_retries(path, ["failed", key], is_all=False)


async def test_named_shots_are_submitted_once_more(tmp_path: Path) -> None:
    """Whatever their failure was, and what was cancelled; one that was delivered meanwhile is left out."""
    keys = ["failed", "delivered", "cancelled", "failed"]
    retries = journal_retries(await journal_of(tmp_path), keys, is_all=False)
    assert [shot.key for shot in retries.shots] == ["failed", "cancelled"]


def test_a_journal_that_is_not_there_is_told(tmp_path: Path) -> None:
    """And is not made."""
    with pytest.raises(JournalError, match="there is no journal"):
        journal_retries(tmp_path / "absent.db", [], is_all=False)
    assert not list(tmp_path.iterdir())
