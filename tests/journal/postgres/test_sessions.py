"""Which sessions of a journal live: what a dead one was submitting is in doubt, and nothing of it is sent again."""

import asyncio
import os
import subprocess
import sys
import threading
from contextlib import closing
from typing import Any

import pytest

from cometrunway import Journal, State
from cometrunway._journal._place import place_of
from cometrunway._journal._postgres._connection import connected
from cometrunway._journal._postgres._sessions import Lease, Renewal, living, moment, registered, remove, renew
from tests.journal.postgres.test_store import change, entry
from tests.postgres import Server


def test_a_lease_is_renewed_until_the_end() -> None:
    """Three times in its duration, in a thread of its own: no stall of the event loop ends it."""
    renewed, count = threading.Event(), 0

    def renew_lease() -> None:
        nonlocal count
        count += 1
        if count == 3:
            renewed.set()

    renewal = Renewal(renew_lease, 0.03)
    renewal.start()
    assert renewed.wait(10)
    renewal.end()
    renewal._thread.join(10)
    assert not renewal._thread.is_alive()


def test_a_session_lives_until_it_says_that_it_has_ended(url: str) -> None:
    """Also where another one took its row away meanwhile, for example after a pause of its machine."""
    place: Any = place_of(url)
    with closing(connected(place, writes=True)) as connection:
        number = registered(connection, place)
        assert living(connection, place) == [(os.getpid(), None)]
        change(url, "DELETE FROM {schema}.session")
        assert living(connection, place) == []
        renew(connection, place, number)
        assert living(connection, place) == [(os.getpid(), None)]
        remove(connection, place, number)
        assert living(connection, place) == []


def test_a_session_of_another_machine_is_not_gone_because_its_pid_is_unknown_here(url: str) -> None:
    """It lives until its lease ends."""
    change(
        url,
        "INSERT INTO {schema}.session (host, machine, pid, lease) VALUES "
        "('elsewhere', 'm', 999999999, 60), ('elsewhere', 'm', 999999998, -60)",
    )
    place: Any = place_of(url)
    with closing(connected(place, writes=True)) as connection:
        registered(connection, place)
        assert living(connection, place) == [(999999999, "elsewhere"), (os.getpid(), None)]


def die(journal: Journal) -> None:
    """Let a session end as if its process were killed: it says nothing, and renews no lease."""
    store: Any = journal._store
    store._opened.renewal.end()
    store._connection.close()
    journal._store.commit = None  # type: ignore[method-assign,assignment]  # nothing is written any more


async def test_what_a_dead_session_was_submitting_is_in_doubt(url: str) -> None:
    """This is so once its lease has ended. No session sends it again by itself; a user can end the doubt."""
    one = await Journal(url).__aenter__()
    await one.begin(entry())
    die(one)
    async with Journal(url) as other:
        standing = await other.begin(entry())
        assert standing is not None
        assert standing.state is State.IN_DOUBT
        assert [each.key async for each in other.entries([State.IN_DOUBT])] == ["shot"]
        assert await other.again(standing, submitted_at=1.0)
        assert not await other.again(standing, submitted_at=2.0)
    await one._writer.close(lambda: None)


async def test_a_killed_process_of_this_machine_is_known_to_be_gone(postgres: Server) -> None:
    """A session that opens the journal on this machine does not wait for the lease of that process."""
    url = postgres.journal(lease=3600)
    code = (
        "import asyncio, os, signal, sys; from cometrunway import Entry, Journal\n"
        "async def main():\n"
        "    journal = await Journal(sys.argv[1]).__aenter__()\n"
        "    await journal.begin(Entry(key='shot', route='r', fingerprint='f', request={'p': 'x'}))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())"
    )
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code, url], check=False)
    async with Journal(url) as journal:
        standing = await journal.begin(entry())
    assert standing is not None
    assert standing.state is State.IN_DOUBT


def test_a_lease_that_may_have_ended_is_not_held_since_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renewed in time, it is held since its beginning; renewed too late, only since then."""
    now = 100.0
    monkeypatch.setattr("cometrunway._journal._postgres._sessions.moment", lambda: now)
    lease = Lease(30, at=now)
    now = 129.0
    lease.renewed(at=128.0)
    assert lease.is_held_since(100.0)
    now = 159.0
    assert not lease.is_held_since(100.0)
    lease.renewed(at=158.9)
    assert not lease.is_held_since(158.9)
    assert lease.is_held_since(159.0)


def test_the_clock_of_a_lease_goes_on() -> None:
    """Also while the machine sleeps, where the system has such a clock."""
    first = moment()
    assert moment() >= first > 0
