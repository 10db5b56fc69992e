"""An empty journal: it allows everything and remembers nothing."""

from cometrunway import Task, TaskStatus
from cometrunway._journal._entry import Entry
from cometrunway._journal._protocol import JournalProtocol, NoJournal

ENTRY = Entry(key="a", route="image_to_video", fingerprint="f", request={})


async def test_an_empty_journal_allows_every_submission() -> None:
    """Also under a key that was used before, and whatever became of it; but there is nothing to submit once more."""
    journal: JournalProtocol = NoJournal()
    for _ in range(2):
        assert await journal.begin(ENTRY) is None
        await journal.accept("a", task_id="t1", created_at=1.0)
        await journal.end("a", Task(id="t1", status=TaskStatus.FAILED))
        await journal.deliver("a", ())
    assert not await journal.again(ENTRY)
    assert not journal.keeps_entries
    assert journal.is_held("a")
    assert await journal.hold("a")


async def test_an_empty_journal_remembers_nothing() -> None:
    """No key and no task is found, none is owed, and each task is this session's own."""
    journal: JournalProtocol = NoJournal()
    await journal.begin(ENTRY)
    await journal.accept("a", task_id="t1", created_at=1.0)
    await journal.doubt("a", "the answer is lost")
    await journal.save_duration_history({"kind": "learnt"})
    assert (await journal.find("a"), await journal.key_of("t1"), await journal.take("t1")) == (None, None, None)
    assert [entry async for entry in journal.entries()] == []
    assert (await journal.take_over(10), await journal.duration_history()) == ({}, {})
    assert not journal.is_shared


async def test_its_callback_paths_cannot_be_guessed() -> None:
    """No later session knows these submissions, so the secret is another one each time."""
    secrets = {await NoJournal().callback_secret() for _ in range(3)}
    assert len(secrets) == 3
    assert all(len(secret) >= 32 for secret in secrets)
