"""What a fleet needs of its database: tables of this version, and the rights of its role. Checked when it is opened."""

from collections.abc import Mapping

from cometrunway._journal._postgres._migration import check_number
from cometrunway._journal._postgres._schema import VERSION_TABLE
from cometrunway.errors import JournalError
from cometrunway.fleet._database import Database
from cometrunway.fleet._engine import MISSING_FUNCTIONS, check_functions

_QUEUE = ("procrastinate_jobs", "procrastinate_events")
_Rights = Mapping[str, tuple[str, ...]]
_TO_QUEUE: _Rights = {
    "queued": ("SELECT", "INSERT", "UPDATE"),
    "tenant": ("SELECT", "UPDATE"),
    "submission": ("SELECT",),
    VERSION_TABLE: ("SELECT",),
}
"""The rights of a role that queues shots and waits for them, on the tables of the fleet."""
_TO_WORK: _Rights = {
    "queued": ("SELECT", "UPDATE", "DELETE"),
    "tenant": ("SELECT", "UPDATE"),
    "rate": ("SELECT", "UPDATE"),
    "worker": ("SELECT", "INSERT", "UPDATE", "DELETE"),
}
"""The further rights of a worker, besides those that its journal needs."""


async def check_client(database: Database) -> None:
    """Make sure that this role can queue shots in tables of this version; else `JournalError`."""
    await _check(database, _TO_QUEUE, ("SELECT", "INSERT"))
    [(version,)] = await database.rows(f"SELECT number FROM {database.url.schema}.{VERSION_TABLE}")
    check_number(version, database.url)
    check_functions([name for (name,) in await database.rows(*MISSING_FUNCTIONS)], database.url)


async def check_worker(database: Database) -> None:
    """Make sure that this role can work; else `JournalError`."""
    await _check(database, _TO_WORK, ("SELECT", "INSERT", "UPDATE", "DELETE"))


async def _check(database: Database, of_fleet: _Rights, of_queue: tuple[str, ...]) -> None:
    url = database.url
    rights = {f"{url.schema}.{table}": rights for table, rights in of_fleet.items()} | dict.fromkeys(_QUEUE, of_queue)
    row = await database.row(
        "SELECT bool_and(to_regclass(name) IS NOT NULL) FROM unnest(%s::text[]) AS name", (list(rights),)
    )
    if row is None or not row[0]:
        raise JournalError(
            f"the database of {url} has no tables for a fleet; make them with:  cometrunway fleet migrate '{url}'"
        )
    wanted = [(table, right) for table, rights_of in rights.items() for right in rights_of]
    missing = await database.rows(
        "SELECT wanted.of || ' on ' || name, current_user FROM unnest(%s::text[], %s::text[]) AS wanted (name, of) "
        "WHERE NOT has_table_privilege(name, wanted.of)",
        ([table for table, _ in wanted], [right for _, right in wanted]),
    )
    if missing:
        lacking = ", ".join(right for right, _ in missing)
        raise JournalError(f"the fleet {url}: the role {missing[0][1]!r} lacks {lacking}: GRANT it that")
