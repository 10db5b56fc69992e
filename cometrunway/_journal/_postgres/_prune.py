"""Removes data of submissions that were delivered long ago and that a journal does not need."""

from datetime import datetime

from cometrunway._journal._postgres._connection import Connection
from cometrunway._journal._pruned import Pruned, kept_files, kept_request

_AT_ONCE = 5000
"""Rows of one transaction."""
_DELIVERED = "state = 'delivered' AND coalesce(delivered_at, ended_at, created_at) < %s"
_REFUSED = "refusal IS NOT NULL AND queued_at < %s"
_FREE = "FOR UPDATE SKIP LOCKED"
"""Leaves to another prune at the same time what that one has: neither waits for the other, or in a circle."""
_NOT_PRUNED = """request <> '{}' AND left(request, 11) <> '{"provider"'"""


def prune(
    connection: Connection, schema: str, delivered_before: datetime, forget_keys_before: datetime | None
) -> Pruned:
    """Take out what is not needed of what was delivered, in short transactions; the server reuses the space."""
    table = f"{schema}.submission"
    before = _size(connection, table)
    forgotten = 0
    if forget_keys_before is not None:
        forgotten = _delete(connection, table, "number", _DELIVERED, forget_keys_before.timestamp())
    pruned = _shrink(connection, table, delivered_before.timestamp())
    refused = _delete(connection, f"{schema}.queued", "key", _REFUSED, delivered_before)
    connection.execute(f"VACUUM (ANALYZE) {table}".encode())
    return Pruned(
        pruned=pruned,
        forgotten=forgotten,
        refused=refused,
        bytes_before=before,
        bytes_after=_size(connection, table),
    )


def _delete(connection: Connection, table: str, column: str, condition: str, before: float | datetime) -> int:
    """Delete rows in short transactions. Without rows there is no need for the right to delete."""
    select = f"SELECT {column} FROM {table} WHERE {condition} LIMIT {_AT_ONCE} {_FREE}".encode()
    delete = f"DELETE FROM {table} WHERE {column} = ANY(%s)".encode()
    count = 0
    while True:
        with connection.transaction():
            found = [name for (name,) in connection.execute(select, (before,))]
            if not found:
                return count
            count += connection.execute(delete, (found,)).rowcount


def _shrink(connection: Connection, table: str, before: float) -> int:
    select = (
        f"SELECT number, assets, request FROM {table} WHERE number > %s AND {_DELIVERED} AND {_NOT_PRUNED} "
        f"ORDER BY number LIMIT %s {_FREE}"
    )
    update = f"UPDATE {table} SET request = %s, assets = %s WHERE number = %s"
    count, last = 0, 0
    while True:
        with connection.transaction(), connection.cursor() as cursor:
            rows = connection.execute(select.encode(), (last, before, _AT_ONCE)).fetchall()
            if not rows:
                return count
            shrunk = [(kept_request(request), kept_files(assets), number) for number, assets, request in rows]
            cursor.executemany(update.encode(), shrunk)
        count, last = count + len(rows), rows[-1][0]


def _size(connection: Connection, table: str) -> int:
    row = connection.execute("SELECT pg_total_relation_size(%s)", (table,)).fetchone()
    return int(row[0]) if row else 0
