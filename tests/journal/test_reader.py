"""A journal that is only read: one moment of it, row by row."""

import tracemalloc
from pathlib import Path

import pytest

from cometrunway import Journal, JournalError
from cometrunway._journal._entry import Entry, State
from cometrunway._journal._reader import JournalReader
from tests.recorded import Recorded, record

OUTCOMES = ("delivered", "accepted", "refused", "in_doubt", "failed", "submitting")


async def test_counts_and_entries_agree(tmp_path: Path) -> None:
    """The counts are those of the rows, in every state."""
    path = tmp_path / "shots.db"
    shots = [Recorded(key=str(number), outcome=OUTCOMES[number * number % 6]) for number in range(600)]
    await record(path, shots)
    with JournalReader(path) as journal:
        entries, counts = list(journal.entries()), journal.counts()
        for state in State:
            assert counts[state] == sum(entry.state is state for entry in entries)
            assert [entry.key for entry in journal.entries([state])] == [
                entry.key for entry in entries if entry.state is state
            ]
        assert [entry.key for entry in entries] == [shot.key for shot in shots]
        assert journal.creates() == {"image_to_video": 600 - counts[State.REFUSED]}


async def test_entries_are_held_one_by_one(tmp_path: Path) -> None:
    """To go through ten times as many needs no more memory."""

    async def peak(shots: int) -> int:
        path = tmp_path / f"{shots}.db"
        await record(path, [Recorded(key=str(number)) for number in range(shots)])
        with JournalReader(path) as journal:
            tracemalloc.start()
            assert sum(1 for _ in journal.entries()) == shots
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return most

    assert await peak(5000) < await peak(500) + 50_000


async def test_a_reader_sees_one_moment(tmp_path: Path) -> None:
    """What is written after it was opened is not seen by it, and by the next one."""
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key="1")])
    with JournalReader(path) as journal:
        assert sum(journal.counts().values()) == 1
        await record(path, [Recorded(key="2")])
        assert [entry.key for entry in journal.entries()] == ["1"]
    with JournalReader(path) as journal:
        assert [entry.key for entry in journal.entries()] == ["1", "2"]


async def test_a_journal_is_read_while_it_is_written(tmp_path: Path) -> None:
    """A submission under way is told as such as long as its process lives, and as in doubt afterwards."""
    path = tmp_path / "shots.db"
    async with Journal(path) as journal:
        await journal.begin(Entry(key="a", route="image_to_video", fingerprint="f", request={"seed": 7}))
        with JournalReader(path) as reader:
            assert [row["status"] for row in reader.to_records()] == ["submitting"]
    with JournalReader(path) as reader:
        assert [row["status"] for row in reader.to_records()] == ["in_doubt"]
        assert reader.fields() == {"seed"}
        assert list(reader.fingerprints()) == [("a", "f")]


async def test_a_row_is_found_by_its_key_its_task_and_its_number(tmp_path: Path) -> None:
    """What is not there is nothing. The mark of a row is another one after a change."""
    path = tmp_path / "shots.db"
    await record(path, [Recorded(key="a"), Recorded(key="b", outcome="accepted")])
    with JournalReader(path) as reader:
        entry = reader.find("b")
        assert entry is not None
        assert reader.numbered([entry.number, 99]) == {entry.number: entry}
        assert (reader.keys_of_task("task-of-b"), reader.keys_of_task("t")) == (["b"], [])
        assert reader.find("c") is None
        assert [found.key for found in reader.entries(limit=1)] == ["a"]
        marks = list(reader.marks())
        assert list(reader.marks(after=marks[0][0])) == marks[1:]
    async with Journal(path) as journal:
        await journal.deliver("b", ())
    with JournalReader(path) as reader:
        first, second = reader.marks()
    assert first == marks[0]
    assert second != marks[1]


async def test_an_error_of_the_caller_is_no_damage(tmp_path: Path) -> None:
    """Only what is wrong with a row is told as an error of the journal."""
    await record(tmp_path / "shots.db", [Recorded(key="a")])
    with JournalReader(tmp_path / "shots.db") as reader:
        with pytest.raises(KeyError):
            for _ in reader.entries():
                raise KeyError
    with pytest.raises(JournalError, match="absent"):
        JournalReader(tmp_path / "absent.db").__enter__()
