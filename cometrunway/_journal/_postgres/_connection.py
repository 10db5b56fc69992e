"""A connection to the server, and its errors translated: the only module that imports psycopg."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import conninfo
from psycopg.errors import InsufficientPrivilege, InvalidSchemaName, UndefinedColumn, UndefinedTable

from cometrunway._journal._entry import DamagedRowError, storable
from cometrunway._journal._place import PostgresUrl
from cometrunway.errors import JournalError, JournalUnavailableError

__all__ = ["Connection", "Error"]

Connection = psycopg.Connection[tuple[Any, ...]]
Error = psycopg.Error
Parameters = Sequence[object] | Mapping[str, object]

_DEFAULTS = {
    "application_name": "cometrunway",
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""Defaults for libpq, if the URL does not set them. A lost server is noticed within half a minute."""
_PASSING = ("08", "40", "53", "57", "25006", "55P03")
"""Codes, or their beginnings, of what passes: no connection, a conflict, a full disk, a restart, a failover, a lock."""
_MIGRATE = "make its tables with:  cometrunway fleet migrate {}"


def options_of(url: PostgresUrl, *, writes: bool) -> dict[str, Any]:
    """Return the options of libpq for a connection; one that writes is to the primary of several hosts.

    Raises:
        JournalError: libpq cannot read the URL.
    """
    defaults = {**_DEFAULTS, "target_session_attrs": "read-write"} if writes else _DEFAULTS
    try:
        given = conninfo.conninfo_to_dict(url.conninfo)
    except Error as error:
        raise JournalError(
            f"the journal's URL {url} cannot be read: {url.without_secrets(str(error)).strip()}"
        ) from None  # its text may show the password
    return {**defaults, **given, "client_encoding": "UTF8"}


def connected(url: PostgresUrl, *, writes: bool) -> Connection:
    """Open a connection; one that writes is to the primary of several hosts.

    Raises:
        JournalError: libpq cannot read the URL.
        Error: the server cannot be reached, or does not let this user in.
    """
    options = options_of(url, writes=writes)
    # Prepared statements would fail behind a pooler that hands each transaction to another connection.
    return psycopg.connect(**options, autocommit=True, prepare_threshold=None)


def stored(value: object) -> object:
    """Return a value that the server can store: text without lone surrogates, and without the character zero."""
    value = storable(value)
    return value.replace("\x00", r"\x00") if isinstance(value, str) else value


def passes(error: Error) -> bool:
    """Whether it can be expected to pass by itself, so that the same is worth trying again."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate.startswith(_PASSING)


@contextmanager
def translated_errors(url: PostgresUrl) -> Iterator[None]:
    """Turn the exceptions of psycopg into ours."""
    try:
        yield
    except DamagedRowError as error:
        raise JournalError(f"the journal {url} is damaged: {error}") from error
    except Error as error:
        raise translated(error, url) from error


def translated(error: Error, url: PostgresUrl) -> JournalError:
    """Return our error for one of psycopg."""
    said = url.without_secrets(" ".join(str(error).split()))
    if isinstance(error, InvalidSchemaName | UndefinedTable | UndefinedColumn):
        return JournalError(f"the journal {url} lacks a table or a column ({said}): {_MIGRATE.format(url)}")
    if isinstance(error, InsufficientPrivilege):
        return JournalError(
            f"the journal {url}: this role may not do what is needed ({said}): grant it that, as the how-to on "
            "PostgreSQL says"
        )
    if passes(error) or isinstance(error, psycopg.OperationalError):
        return JournalUnavailableError(
            f"the journal {url} cannot be written or read: {said}. No create is sent meanwhile"
        )
    return JournalError(f"the journal {url} cannot be written or read: {said}")
