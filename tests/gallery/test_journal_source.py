"""The submissions of a journal, as a gallery reads them."""

import os
from pathlib import Path

import pytest

from cometrunway import Entry, Journal, JournalError, Task, TaskStatus
from cometrunway._gallery._errors import GalleryError
from cometrunway._gallery._journal_source import JournalSource
from tests.gallery.marks import scanned
from tests.gallery.pages import cards_of, change
from tests.recorded import Recorded, record

SHOTS = [
    Recorded(key="c"),
    Recorded(key="a", outcome="refused", reason="no luck"),
    Recorded(key="b", outcome="accepted"),
]


async def test_all_submissions_are_told_in_their_order(tmp_path: Path) -> None:
    """A reason is told only of what went wrong."""
    await record(tmp_path / "shots.db", SHOTS)
    source = JournalSource(tmp_path / "shots.db")
    assert source.title == "shots.db"
    assert [(card.key, card.status, card.reason) for card in cards_of(source)] == [
        ("c", "delivered", None),
        ("a", "refused", "no luck"),
        ("b", "owed", None),
    ]


async def test_only_what_has_changed_is_read_again(tmp_path: Path) -> None:
    """Each submission has its number for good; one that is not there is none."""
    await record(tmp_path / "shots.db", SHOTS)
    source = JournalSource(tmp_path / "shots.db")
    known, read = scanned(source, {})
    assert sorted(known) == read == [1, 2, 3]
    assert scanned(source, known) == (known, [])
    async with Journal(tmp_path / "shots.db") as journal:
        await journal.end("b", Task(id="task-of-b", status=TaskStatus.FAILED))
    await record(tmp_path / "shots.db", [Recorded(key="d")])
    assert scanned(source, known)[1] == [3, 4]
    assert scanned(source, {}, after=2)[1] == [3, 4]
    assert [card and card.key for card in source.cards([4, 99, 1])] == ["d", None, "c"]


async def test_a_submission_under_way_is_in_doubt_once_its_process_is_gone(tmp_path: Path) -> None:
    """Though its row has not changed, it is read again."""
    source = JournalSource(tmp_path / "shots.db")
    async with Journal(tmp_path / "shots.db") as journal:
        await record_one(journal)
        assert source.is_written()
        known, _ = scanned(source, {})
        [card] = cards_of(source)
        assert (card.status, card.reason) == ("submitting", None)
    assert not source.is_written()
    assert scanned(source, known)[1] == [1]
    [card] = cards_of(source)
    assert card.status == "in_doubt"
    assert card.reason


async def record_one(journal: Journal) -> None:
    """Begin a submission."""
    await journal.begin(Entry(key="a", route="image_to_video", fingerprint="f", request={}))


async def test_a_change_is_known_without_reading(tmp_path: Path) -> None:
    """It is the same as long as nothing changes."""
    await record(tmp_path / "shots.db", SHOTS)
    source = JournalSource(tmp_path / "shots.db")
    before = source.signature()
    assert source.signature() == before
    await record(tmp_path / "shots.db", [Recorded(key="d")])
    assert source.signature() != before


async def test_what_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    """No file, what is no file, what is no journal, and a damaged row, which is found as it is read."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text").write_text("Dear Sir")
    await record(tmp_path / "shots.db", SHOTS)
    change(tmp_path / "shots.db", "UPDATE submission SET state = 'strange' WHERE key = 'b'")
    for name, error in (
        ("absent", GalleryError),
        ("pipe", GalleryError),
        ("text", JournalError),
        ("shots.db", JournalError),
    ):
        with pytest.raises((GalleryError, JournalError), match=name) as raised:
            cards_of(JournalSource(tmp_path / name))
        assert isinstance(raised.value, error)
