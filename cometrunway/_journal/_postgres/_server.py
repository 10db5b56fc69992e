"""Operations on a journal in a database server that do not need a session."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from cometrunway._journal._place import PostgresUrl
from cometrunway._journal._postgres import _migration, _sessions
from cometrunway._journal._postgres._connection import connected, translated_errors
from cometrunway._journal._postgres._records import Records, folders_of
from cometrunway._journal._store import Holder, Snapshot


@contextmanager
def snapshot(url: PostgresUrl) -> Iterator[Snapshot]:
    """Read it as it is at this moment; `JournalError` if there is none."""
    with translated_errors(url):
        connection = connected(url, writes=False)
    with closing(connection):
        with translated_errors(url):
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            _migration.check_version(connection, url)
            records = Records(connection, url.schema, folders_of(connection, url.schema))
        yield Snapshot(records=records, translated_errors=partial(translated_errors, url))


def holders(url: PostgresUrl) -> tuple[Holder, ...]:
    """Return the processes of all sessions that live."""
    with translated_errors(url), closing(connected(url, writes=False)) as connection:
        return tuple(Holder(pid=pid, host=host) for pid, host in _sessions.living(connection, url))


def signature(url: PostgresUrl) -> object:
    """Return what is another one after it has changed: how many changes the server has counted, and who writes."""
    counted = (
        "SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_all_tables "
        "WHERE schemaname = %s AND relname = 'submission'"
    )
    with translated_errors(url), closing(connected(url, writes=False)) as connection:
        return connection.execute(counted, (url.schema,)).fetchone(), _sessions.living(connection, url)


def migrate(url: PostgresUrl) -> tuple[int, int]:
    """Bring it to the present version, or make it; return the version before and after."""
    return _migration.migrate(url)
