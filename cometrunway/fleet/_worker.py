"""A worker: takes shots from the queue, submits them, and takes over what others have left."""

import asyncio
import logging
from random import Random
from typing import Protocol

from cometrunway._handle import TaskHandle
from cometrunway._journal._postgres._schema import is_alive
from cometrunway._policies import asked_pause
from cometrunway._requests._routes import Request
from cometrunway.errors import (
    APIError,
    AuthenticationError,
    BudgetError,
    CometRunwayError,
    DownloadError,
    InsufficientBalanceError,
    JournalError,
    OutcomeUnknownError,
    ProxyError,
    TLSError,
)
from cometrunway.fleet import _engine
from cometrunway.fleet._database import Database
from cometrunway.fleet._engine import App, Job, PutBackError
from cometrunway.fleet._limits import FleetLimits
from cometrunway.fleet._queue import Queue, from_json

_logger = logging.getLogger(__name__)
_OF_ALL = (AuthenticationError, BudgetError, InsufficientBalanceError, JournalError, ProxyError, TLSError)
"""Errors that a user must mend, and that would meet each further shot: shots wait for that, and none is refused."""
_UNTIL_MENDED = 60.0
_UNTIL_PASSED = 5.0
_UNTIL_CHANGED = 0.5
"""Seconds until a shot is tried again: after such an error, after one that passes by itself, and in another state."""
_SWEEPS, _LONGEST_SWEEP = 10, 5.0
"""How often a worker queries left tasks and jobs during a lease, and the most seconds between two queries."""
_BETWEEN_CHECKS = 60.0
"""Seconds, on average and over all workers, between two queries of the shots without a job."""
_JOBS_AT_ONCE = 5000
"""Jobs that are added in one transaction."""


class Submitting(Protocol):
    """What a worker needs of a session."""

    async def submit(self, request: Request, *, key: str | None = None, priority: int = 0) -> TaskHandle:
        """Submit one paid task."""

    async def take_over(self, most: int) -> list[TaskHandle]:
        """Continue at most so many tasks for which no live process waits."""


class Worker:
    """Takes shots up to its limit. One session submits and polls all of them.

    Args:
        app: the application that runs its jobs.
        unrecorded: the jobs whose end could not be recorded so far.
        session: an open session on the journal of the fleet.
        limits: the session's share in the limits of the fleet.
        max_in_flight: how many tasks it takes at once.
    """

    def __init__(
        self,
        *,
        app: App,
        unrecorded: list[Job],
        database: Database,
        session: Submitting,
        limits: FleetLimits,
        max_in_flight: int,
        rng: Random,
    ) -> None:
        self._app = app
        self._unrecorded = unrecorded
        self._database = database
        self._queue = Queue(database.url.schema)
        self._session = session
        self._limits = limits
        self._max_in_flight = max_in_flight
        self._rng = rng
        self._has_room = asyncio.Event()
        self._taken = 0
        """Shots that are being submitted, and tasks that are waited for."""

    async def submit(self, key: str) -> None:
        """Submit the shot with this key; return when the worker has room for another one.

        Raises:
            PutBackError: it cannot be submitted now.
        """
        self._take()
        try:
            handle = await self._submitted(key)
        except BaseException:
            self._give_back()
            raise
        if handle is None:
            self._give_back()
        else:
            handle.add_done_callback(self._give_back)
        while self._taken >= self._max_in_flight:
            self._has_room.clear()
            await self._has_room.wait()

    async def _submitted(self, key: str) -> TaskHandle | None:
        """Submit a shot, and take it out of the queue; return its handle, or None if there is no task."""
        found = await self._database.row(*self._queue.found(key))
        if found is None:
            return None  # by another worker, before it died
        text, priority, is_paused = found
        if is_paused:
            await self._park(key)
            return None
        handle: TaskHandle | None = None
        try:
            handle = await self._session.submit(from_json(text), key=key, priority=priority)
        except OutcomeUnknownError as error:
            _logger.warning("%s", error)
        except (CometRunwayError, ValueError, RuntimeError) as error:
            _check_is_final(error)
            await self._database.rows(*self._queue.refused(key, str(error)))
            return None
        await self._database.rows(*self._queue.submitted(key))
        return handle

    async def _park(self, key: str) -> None:
        if not await self._database.row(*self._queue.park(key)):
            raise PutBackError(_UNTIL_CHANGED)  # its tenant goes on

    async def sweep(self, queue: str) -> None:
        """Take over, again and again, the tasks and the jobs of workers that are gone."""
        lease = self._database.url.lease
        while True:
            try:
                await _engine.requeue(self._app, self._unrecorded, queue=queue, lease=lease)
                room = self._max_in_flight - self._taken
                if room > 0:
                    for handle in await self._session.take_over(room):
                        self._take()
                        handle.add_done_callback(self._give_back)
            except (JournalError, *_engine.LOST) as error:
                _logger.warning("what other workers left could not be taken over: %s", error.__cause__ or error)
            await asyncio.sleep(min(lease / _SWEEPS, _LONGEST_SWEEP) * self._rng.uniform(0.5, 1.0))

    async def add_lost_jobs(self) -> None:
        """Add, again and again, the jobs that others have deleted, or ended with another status than success.

        A shot that has two jobs then is still bought once. The pauses are random, so that a fleet of workers that come
        and go queries as often as one worker.
        """
        living = f"SELECT count(*) FROM {self._database.url.schema}.worker AS other WHERE {is_alive('other')}"
        while True:
            try:
                [(workers,)] = await self._database.rows(living)
                await asyncio.sleep(self._rng.expovariate(1 / (_BETWEEN_CHECKS * max(1, workers))))
                while await self._add_lost_jobs() == _JOBS_AT_ONCE:
                    pass
            except (JournalError, *_engine.LOST) as error:
                _logger.warning("lost jobs could not be added again: %s", error)
                await asyncio.sleep(_LONGEST_SWEEP)

    async def _add_lost_jobs(self) -> int:
        async with self._database.connection() as connection, connection.transaction():
            statement = self._queue.without_job(_JOBS_AT_ONCE)
            cursor = await connection.execute(statement.sql.encode(), statement.parameters)
            shots = await cursor.fetchall()
            await _engine.add_jobs(self._app, self._queue.schema, shots, connection)
        if shots:
            _logger.warning("%d shots that waited had no job; their jobs were added again", len(shots))
        return len(shots)

    def _take(self) -> None:
        self._taken += 1
        self._limits.in_flight = self._taken

    def _give_back(self, handle: TaskHandle | None = None) -> None:
        self._taken -= 1
        self._limits.in_flight = self._taken
        self._has_room.set()
        if handle is not None and not handle.cancelled():
            handle.exception()  # the journal has it


def _check_is_final(error: Exception) -> None:
    """Raise `PutBackError` unless the refusal is the shot's own and would come again."""
    if isinstance(error, RuntimeError):  # the session is being closed
        raise PutBackError(_UNTIL_CHANGED) from error
    if isinstance(error, DownloadError) or (isinstance(error, CometRunwayError) and error.retryable):
        pause = asked_pause(error) if isinstance(error, APIError) else None
        raise PutBackError(pause or _UNTIL_PASSED) from error
    if isinstance(error, _OF_ALL):
        _logger.error("no shot can be submitted until this is mended: %s", error)
        raise PutBackError(_UNTIL_MENDED) from error
