"""Which sessions write a journal, and whether their processes live.

Each says so with a row that it renews. It counts as gone once the row is older than its lease, by the server's clock.
While the server was down nobody could renew, so that a lease begins anew with the server's start.
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cometrunway._journal._lock import lives
from cometrunway._journal._place import PostgresUrl
from cometrunway._journal._postgres._connection import Connection
from cometrunway._journal._postgres._schema import is_alive

_BOOT, _PROCESSES = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
_RENEWALS = 3
"""The number of renewals of a lease during its duration."""
_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)
"""A clock that goes on while the machine sleeps; None where there is none."""


def registered(connection: Connection, url: PostgresUrl) -> int:
    """Add this session, and return its number; take the rows of those away that are gone.

    Of a process of this machine that is known at once, so that a run after a crash need not wait for a lease.
    """
    table = f"{url.schema}.session"
    here = connection.execute(f"SELECT number, pid FROM {table} WHERE machine = %s".encode(), (_machine(),)).fetchall()
    gone = [number for number, pid in here if _machine() and not lives(pid)]
    delete = f"DELETE FROM {table} AS other WHERE number = ANY(%s) OR NOT {is_alive('other')}"
    connection.execute(delete.encode(), (gone,))
    insert = f"INSERT INTO {table} (host, machine, pid, lease) VALUES (%s, %s, %s, %s) RETURNING number"
    row = connection.execute(insert.encode(), _itself(url)).fetchone()
    return int(row[0]) if row else 0


def _itself(url: PostgresUrl) -> tuple[object, ...]:
    return socket.gethostname(), _machine(), os.getpid(), url.lease


def _machine() -> str:
    """Return what tells this boot of this machine, and this container, from all others; empty if nothing does."""
    try:
        return f"{_BOOT.read_text().strip()} {_PROCESSES.readlink()}"
    except OSError:
        return ""


def renew(connection: Connection, url: PostgresUrl, number: int) -> None:
    """Say that a session lives, also where another one took its row away."""
    connection.execute(
        f"INSERT INTO {url.schema}.session AS mine (number, host, machine, pid, lease) VALUES (%s, %s, %s, %s, %s) "
        "ON CONFLICT (number) DO UPDATE SET seen_at = clock_timestamp()".encode(),
        (number, *_itself(url)),
    )


def remove(connection: Connection, url: PostgresUrl, number: int) -> None:
    """Say that a session has ended: what it has not finished is others' to take up."""
    connection.execute(f"DELETE FROM {url.schema}.session WHERE number = %s".encode(), (number,))


def living(connection: Connection, url: PostgresUrl) -> list[tuple[int, str | None]]:
    """Return the pid of each session that lives, and its host if that is another one."""
    rows = connection.execute(
        f"SELECT pid, host FROM {url.schema}.session AS other WHERE {is_alive('other')} ORDER BY number".encode()
    ).fetchall()
    here = socket.gethostname()
    return [(pid, None if host == here else host) for pid, host in rows]


def moment() -> float:
    """Return the present moment in seconds, by a clock that goes on while the process, or its machine, is stopped."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


class Lease:
    """What a session knows of its own lease without a question to the server. For any thread.

    Args:
        seconds: its duration.
        at: a moment before it was given.
    """

    def __init__(self, seconds: float, at: float) -> None:
        self._seconds = seconds
        self._since = self._renewed_at = at

    def renewed(self, at: float) -> None:
        """Record a renewal that was begun at a moment, and has ended now."""
        if moment() > self._renewed_at + self._seconds:
            self._since = moment()  # it may have ended in between
        self._renewed_at = at

    def is_held_since(self, begun_at: float) -> bool:
        """Whether it has not ended since a moment."""
        return begun_at >= self._since and moment() <= self._renewed_at + self._seconds


class Renewal:
    """Renews the lease of a session in a thread of its own, so that no stall of the event loop ends it."""

    def __init__(self, renew_lease: Callable[[], None], lease: float) -> None:
        self._renew = renew_lease
        self._pause = lease / _RENEWALS
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cometrunway lease", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Renew no more."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(self._pause):
            self._renew()
