"""Removes data of submissions that were delivered long ago and that a journal does not need."""

from datetime import datetime

from cometrunway._journal._postgres._connection import Connection
from cometrunway._journal._pruned import Pruned, kept_files, kept_request

_AT_ONCE = 5000
"""Rows of one transaction."""
_DELIVERED = "state = 'delivered' AND coalesce(delivered_at, ended_at, created_at) < %s"
_NOT_PRUNED = """request <> '{}' AND left(request, 11) <> '{"provider"'"""


def prune(
    connection: Connection, schema: str, delivered_before: datetime, forget_keys_before: datetime | None
) -> Pruned:
    """Take out what is not needed of what was delivered, in short transactions; the server reuses the space."""
    table = f"{schema}.submission"
    before = _size(connection, table)
    forgotten = 0 if forget_keys_before is None else _forget(connection, table, forget_keys_before.timestamp())
    pruned = _shrink(connection, table, delivered_before.timestamp())
    connection.execute(f"VACUUM (ANALYZE) {table}".encode())
    return Pruned(pruned=pruned, forgotten=forgotten, bytes_before=before, bytes_after=_size(connection, table))


def _forget(connection: Connection, table: str, before: float) -> int:
    rows = f"SELECT number FROM {table} WHERE {_DELIVERED} LIMIT {_AT_ONCE}"
    count = 0
    while done := connection.execute(f"DELETE FROM {table} WHERE number IN ({rows})".encode(), (before,)).rowcount:
        count += done
    return count


def _shrink(connection: Connection, table: str, before: float) -> int:
    select = (
        f"SELECT number, assets, request FROM {table} WHERE number > %s AND {_DELIVERED} AND {_NOT_PRUNED} "
        "ORDER BY number LIMIT %s FOR UPDATE"
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
