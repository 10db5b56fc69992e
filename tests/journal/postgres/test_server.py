"""What is read of a journal on a server: at one moment, and whether it has changed."""

import os
import time

import pytest

from cometrunway import Entry, Journal, JournalReader
from cometrunway._journal._place import place_of
from cometrunway._journal._snapshots import holders_at, signature_at
from tests.postgres import VARIABLE, Server

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")


def entry(key: str) -> Entry:
    """Return what is recorded of a new submission."""
    return Entry(key=key, route="image_to_video", fingerprint="f", request={"prompt_text": "f"})


async def test_a_reader_sees_one_moment(postgres: Server) -> None:
    """What is written meanwhile is not seen, and two readings of the rows may go on side by side."""
    url = postgres.journal()
    async with Journal(url) as journal:
        for key in ("0", "1", "2"):
            await journal.begin(entry(key))
        with JournalReader(url) as reader:
            entries, marks = reader.entries(), reader.marks()
            first, (number, state, _) = next(entries), next(marks)
            await journal.begin(entry("later"))
            assert (first.key, number, state) == ("0", first.number, "submitting")
            assert [each.key for each in entries] == ["1", "2"]
            assert len(list(marks)) == 2


async def test_the_signature_of_a_journal_changes_with_it(postgres: Server) -> None:
    """The gallery reads it again only then."""
    url = postgres.journal()
    place = place_of(url)
    async with Journal(url) as journal:
        assert [holder.pid for holder in holders_at(place)] == [os.getpid()]
        before = signature_at(place)
        await journal.begin(entry("shot"))
        until = time.monotonic() + 10  # the server counts with a delay of about a second
        while signature_at(place) == before:
            assert time.monotonic() < until
    assert holders_at(place) == ()
