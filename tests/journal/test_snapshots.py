"""How the place of a journal is read: its contents, its changes, and who writes it."""

import os
import sys
from pathlib import Path

import pytest

from cometrunway import Journal, JournalError
from cometrunway._journal._entry import Entry
from cometrunway._journal._place import place_of
from cometrunway._journal._snapshots import holders_at, signature_at, snapshot_at
from tests.recorded import Recorded, record


def test_to_ask_makes_no_journal(tmp_path: Path) -> None:
    """Nobody writes what is not there, and it cannot be read."""
    path = tmp_path / "shots.db"
    assert holders_at(path) == ()
    assert signature_at(path) == signature_at(path)
    with pytest.raises(JournalError, match=r"shots\.db"), snapshot_at(path):
        pass
    assert list(tmp_path.iterdir()) == []


async def test_the_process_that_writes_is_known_as_long_as_it_does(tmp_path: Path) -> None:
    """The journal is read meanwhile."""
    path = tmp_path / "shots.db"
    async with Journal(path):
        assert [holder.pid for holder in holders_at(path)] == [os.getpid()]
        with snapshot_at(path) as snapshot:
            assert snapshot.records.counts()
    assert holders_at(path) == ()


async def test_a_change_is_another_signature(tmp_path: Path) -> None:
    """Also one that is not yet in the database's own file, and that a process begins or ends to write it."""
    path = tmp_path / "shots.db"
    seen = [signature_at(path)]
    await record(path, [Recorded(key="a")])
    seen.append(signature_at(path))
    async with Journal(path) as journal:
        await journal.begin(Entry(key="b", route="r", fingerprint="f", request={}))
        seen.append(signature_at(path))
        assert signature_at(path) == seen[-1]
    assert len({*seen}) == len(seen)


def test_a_server_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names it, and not the password."""
    monkeypatch.setitem(sys.modules, "cometrunway._journal._postgres._server", None)  # as where psycopg is missing
    place = place_of("postgresql://me:canary@127.0.0.1:9/shop")
    for ask in (holders_at, signature_at, snapshot_at):
        with pytest.raises(JournalError, match="extra") as refused:
            ask(place)
        assert "canary" not in str(refused.value)
