"""What the rows of a shared journal say to a session, and to who only reads."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from cometrunway import State
from cometrunway._journal._entry import DamagedRowError
from cometrunway._journal._place import place_of
from cometrunway._journal._postgres._connection import Connection, connected
from cometrunway._journal._postgres._records import Records, folders_of
from tests.journal.postgres.test_store import change

MINE, OTHERS, DEAD = 1, 2, 3


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    """Return a connection to a journal of three sessions, one of them dead; each submits `sN`, and waits for `aN`."""
    change(
        url,
        "INSERT INTO {schema}.session (number, host, machine, pid, lease) VALUES "
        "(1, 'h', 'm', 1, 60), (2, 'h', 'm', 2, 60), (3, 'h', 'm', 3, -60)",
    )
    change(
        url,
        "INSERT INTO {schema}.submission (number, key, route, fingerprint, request, state, owner, task_id) "
        "SELECT 10 * owner + length(state), left(state, 1) || owner, 'r', 'f', '{{}}', state, owner, "
        "nullif(left(state, 1), 's') || owner "
        "FROM unnest(ARRAY['submitting', 'accepted']) AS state, generate_series(1, 3) AS owner",
    )
    place: Any = place_of(url)
    with closing(connected(place, writes=True)) as opened, opened.transaction():
        yield opened


def records(connection: Connection, url: str, owner: int | None = None) -> Records:
    """Return what a session asks, or a reader."""
    place: Any = place_of(url)
    return Records(connection, place.schema, folders_of(connection, place.schema), owner)


def test_what_a_dead_session_was_submitting_is_in_doubt(connection: Connection, url: str) -> None:
    """To each who asks; what one that lives submits is not."""
    for owner in (None, MINE):
        found = records(connection, url, owner)
        assert {key: entry.state for key in ("s1", "s2", "s3") if (entry := found.find(key))} == {
            "s1": State.SUBMITTING,
            "s2": State.SUBMITTING,
            "s3": State.IN_DOUBT,
        }
        assert found.counts()[State.IN_DOUBT] == 1


def test_a_session_is_given_nothing_that_another_one_holds(connection: Connection, url: str) -> None:
    """It is its own and what nobody has any more, in the order of submission; a reader is given all."""
    mine, reader = records(connection, url, MINE), records(connection, url)
    assert [entry.key for entry in mine.entries()] == ["a1", "s1", "a3", "s3"]
    assert [entry.key for entry in reader.entries()] == ["a1", "s1", "a2", "s2", "a3", "s3"]
    assert [entry.key for entry in mine.entries([State.ACCEPTED], after=18, limit=1)] == ["a3"]
    held = {key: entry.is_held for key in ("a1", "a2", "a3") if (entry := mine.find(key))}
    assert held == {"a1": False, "a2": True, "a3": False}


def test_a_state_that_is_none_is_a_damaged_row(connection: Connection, url: str) -> None:
    """It is told as that, and hides no other entry."""
    place: Any = place_of(url)
    connection.execute(f"UPDATE {place.schema}.submission SET state = 'lost' WHERE key = 'a2'".encode())  # noqa: S608
    reader = records(connection, url)
    with pytest.raises(DamagedRowError, match="the state 'lost'"):
        reader.counts()
    told = list(reader.rows())
    assert len(told) == 6
    assert [isinstance(row, str) for row in told] == [False, False, True, False, False, False]
