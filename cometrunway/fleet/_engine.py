"""The queue of jobs: the only module that imports procrastinate. Each job submits one shot."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from typing import Any

import procrastinate
from procrastinate.exceptions import ConnectorException
from procrastinate.retry import BaseRetryStrategy
from procrastinate.schema import SchemaManager
from procrastinate.types import JSONDict

from cometrunway._journal._place import PostgresUrl
from cometrunway._journal._postgres._connection import connected, translated_errors
from cometrunway._journal._postgres._migration import lock
from cometrunway._task_group import is_cancelled
from cometrunway.errors import JournalError
from cometrunway.fleet._database import AsyncRows

_logger = logging.getLogger(__name__)
App = procrastinate.App
Job = procrastinate.jobs.Job
TASK = "cometrunway.submit"
_GRACE = 1.0
"""Seconds that a job which submits has when the worker stops; then another worker gets it."""
_LONGEST_HEARTBEAT, _SHORTEST_STALL = 10.0, 30.0
"""Seconds between two signs of life, and until a worker without any is removed: the engine's own. Workers of other
fleets and programs, with other leases, are in the same table."""
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
_RAISED = "P0001"
"""The code of an error that a function in the database raises."""
MISSING_FUNCTIONS = (
    "SELECT DISTINCT name FROM unnest(%s::text[]) AS name WHERE NOT EXISTS "
    "(SELECT FROM pg_proc WHERE proname = name AND pg_function_is_visible(oid)) ORDER BY name",
    (re.findall(r"CREATE (?:OR REPLACE )?FUNCTION (\w+)", SchemaManager.get_schema()),),
)
"""Selects which functions of the installed engine the database has not: each change of one gets a new name."""
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


async def check_is_open(app: App) -> None:
    """Make sure that a user's application is open; else `RuntimeError`."""
    try:
        await app.check_connection_async()
    except procrastinate.exceptions.AppNotOpen:
        raise RuntimeError(
            "the Procrastinate application is not open: write `async with app.open_async(), fleet.working(...)`"
        ) from None
    except ConnectorException as error:
        _logger.warning("the application's database is waited for: %s", error.__cause__ or error)


def register(app: App, submit: Submit) -> list[Job]:
    """Add the task that submits a shot to an application; return the jobs whose end could not be recorded so far."""
    unrecorded: list[Job] = []

    @app.task(name=TASK, retry=_Again(), pass_context=True)
    async def run(context: procrastinate.JobContext, key: str) -> None:
        of_job = asyncio.current_task()
        assert of_job is not None  # noqa: S101 - the engine runs each job in an asyncio task
        of_job.add_done_callback(partial(_note_end, context.job, unrecorded))
        await submit(key)

    return unrecorded


def _note_end(job: Job, unrecorded: list[Job], ended: "asyncio.Task[Any]") -> None:
    """Note a job whose end could not be recorded: it would count as running for as long as its worker lives."""
    error = None if ended.cancelled() else ended.exception()
    if error is None:
        return
    if _is_taken_over(error):
        _logger.warning("the job of %r was taken over by another worker, as after a stall of this one", _key_of(job))
        return
    _logger.warning("the end of the job of %r is recorded later: %s", _key_of(job), error.__cause__ or error)
    unrecorded.append(job)


def _key_of(job: Job) -> object:
    return job.task_kwargs.get("key")


def _is_taken_over(error: BaseException) -> bool:
    """Whether the engine's own function in the database says that the job is not this worker's any more, or is gone."""
    return getattr(error.__cause__, "sqlstate", None) == _RAISED


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
        check_functions([name for (name,) in connection.execute(*MISSING_FUNCTIONS)], url)
        return is_missing


def check_functions(missing: Sequence[str], url: PostgresUrl) -> None:
    """Make sure that the database has all functions that the installed engine calls; else `JournalError`."""
    if missing:
        raise JournalError(
            f"the queue in the database of {url} was made by another Procrastinate than {version('procrastinate')}, "
            f"which is installed: it has no {', '.join(missing)}. Apply the migrations of Procrastinate, as the page "
            "on fleets says, or install the version that made it"
        )


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
                update_heartbeat_interval=min(lease / 3, _LONGEST_HEARTBEAT),
                stalled_worker_timeout=max(lease, _SHORTEST_STALL),
            )
        except LOST as error:
            if is_cancelled():  # the engine raises the error of its last statement instead
                return
            _logger.warning("the queue is waited for: %s", error.__cause__ or error)
        await asyncio.sleep(_BETWEEN_STARTS)


async def requeue(app: App, unrecorded: list[Job], *, queue: str, lease: float) -> None:
    """Put jobs back into the queue: those of workers that died, and those whose end could not be recorded."""
    for job in await app.job_manager.get_stalled_jobs(queue=queue, seconds_since_heartbeat=lease):
        await _put_back(app, job)
    while unrecorded:
        await _put_back(app, unrecorded[0])
        del unrecorded[0]


async def _put_back(app: App, job: Job) -> None:
    try:
        await app.job_manager.retry_job(job)
    except ConnectorException as error:
        if not _is_taken_over(error):
            raise
