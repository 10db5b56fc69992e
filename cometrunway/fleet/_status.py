"""What a fleet does at the moment."""

from datetime import datetime
from decimal import Decimal

from attrs import frozen

from cometrunway._journal._entry import State
from cometrunway._journal._postgres._records import rows_of
from cometrunway._journal._postgres._schema import is_alive
from cometrunway.fleet._database import Database
from cometrunway.fleet._limits import Limit


@frozen(kw_only=True)
class WorkerStatus:
    """A running worker."""

    name: str
    started_at: datetime
    in_flight: int
    """How many tasks it waits for, or submits."""
    max_in_flight: int


@frozen(kw_only=True)
class Tenant:
    """A user, a customer or a project, with a budget of its own."""

    name: str
    creates: int | None
    """The largest number of creates; None is no limit."""
    used_creates: int
    """The number of creates that are queued, accepted or in doubt."""
    money: Decimal | None
    """The largest total price; None is no limit."""
    used_money: Decimal
    is_paused: bool


@frozen(kw_only=True)
class FleetStatus:
    """What a fleet does at the moment."""

    workers: tuple[WorkerStatus, ...]
    queued: int
    """Shots that wait for a worker."""
    paused: int
    """Shots whose tenant is paused."""
    counts: dict[State, int]
    """How many submissions are in each state that is not delivered."""
    creates: Limit
    polls: Limit
    tenants: tuple[Tenant, ...]


async def status_of(database: Database) -> FleetStatus:
    """Return what a fleet does at the moment."""
    schema = database.url.schema
    workers = await database.rows(
        f"SELECT name, started_at, in_flight, max_in_flight FROM {schema}.worker AS one WHERE {is_alive('one')} "
        "ORDER BY number"
    )
    queue = await database.row(
        "SELECT count(*) FILTER (WHERE has_job), count(*) FILTER (WHERE NOT has_job) "
        f"FROM {schema}.queued WHERE refusal IS NULL"
    )
    counts = await database.rows(
        f"SELECT state, count(*) FROM {rows_of(schema)} WHERE recorded <> 'delivered' GROUP BY state"
    )
    rates = await database.rows(f"SELECT kind, per_second, at_once, is_paused FROM {schema}.rate")
    limits = {kind: Limit(per_second=rate, at_once=most, is_paused=paused) for kind, rate, most, paused in rates}
    tenants = await database.rows(
        f"SELECT name, creates, used_creates, money, used_money, is_paused FROM {schema}.tenant ORDER BY name"
    )
    queued, paused = queue or (0, 0)
    return FleetStatus(
        workers=tuple(
            WorkerStatus(name=name, started_at=started_at, in_flight=in_flight, max_in_flight=most)
            for name, started_at, in_flight, most in workers
        ),
        queued=queued,
        paused=paused,
        counts={State(state): count for state, count in counts},
        creates=limits["creates"],
        polls=limits["polls"],
        tenants=tuple(
            Tenant(name=name, creates=most, used_creates=used, money=money, used_money=used_money, is_paused=paused)
            for name, most, used, money, used_money, paused in tenants
        ),
    )
