"""The fleet, as a program uses it: queue shots, wait for their files, set limits, work."""

import asyncio
import math
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any, Self

import psycopg
from psycopg.rows import tuple_row

from cometrunway._budget import Amount, amount_of
from cometrunway._journal._entry import Entry, State
from cometrunway._journal._place import PostgresUrl, place_of
from cometrunway._journal._postgres._connection import Parameters, connected, translated_errors
from cometrunway._keywords import hints_keywords
from cometrunway._policies import whole
from cometrunway._requests._routes import Request
from cometrunway._requests._shot import check_key, check_request
from cometrunway._session import Session
from cometrunway._submission._existing import finished
from cometrunway._task_group import BackgroundTasks, Role, within
from cometrunway._tasks import Asset
from cometrunway._wire._provider import COMETAPI, Provider, provider_of
from cometrunway.errors import CometRunwayError, JournalError
from cometrunway.fleet import _engine
from cometrunway.fleet._database import WAITS, AsyncRows, Database, opening
from cometrunway.fleet._engine import App
from cometrunway.fleet._limits import FleetLimits
from cometrunway.fleet._queue import Queue, QueuedShot, Rows, Script, Statement, fingerprint_of
from cometrunway.fleet._results import ENDED, Changes, entries
from cometrunway.fleet._rights import check_client, check_worker
from cometrunway.fleet._status import FleetStatus, status_of
from cometrunway.fleet._worker import Worker

_AT_ONCE = 64
"""The largest number of shots that a worker submits at once."""
_LARGEST, _LARGEST_COUNT = 2**31 - 1, 2**63 - 1
"""The largest numbers that the server can store: of a limit or a priority, and of what a tenant has."""


@hints_keywords
class Fleet:
    """Shots that any process queues, and that workers on any machine submit, poll and download.

    Open it as `async with Fleet(dsn) as fleet:`. The tables are made by `cometrunway fleet migrate`.

    Args:
        dsn: the `postgresql://` URL of the journal that all workers share.
        provider: the API of the workers: `cometapi`, `runway`, or a `Provider`.
        price: a function that returns the price of a request; needed for tenants that have a budget of money. It must
            not block.
        app: your Procrastinate application, if you have one. Jobs are then added to its tables.

    Raises:
        JournalError: the URL cannot be read, or names a file.
    """

    def __init__(
        self,
        dsn: str | PostgresUrl,
        *,
        provider: Provider | str = COMETAPI,
        price: Callable[[Request], Amount] | None = None,
        app: App | None = None,
    ) -> None:
        place = place_of(dsn)
        if not isinstance(place, PostgresUrl):
            raise JournalError(f"a fleet needs a postgresql:// URL, got {str(dsn)!r}")
        self._url = place
        self._provider = provider_of(provider)
        self._price = price
        self._queue = Queue(place.schema)
        self._app = _engine.new_app() if app is None else app
        self._has_own_app = app is None
        self._worker: Worker | None = None
        self._stack = AsyncExitStack()
        self._opened: tuple[Database, Changes] | None = None
        self._unrecorded = _engine.register(self._app, self._submit)

    async def __aenter__(self) -> Self:
        if self._opened is not None:
            raise RuntimeError("this Fleet is open already: make another one")
        async with AsyncExitStack() as stack:
            async with opening(self._url):
                database = await stack.enter_async_context(Database(self._url))
                await check_client(database)
            changes = await stack.enter_async_context(Changes(database))
            self._opened = database, changes
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._opened = None
        await self._stack.aclose()

    @property
    def _database(self) -> Database:
        return self._parts[0]

    @property
    def _changes(self) -> Changes:
        return self._parts[1]

    @property
    def _parts(self) -> tuple[Database, Changes]:
        if self._opened is None:
            raise RuntimeError("this Fleet is not open: use it within `async with Fleet(dsn) as fleet:`")
        return self._opened

    async def submit(
        self,
        request: Request,
        *,
        key: str,
        tenant: str | None = None,
        priority: int = 0,
        connection: "psycopg.AsyncConnection[Any] | None" = None,
    ) -> bool:
        """Queue a shot for the workers; return False if the key is queued or submitted already.

        Args:
            request: what to make. Local files are named by their path, which each worker must be able to read.
            key: your name for the shot. It is paid for once.
            tenant: the tenant in whose budget it counts.
            priority: of the shots that wait, those with the highest priority go first; of 32 bits.
            connection: your connection to the same database. The shot is then queued in its transaction: nothing is
                bought if that is rolled back.

        Raises:
            KeyConflictError: the key belongs to another request.
            BudgetError: the tenant's budget is used up; nothing was queued.
            ValueError: there is no such tenant, or it has a budget of money and this fleet has no `price`; `key` is no
                key; `priority` is no whole number of 32 bits; or the request contains bytes.
            TypeError: `request` is not a request.
        """
        shot = self._shot(request, key, tenant, priority)
        if connection is not None:
            return await self._add(connection, shot)
        async with self._database.connection() as own:
            return await self._add(own, shot)

    async def _add(self, connection: AsyncRows, shot: QueuedShot) -> bool:
        if not connection.autocommit:
            await connection.execute("SELECT")  # begins the user's transaction, so that the next one is a savepoint
        async with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
            script = self._queue.add(shot)
            rows: Rows | None = None
            try:
                while True:
                    await cursor.execute(*_next(script, rows))
                    rows = [] if cursor.description is None else await cursor.fetchall()
            except StopIteration as done:
                needs_job = bool(done.value)
            if needs_job:
                await _engine.add_jobs(self._app, self._url.schema, [(shot.key, shot.priority)], connection)
        return needs_job

    def submit_blocking(
        self,
        request: Request,
        *,
        key: str,
        tenant: str | None = None,
        priority: int = 0,
        connection: "psycopg.Connection[Any] | None" = None,
    ) -> bool:
        """Queue a shot as `submit` does, in code without asyncio, such as a Django view. The fleet need not be open.

        With Django, give `connection.connection` within `transaction.atomic()`.
        """
        shot = self._shot(request, key, tenant, priority)
        if connection is not None:
            return self._add_blocking(connection, shot)
        with translated_errors(self._url), connected(self._url, writes=True) as own:
            return self._add_blocking(own, shot)

    def _add_blocking(self, connection: "psycopg.Connection[Any]", shot: QueuedShot) -> bool:
        if not connection.autocommit:
            connection.execute("SELECT")  # begins the user's transaction, so that the next one is a savepoint
        with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
            script = self._queue.add(shot)
            rows: Rows | None = None
            try:
                while True:
                    cursor.execute(*_next(script, rows))
                    rows = [] if cursor.description is None else cursor.fetchall()
            except StopIteration as done:
                needs_job = bool(done.value)
            if needs_job:
                _engine.add_job(self._app, self._url.schema, shot.key, shot.priority, connection)
        return needs_job

    def _shot(self, request: Request, key: str, tenant: str | None, priority: int) -> QueuedShot:
        check_request(request)
        check_key(key)
        if tenant is not None:
            check_key(tenant)
        return QueuedShot(
            key=key,
            request=request,
            fingerprint=fingerprint_of(request, provider=self._provider.name),
            priority=whole("priority", priority, at_least=-_LARGEST - 1, at_most=_LARGEST),
            tenant=tenant,
            price=None if self._price is None else amount_of("a price", self._price(request)),
        )

    async def result(self, key: str) -> tuple[Asset, ...]:
        """Wait for a shot in any process, and return its files, as awaiting a handle does.

        While a file cannot be downloaded, or a task does not end, workers try again, and this waits. To wait no longer
        than a minute: `async with asyncio.timeout(60): await fleet.result(key)`.

        Raises:
            TaskFailedError, TaskCancelledError: the task failed, or was cancelled.
            OutcomeUnknownError: it is not known whether the create was accepted.
            CometRunwayError: the create was refused.
            ValueError: nothing was queued or submitted under the key.
        """
        with self._changes.of(key) as changed:
            while True:
                changed.clear()
                entry = await self._entry(key)
                if entry is not None and entry.state in ENDED:
                    future = finished(entry)
                    assert future is not None  # noqa: S101 - it has ended
                    return await future
                await within(math.inf, changed)

    async def _entry(self, key: str) -> Entry | None:
        """Return what the journal has of a shot; None while it is queued. Raise the refusal of a worker."""
        check_key(key)
        queued = await self._database.row(f"SELECT refusal FROM {self._url.schema}.queued WHERE key = %s", (key,))
        entry = (await entries(self._database, [key])).get(key)
        if queued is None:
            if entry is None:
                raise ValueError(f"nothing was queued or submitted under the key {key!r}")
            return entry
        if queued[0] is not None:
            raise CometRunwayError(f"the shot {key!r} was refused, and nothing was created: {queued[0]}").about(key=key)
        return None if entry is None or entry.state is State.REFUSED else entry  # refused before it was queued again

    async def events(self, key: str) -> AsyncIterator[Entry]:
        """Yield what the journal has of a shot whenever its state has changed, until it has ended.

        Raises:
            ValueError: nothing was queued or submitted under the key.
            CometRunwayError: a worker found that nothing can be created.
        """
        last: Entry | None = None
        with self._changes.of(key) as changed:
            while last is None or last.state not in ENDED:
                changed.clear()
                entry = await self._entry(key)
                if entry is not None and (last is None or entry.state is not last.state):
                    last = entry
                    yield entry
                else:
                    await within(math.inf, changed)

    async def status(self) -> FleetStatus:
        """Return the workers, the queue, the limits, and the tenants."""
        return await status_of(self._database)

    async def set_limits(
        self,
        *,
        creates_per_second: float | None = None,
        creates_at_once: int | None = None,
        polls_per_second: float | None = None,
    ) -> None:
        """Set what all workers together may send; None is no limit. Workers follow within two seconds.

        A pause that a 429 has asked for continues.

        Raises:
            ValueError: a limit is not greater than 0, or `creates_at_once` is larger than 2,147,483,647.
        """
        for name, value in (
            ("creates_per_second", creates_per_second),
            ("creates_at_once", creates_at_once),
            ("polls_per_second", polls_per_second),
        ):
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be greater than 0, or None, got {value!r}")
        if creates_at_once is not None:
            whole("creates_at_once", creates_at_once, at_least=1, at_most=_LARGEST)
        rate = f"UPDATE {self._url.schema}.rate SET per_second = %s, at_once = %s, next_at = clock_timestamp()"
        await self._database.rows(f"{rate} WHERE kind = 'creates'", (creates_per_second, creates_at_once))
        await self._database.rows(f"{rate} WHERE kind = 'polls'", (polls_per_second, None))

    async def set_tenant(self, name: str, *, creates: float | None = None, money: Amount | None = None) -> None:
        """Make a tenant, which has no limits at first, or change the limits of its budget.

        None leaves a limit as it is; `math.inf` removes it.

        Args:
            name: of 1 to 500 characters.
            creates: the largest number of creates. Those that are queued, accepted or in doubt count.
            money: the largest total price, in the unit of `price`.

        Raises:
            ValueError: a limit is below 0, or `money` is given and the fleet has no `price`.
        """
        check_key(name)
        limits: dict[str, object] = {}
        if creates is not None:
            is_none = creates == math.inf
            limits["creates"] = None if is_none else whole("creates", creates, at_least=0, at_most=_LARGEST_COUNT)
        if money is not None:
            limits["money"] = None if money == math.inf else amount_of("money", money)
        if limits.get("money") is not None and self._price is None:
            raise ValueError("a budget of money needs Fleet(price=...), a function that returns what a request costs")
        await self._database.rows(*self._queue.set_tenant(name, limits))

    async def pause(self, tenant: str | None = None) -> None:
        """Stop creates, of one tenant or of all. Tasks that were created continue.

        Raises:
            ValueError: there is no such tenant.
        """
        await self._pause(tenant, is_paused=True)

    async def unpause(self, tenant: str | None = None) -> None:
        """Allow creates again, of one tenant or of all.

        Raises:
            ValueError: there is no such tenant.
        """
        if tenant is None:
            await self._pause(tenant, is_paused=False)
            return
        async with self._database.connection() as connection, connection.transaction():
            cursor = await connection.execute(*_bytes(self._queue.pause(tenant, is_paused=False)))
            _check_is_there(tenant, await cursor.fetchall())
            cursor = await connection.execute(*_bytes(self._queue.take_paused(tenant)))
            await _engine.add_jobs(self._app, self._url.schema, await cursor.fetchall(), connection)

    async def _pause(self, tenant: str | None, *, is_paused: bool) -> None:
        _check_is_there(tenant, await self._database.rows(*self._queue.pause(tenant, is_paused=is_paused)))

    @asynccontextmanager
    async def working(
        self, *, name: str | None = None, max_in_flight: int = 1000, **options: Any
    ) -> AsyncIterator[Session]:
        """Open a session that takes shots from the queue while the block runs; at its end, others take its tasks over.

        Args:
            name: the worker's name, for `status`; by default its host and process.
            max_in_flight: how many tasks it takes at once.
            **options: options of the `Session`, except its journal and its shared limits.

        Raises:
            RuntimeError: the fleet works already, or its `app` is not open.
        """
        if self._worker is not None:
            raise RuntimeError("this Fleet works already: make another one for a second worker")
        name = f"{socket.gethostname()}:{os.getpid()}" if name is None else name
        most = whole("max_in_flight", max_in_flight, at_least=1, at_most=_LARGEST)
        async with AsyncExitStack() as stack:
            async with opening(self._url):
                database = await stack.enter_async_context(Database(self._url, timeout=WAITS))
                await check_worker(database)
                if not self._has_own_app:
                    await _engine.check_is_open(self._app)
                limits = await stack.enter_async_context(FleetLimits(database, name=name, max_in_flight=most))
            of_fleet = {"journal": self._url, "provider": self._provider, "shared_limits": limits}
            session = Session(**{**options, **of_fleet, "max_in_flight": most})
            app, unrecorded = self._app, self._unrecorded
            if self._has_own_app:  # a new one, for the other one's connections cannot be opened again
                app = _engine.new_app()
                unrecorded = _engine.register(app, self._submit)
                await stack.enter_async_context(app.open_async(database.pool))
            await session.open()
            stack.push_async_callback(session.hand_over)
            self._worker = Worker(
                app=app,
                unrecorded=unrecorded,
                database=database,
                session=session,
                limits=limits,
                max_in_flight=most,
                rng=Random(),  # noqa: S311 - not used for security
            )
            queue = self._url.schema
            background = BackgroundTasks()
            await background.open(interrupts=asyncio.current_task())
            queue_task = background.start(
                _engine.work(app, queue=queue, lease=self._url.lease, at_once=min(most, _AT_ONCE)),
                name="cometrunway queue",
                role=Role.SERVICE,
            )
            background.start(self._worker.sweep(queue), name="cometrunway sweep", role=Role.SERVICE)
            background.start(self._worker.add_lost_jobs(), name="cometrunway jobs", role=Role.SERVICE)
            try:
                yield session
            finally:
                async with database.ending(queue_task.cancel):
                    await background.close(wait=0)
                self._worker = None

    async def _submit(self, key: str) -> None:
        """Submit a queued shot, as a job does."""
        if self._worker is None:
            raise _engine.PutBackError(1)
        await self._worker.submit(key)


def _next(script: Script, rows: Rows | None) -> tuple[bytes, Parameters]:
    """Return the next statement of a script, which gets the rows of the one before; `StopIteration` at its end."""
    return _bytes(next(script) if rows is None else script.send(rows))


def _bytes(statement: Statement) -> tuple[bytes, Parameters]:
    return statement.sql.encode(), statement.parameters


def _check_is_there(tenant: str | None, found: Rows) -> None:
    if not found:
        raise ValueError(f"there is no tenant {tenant!r}")
