"""The errors of a server: which pass by themselves, which have a cure, and that none shows a password."""

from typing import Any

import psycopg
import pytest

from cometrunway import errors
from cometrunway._journal._place import PostgresUrl
from cometrunway._journal._postgres._connection import options_of, passes, stored, translated
from cometrunway.emulator import Emulator
from tests.journal.postgres.test_store import SECRET
from tests.postgres import Server
from tests.samples import yawn

URL = PostgresUrl.parse(f"postgresql://me:{SECRET}@db.example.com/shop?schema=shots")


@pytest.mark.parametrize(
    ("code", "passing"),
    [
        ("08006", True),  # the connection was lost
        ("40P01", True),  # two transactions waited for each other
        ("57P01", True),  # the server is stopped
        ("25006", True),  # a standby, before a failover has ended
        ("53300", True),  # too many connections
        ("55P03", True),  # a lock
        ("53100", True),  # the disk is full
        ("42P01", False),  # there is no such table
        ("42501", False),  # no right
        ("23505", False),  # a key that is there already
        ("28P01", False),  # a wrong password
    ],
)
def test_only_what_passes_by_itself_is_tried_again(code: str, passing: bool) -> None:
    """A restart, a failover, a full disk, a conflict or a lock; not what a user must mend."""
    assert passes(psycopg.errors.lookup(code)("no luck")) is passing


def test_a_server_that_cannot_be_reached_is_tried_again() -> None:
    """Libpq gives no code then; a wrong use of it is none."""
    assert passes(psycopg.OperationalError("connection refused"))
    assert passes(psycopg.InterfaceError("the connection is closed"))
    assert not passes(psycopg.ProgrammingError("too many parameters"))


@pytest.mark.parametrize(
    ("code", "kind", "told"),
    [
        ("42P01", errors.JournalError, "cometrunway fleet migrate"),
        ("42703", errors.JournalError, "cometrunway fleet migrate"),
        ("3F000", errors.JournalError, "cometrunway fleet migrate"),
        ("42501", errors.JournalError, "grant it that"),
        ("23505", errors.JournalError, "cannot be written or read"),
        ("08006", errors.JournalUnavailableError, "No create is sent meanwhile"),
        ("53100", errors.JournalUnavailableError, "No create is sent meanwhile"),
    ],
)
def test_an_error_has_its_kind_and_its_cure(code: str, kind: type[Exception], told: str) -> None:
    """And names the journal, without the password that the server's text may repeat."""
    error = translated(psycopg.errors.lookup(code)(f"no luck\nwith {SECRET}"), URL)
    assert type(error) is kind
    assert told in str(error)
    assert "db.example.com/shop" in str(error)
    assert "no luck with" in str(error)
    assert SECRET not in str(error)


def test_the_options_of_a_url_go_before_the_defaults() -> None:
    """By default a lost server is noticed in half a minute, and what writes looks for the primary."""
    own = PostgresUrl.parse("postgresql://me@db.example.com/shop?connect_timeout=3&application_name=mine")
    found = options_of(own, writes=True)
    assert (found["connect_timeout"], found["application_name"]) == ("3", "mine")
    assert (found["keepalives_idle"], found["target_session_attrs"]) == ("10", "read-write")
    assert "target_session_attrs" not in options_of(own, writes=False)


def test_any_text_can_be_stored() -> None:
    """The server has no character zero, and UTF-8 no half of a surrogate pair; numbers stay."""
    assert stored("a\x00b") == r"a\x00b"
    assert str(stored("a\ud83d")).encode()
    assert [stored(value) for value in ("猫", 1.5, None)] == ["猫", 1.5, None]


@pytest.mark.parametrize("parameters", [{"user": "nobody"}, {"database": "nowhere"}, {"sslmode": "no"}, {"lease": 0}])
async def test_a_wrong_url_is_a_clear_error_without_the_password(
    session: Any, postgres: Server, parameters: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """In the message, the error, its causes and the log."""
    async with Emulator() as emulator:
        with pytest.raises(errors.JournalError) as caught:
            async with session(emulator, journal=postgres.url(**parameters)) as runway:
                await runway.submit(yawn())
    causes = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert SECRET not in caplog.text + "".join(f"{cause!r} {cause}" for cause in causes)
    assert emulator.creates.received == 0
