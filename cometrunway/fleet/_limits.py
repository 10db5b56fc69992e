"""The limits of creates and polls that all workers of a fleet share, kept in one row for each."""

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import Literal, Self

from attrs import define, field, frozen

from cometrunway._journal._postgres._schema import is_alive
from cometrunway._keywords import hints_keywords
from cometrunway._submission._shared_limits import ANY_TIME, Turn
from cometrunway._task_group import BackgroundTasks, Role, within
from cometrunway.errors import JournalError
from cometrunway.fleet._database import Database

_logger = logging.getLogger(__name__)
Kind = Literal["creates", "polls"]
_HORIZON = 0.5
"""Seconds: no turn is reserved further ahead, so that little is lost with a worker that dies."""
_LEAD = 0.1
"""Seconds from the time at which a create gets its turn to the time of the turn: the create is recorded between."""
_LATEST = 0.02
"""Seconds: a turn that was not used by then is given up, so that no turns are used together."""
_CLOCK_SAMPLES = 32
"""Of the last so many answers, the fastest one tells the time of the server best."""
_BETWEEN_ASKS = 0.1
"""Seconds between two asks while nothing is free."""
_LEAVE_TIMEOUT = 1.0
"""Seconds for a worker to say that it ends."""
_LONGEST_PAUSE = 2.0
"""Seconds between two queries of the limits, which the user may change."""


@hints_keywords
@frozen(kw_only=True)
class Limit:
    """What the whole fleet may send."""

    per_second: float | None
    """The rate; None is no limit."""
    at_once: int | None = None
    """How many may be under way; None is no limit. Polls have none."""
    is_paused: bool = False


@define(kw_only=True, eq=False)
class _Turns:
    """The turns of one kind: who waits for one, how many are held, and whether they are limited."""

    kind: Kind
    lead: float = 0.0
    """Seconds between the time at which a turn is given and its own time."""
    waiting: deque[asyncio.Future[Turn]] = field(factory=deque)
    is_wanted: asyncio.Event = field(factory=asyncio.Event)
    freed: asyncio.Event = field(factory=asyncio.Event)
    held: int = 0
    """Turns that were reserved or taken, and not given back."""
    recording: asyncio.Lock = field(factory=asyncio.Lock)
    """The lock on the record of what is held, so that no older number is written after a newer one."""
    is_limited: bool = True
    """As long as the limits were not read yet, each turn is asked for."""

    async def take(self) -> Turn:
        """Wait for a turn. If the wait is cancelled when the turn was given, it is given back."""
        if not self.is_limited and not self.waiting:
            self.held += 1
            return ANY_TIME
        turn: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        self.is_wanted.set()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back()
            raise

    def give(self, turn: Turn) -> None:
        """Give a reserved turn to the first that still waits, or back."""
        while self.waiting:
            first = self.waiting.popleft()
            if not first.done():
                first.set_result(turn)
                return
        self.give_back()

    def give_back(self) -> None:
        """Hold one turn less."""
        self.held -= 1
        if self.is_limited:
            self.freed.set()

    def wanted(self) -> int:
        """Return how many wait."""
        return sum(not turn.done() for turn in self.waiting)


class FleetLimits:
    """The share of one worker in the limits of its fleet; open it before the session.

    Turns are reserved in the database, some at a time, and each is used at its moment. So the rate holds over all
    workers, and a worker that is slow or dies takes little from the others.

    Args:
        database: of the fleet.
        name: the worker's name, to be shown.
        max_in_flight: how many tasks it takes at once, to be shown.
    """

    def __init__(self, database: Database, *, name: str, max_in_flight: int) -> None:
        self._database = database
        self._name = name
        self._max_in_flight = max_in_flight
        self.in_flight = 0
        """How many tasks it waits for, to be shown."""
        self._number = 0
        self._creates, self._polls = _Turns(kind="creates", lead=_LEAD), _Turns(kind="polls")
        self._behind: deque[float] = deque(maxlen=_CLOCK_SAMPLES)
        """How far the event loop's clock was ahead of the server's when an answer came, in seconds."""
        self._background = BackgroundTasks()

    async def __aenter__(self) -> Self:
        schema, lease = self._database.url.schema, self._database.url.lease
        await self._database.rows(f"DELETE FROM {schema}.worker AS other WHERE NOT {is_alive('other')}")
        row = await self._database.row(
            f"INSERT INTO {schema}.worker (name, lease, max_in_flight) VALUES (%s, %s, %s) RETURNING number",
            (self._name, lease, self._max_in_flight),
        )
        self._number = int(row[0]) if row else 0
        await self._renew()
        await self._background.open()
        self._background.start(self._renew_regularly(), name="cometrunway worker", role=Role.SERVICE)
        for turns in (self._creates, self._polls):
            self._background.start(self._give(turns), name=f"cometrunway {turns.kind}", role=Role.SERVICE)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._background.close(wait=0)
        schema = self._database.url.schema
        with suppress(JournalError, TimeoutError):  # without that, its lease ends
            async with asyncio.timeout(_LEAVE_TIMEOUT):
                await self._database.rows(f"DELETE FROM {schema}.worker WHERE number = %s", (self._number,))

    async def create(self) -> Turn:
        """Wait for the turn of one more create. The create is recorded before the time of its turn."""
        return await self._creates.take()

    def created(self) -> None:
        """The create has its answer, or was not sent: another one may take its place."""
        self._creates.give_back()

    async def poll(self) -> None:
        """Wait until one more poll may be sent."""
        await self._polls.take()
        self._polls.held -= 1  # polls are limited by their rate only

    def refused(self, what: Kind, pause: float) -> None:
        """All workers pause for the time that a 429 asks for."""
        if pause > 0 and not self._background.is_closing:
            (self._creates if what == "creates" else self._polls).is_limited = True
            self._background.start(self._pause(what, pause), name="cometrunway pause")

    async def _pause(self, kind: Kind, seconds: float) -> None:
        try:
            await self._database.rows(
                f"UPDATE {self._database.url.schema}.rate SET paused_until = greatest(paused_until, "
                "clock_timestamp() + make_interval(secs => %s)) WHERE kind = %s",
                (seconds, kind),
            )
        except JournalError as error:
            _logger.warning("other workers could not be told of a pause: %s", error)

    async def _give(self, turns: _Turns) -> None:
        """Reserve turns for those that wait, and give each at its moment."""
        loop = asyncio.get_running_loop()
        while True:
            await turns.is_wanted.wait()
            wanted = turns.wanted()
            if not wanted:
                turns.is_wanted.clear()
                continue
            try:
                granted, first, gap = await self._reserved(turns, wanted)
            except JournalError as error:
                _logger.error("no turn of %s could be reserved: %s", turns.kind, error)  # noqa: TRY400 - of the user
                await asyncio.sleep(_LONGEST_PAUSE)
                continue
            if not granted:
                wait = first - loop.time()
                await asyncio.sleep(min(_LONGEST_PAUSE, max(_BETWEEN_ASKS, wait - _HORIZON)))
            for number in range(granted):
                at = first + number * gap
                await asyncio.sleep(at - loop.time())
                turn = Turn(at + turns.lead, at + turns.lead + _LATEST) if gap else ANY_TIME
                if loop.time() <= turn.until:
                    turns.give(turn)
                else:
                    turns.give_back()

    async def _reserved(self, turns: _Turns, wanted: int) -> tuple[int, float, float]:
        """Hold turns; return how many are granted, the time of the first, and how many seconds lie between two."""
        loop = asyncio.get_running_loop()
        if not turns.is_limited:
            turns.held += wanted
            return wanted, loop.time(), 0.0
        async with turns.recording:
            row = await self._database.row(
                "SELECT granted, wait, gap, extract(epoch FROM clock_timestamp())::float "
                f"FROM {self._database.url.schema}.reserve(%s, %s, %s, %s, %s)",
                (turns.kind, wanted, self._number, turns.held, _HORIZON),
            )
            assert row is not None  # noqa: S101 - a function has a result
            granted, wait, gap, answered_at = row
            turns.held += granted
        self._behind.append(loop.time() - answered_at)
        return granted, answered_at + min(self._behind) + wait, gap

    async def _renew_regularly(self) -> None:
        """Say that this worker lives, what it does, and how many creates are under way; read the limits."""
        pause = min(_LONGEST_PAUSE, self._database.url.lease / 3)
        while True:
            await within(pause, self._creates.freed)
            self._creates.freed.clear()
            try:
                await self._renew()
            except JournalError as error:
                _logger.warning("the limits of the fleet could not be read: %s", error)
            await asyncio.sleep(_BETWEEN_ASKS)

    async def _renew(self) -> None:
        schema, lease = self._database.url.schema, self._database.url.lease
        async with self._creates.recording:
            await self._database.rows(
                f"INSERT INTO {schema}.worker AS mine (number, name, lease, max_in_flight, in_flight, places) "
                "OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (number) DO UPDATE SET "
                "seen_at = clock_timestamp(), in_flight = excluded.in_flight, places = excluded.places",
                (self._number, self._name, lease, self._max_in_flight, self.in_flight, self._creates.held),
            )
        rows = await self._database.rows(
            "SELECT kind, per_second IS NOT NULL OR at_once IS NOT NULL OR is_paused "
            f"OR paused_until > clock_timestamp() FROM {schema}.rate"
        )
        limited: dict[str, bool] = dict(rows)
        self._creates.is_limited, self._polls.is_limited = limited["creates"], limited["polls"]
