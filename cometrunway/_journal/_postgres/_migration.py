"""The version of a schema: checked when it is opened, and brought to the present one by the command."""

from typing import Any

from cometrunway._journal._place import PostgresUrl
from cometrunway._journal._postgres._connection import Connection, connected, translated_errors
from cometrunway._journal._postgres._schema import MIGRATIONS, NEEDED, NUMBERS, VERSION, VERSION_TABLE
from cometrunway.errors import JournalError

_LOCK = 0x43525759


def check_version(connection: Connection, url: PostgresUrl) -> None:
    """Make sure that the schema is there, and is of the present version; else `JournalError`."""
    check_number(_version(connection, url.schema), url)


def check_number(version: int, url: PostgresUrl) -> None:
    """Make sure that a schema of this version can be used; else `JournalError`. 0 is one without a journal."""
    if version == 0:
        raise JournalError(
            f"the database of {url} has no journal in its schema {url.schema!r}; make it with:  cometrunway fleet "
            f"migrate '{url}'"
        )
    if version < VERSION:
        raise JournalError(
            f"the journal {url} is of an earlier version ({version}, this one is {VERSION}); nothing was changed: "
            f"bring it to the present one with:  cometrunway fleet migrate '{url}'"
        )
    _check_not_newer(version, url)


def check_rights(connection: Connection, url: PostgresUrl) -> None:
    """Make sure that this role may write the journal; else `JournalError`."""
    wanted = [(table, right) for table, rights in NEEDED.items() for right in rights]
    missing = [
        f"{right} on {table}"
        for table, right in wanted
        if not _one(connection, "SELECT has_table_privilege(%s, %s)", f"{url.schema}.{table}", right)
    ]
    if not _one(connection, "SELECT has_sequence_privilege(%s, 'USAGE')", f"{url.schema}.{NUMBERS}"):
        missing.append(f"USAGE on the sequence {NUMBERS}")
    if missing:
        role = _one(connection, "SELECT current_user")
        raise JournalError(
            f"the journal {url}: the role {role!r} lacks {', '.join(missing)} in the schema {url.schema!r}: GRANT it "
            "that; nothing was sent"
        )


def migrate(url: PostgresUrl) -> tuple[int, int]:
    """Bring the schema to the present version, or make it, in one transaction; return the version before and after.

    Raises:
        JournalError: the server cannot be reached, the role may not make tables, or the schema is of a newer version.
    """
    with translated_errors(url), connected(url, writes=True) as connection, connection.transaction():
        lock(connection)
        encoding = _one(connection, "SHOW server_encoding")
        if encoding != "UTF8":
            raise JournalError(f"the database of {url} has the encoding {encoding}; a journal needs one of UTF8")
        before = _version(connection, url.schema)
        _check_not_newer(before, url)
        if before == 0:
            if not _one(connection, "SELECT to_regnamespace(%s) IS NOT NULL", url.schema):
                connection.execute(f"CREATE SCHEMA {url.schema}".encode())
            connection.execute(f"CREATE TABLE {url.schema}.{VERSION_TABLE} (number integer NOT NULL)".encode())
            connection.execute(f"INSERT INTO {url.schema}.{VERSION_TABLE} VALUES (0)".encode())
        for statements in MIGRATIONS[before:]:
            connection.execute(statements.format(schema=url.schema).encode())
        connection.execute(f"UPDATE {url.schema}.{VERSION_TABLE} SET number = %s".encode(), (VERSION,))
    return before, VERSION


def lock(connection: Connection) -> None:
    """Wait until no other transaction migrates, so that only one does at a time."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


def _version(connection: Connection, schema: str) -> int:
    """Return the version of a schema; 0 where it has no journal."""
    table = f"{schema}.{VERSION_TABLE}"
    if not _one(connection, "SELECT to_regclass(%s) IS NOT NULL", table):
        return 0
    return int(_one(connection, f"SELECT number FROM {table}"))


def _check_not_newer(version: int, url: PostgresUrl) -> None:
    if version > VERSION:
        raise JournalError(
            f"the journal {url} was made by a newer cometrunway (its version is {version}, this one knows {VERSION}); "
            "it was left as it is: upgrade cometrunway"
        )


def _one(connection: Connection, statement: str, *parameters: object) -> Any:
    row = connection.execute(statement.encode(), parameters or None).fetchone()
    return None if row is None else row[0]
