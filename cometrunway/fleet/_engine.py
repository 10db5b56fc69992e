"""The queue of jobs: the only module that imports procrastinate. Each job submits one shot."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import procrastinate
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy
from procrastinate.schema import SchemaManager
from procrastinate.types import JSONDict

from cometrunway._journal._place import PostgresUrl
from cometrunway._journal._postgres._connection import connected, translated_errors
from cometrunway._journal._postgres._migration import lock
from cometrunway._task_group import is_cancelled
from cometrunway.fleet._database import AsyncRows

_logger = logging.getLogger(__name__)
App = procrastinate.App
TASK = "cometrunway.submit"
_GRACE = 1.0
"""Seconds that a job which submits has when the worker stops; then another worker gets it."""
_BETWEEN_STARTS = 1.0
"""Seconds between two starts of a worker whose connection was lost."""
_AFTER_A_BUG = 60
"""Seconds."""
_JOBS_AT_ONCE = 1000
"""Jobs of one statement."""
KEYS = (
    "SELECT args->>'key' FROM procrastinate_jobs WHERE queue_name = %(queue)s AND task_name = %(task)s "
    "AND status IN ('todo', 'doing')"
)
"""Selects the keys of the shots that have a job which waits or runs."""
LOST = (ConnectorException, OSError)
"""Errors of a connection that was lost."""
Submit = Callable[[str], Awaitable[None]]
"""Submits the shot with this key."""


class PutBackError(Exception):
    """A shot could not be submitted now: its job goes back into the queue for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class _Again(BaseRetryStrategy):
    """Puts jobs back that could not be done now, as often as needed; the fence of the journal makes that safe."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> procrastinate.RetryDecision:
        """Return when a job is tried again: at once, if the worker stops."""
        is_aborted = isinstance(exception, asyncio.CancelledError | procrastinate.exceptions.JobAborted)
        seconds = exception.seconds if isinstance(exception, PutBackError) else 0 if is_aborted else _AFTER_A_BUG
        return procrastinate.RetryDecision(retry_in={"milliseconds": round(1000 * seconds)})


def new_app() -> App:
    """Return an application whose jobs are in the tables that a connection finds without a schema."""
    return App(connector=procrastinate.PsycopgConnector())


def register(app: App, submit: Submit) -> None:
    """Add the task that submits a shot to an application."""

    @app.task(name=TASK, retry=_Again())
    async def run(key: str) -> None:
        await submit(key)


async def add_jobs(app: App, queue: str, shots: Sequence[tuple[str, int]], connection: AsyncRows) -> None:
    """Add a job for each key, with its priority, in the transaction of a connection."""
    by_priority: dict[int, list[JSONDict]] = {}
    for key, priority in shots:
        by_priority.setdefault(priority, []).append({"key": key})
    for priority, keys in by_priority.items():
        task = app.configure_task(TASK, queue=queue, priority=priority, connection=connection, allow_unknown=True)
        for first in range(0, len(keys), _JOBS_AT_ONCE):
            with _own_errors():
                await task.batch_defer_async(*keys[first : first + _JOBS_AT_ONCE])


def add_job(app: App, queue: str, key: str, priority: int, connection: Any) -> None:
    """Add a job in the transaction of a blocking connection."""
    with _own_errors():
        app.configure_task(TASK, queue=queue, priority=priority, connection=connection, allow_unknown=True).defer(
            key=key
        )


@contextmanager
def _own_errors() -> Iterator[None]:
    """Raise what the connection has raised, instead of the engine's error that hides it."""
    try:
        yield
    except ConnectorException as error:
        raise (error.__cause__ or error) from None


def make_tables(url: PostgresUrl) -> bool:
    """Make the tables of the queue where a connection looks for them; return False if they are there already.

    Raises:
        JournalError: the server cannot be reached, or this role may not make tables.
    """
    with translated_errors(url), connected(url, writes=True) as connection, connection.transaction():
        lock(connection)
        found = connection.execute("SELECT to_regclass('procrastinate_jobs') IS NULL").fetchone()
        is_missing = bool(found and found[0])
        if is_missing:
            connection.execute(SchemaManager.get_schema().encode())
        return is_missing


async def work(app: App, *, queue: str, lease: float, at_once: int) -> None:
    """Run jobs until this is cancelled; begin again whenever the connection was lost."""
    while True:
        try:
            await app.run_worker_async(
                queues=[queue],
                name="cometrunway",
                concurrency=at_once,
                install_signal_handlers=False,
                delete_jobs="always",
                shutdown_graceful_timeout=_GRACE,
                update_heartbeat_interval=lease / 3,
                stalled_worker_timeout=lease,
            )
        except LOST as error:
            if is_cancelled():  # the engine raises the error of its last statement instead
                return
            _logger.warning("the queue is waited for: %s", error.__cause__ or error)
        await asyncio.sleep(_BETWEEN_STARTS)


async def requeue_stalled(app: App, *, queue: str, lease: float) -> None:
    """Put the jobs of workers that died back into the queue."""
    for job in await app.job_manager.get_stalled_jobs(queue=queue, seconds_since_heartbeat=lease):
        await app.job_manager.retry_job(job)
