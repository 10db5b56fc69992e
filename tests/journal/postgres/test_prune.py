"""What is removed of submissions that were delivered long ago."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from cometrunway import Journal, JournalReader
from cometrunway._journal._place import place_of
from tests.journal.postgres.test_store import change
from tests.recorded import Recorded, record

OUTCOMES = ("delivered", "accepted", "in_doubt", "failed", "delivered")
LONG_AGO = 1_600_000_000


@pytest.fixture
async def shots(url: Any) -> str:
    """Return a journal of five shots, of which the first was delivered long ago, and the last now."""
    await record(url, [Recorded(key=f"{number}", outcome=outcome) for number, outcome in enumerate(OUTCOMES)])
    change(url, f"UPDATE {{schema}}.submission SET delivered_at = {LONG_AGO} WHERE key = '0'")  # noqa: S608 - ours
    return str(url)


async def test_only_what_was_delivered_before_is_pruned(shots: str) -> None:
    """What is owed, in doubt or failed keeps its request, however old; each key stays: nothing is paid twice."""
    async with Journal(shots) as journal:
        done = await journal.prune(delivered_before=datetime.fromtimestamp(LONG_AGO + 1, UTC))
        assert (done.pruned, done.forgotten, done.refused) == (1, 0, 0)
        again = await journal.prune(delivered_before=datetime.fromtimestamp(LONG_AGO + 1, UTC))
        assert again.pruned == 0
    with JournalReader(shots) as reader:
        assert {entry.key: entry.is_pruned for entry in reader.entries()} == {
            **dict.fromkeys("1234", False),
            "0": True,
        }


async def test_a_key_is_forgotten_only_on_demand(shots: str) -> None:
    """Then the shot would be submitted, and paid for, again; others keep theirs."""
    before = datetime.fromtimestamp(LONG_AGO + 1, UTC)
    async with Journal(shots) as journal:
        done = await journal.prune(delivered_before=before, forget_keys_before=before)
    assert (done.pruned, done.forgotten) == (0, 1)
    with JournalReader(shots) as reader:
        assert [entry.key for entry in reader.entries()] == ["1", "2", "3", "4"]


async def test_two_prunes_at_once_do_not_wait_for_each_other(shots: str) -> None:
    """What one has locked, the other one leaves to it: else each could wait for the other."""
    before = datetime.fromtimestamp(LONG_AGO + 1, UTC)
    change(shots, f"UPDATE {{schema}}.submission SET delivered_at = {LONG_AGO}, state = 'delivered'")  # noqa: S608 - ours
    place: Any = place_of(shots)
    async with await psycopg.AsyncConnection.connect(place.conninfo) as other, Journal(shots) as journal:
        await other.execute(f"SELECT FROM {place.schema}.submission WHERE key < '2' FOR UPDATE".encode())
        async with asyncio.timeout(10):
            done = await journal.prune(delivered_before=before)
            forgotten = await journal.prune(delivered_before=before, forget_keys_before=before)
    assert (done.pruned, forgotten.forgotten) == (3, 3)
