"""The tables of a journal."""

import re
from contextlib import closing
from typing import Any

from cometrunway._journal._place import place_of
from cometrunway._journal._postgres._connection import connected
from cometrunway._journal._postgres._schema import MIGRATIONS, NEEDED, NUMBERS, VERSION, is_alive

MADE = re.compile(
    r"(?:CREATE (?:TABLE|SEQUENCE|FUNCTION)|CREATE OR REPLACE FUNCTION|ALTER TABLE|INSERT INTO|UPDATE(?! OF)"
    r"|CREATE INDEX \w+ ON) (\S+)"
)


def test_all_of_a_journal_is_in_its_schema() -> None:
    """Two journals of one database do not meet: whatever a migration makes or changes is named with the schema."""
    for statements in MIGRATIONS:
        named = MADE.findall(statements)
        assert named
        assert not [name for name in named if not name.startswith("{schema}.")]


def test_the_rights_of_a_role_are_on_tables_that_are_there() -> None:
    """Those that are checked before anything is sent."""
    made = set(re.findall(r"CREATE (?:TABLE|SEQUENCE) \{schema\}\.(\w+)", "".join(MIGRATIONS)))
    assert {*NEEDED, NUMBERS} <= made
    assert len(MIGRATIONS) == VERSION


def test_a_session_lives_as_long_as_its_lease(url: str) -> None:
    """By the server's clock; while the server was down nobody could renew, so that a lease begins with its start."""
    minute_ago, days_ago = "now() - interval '1 minute'", "now() - interval '9 days'"
    seen = (("now()", 60, True), (minute_ago, -0.1, False), (days_ago, 86400, True))
    place: Any = place_of(url)
    with closing(connected(place, writes=False)) as connection:
        for at, lease, lives in seen:
            row = f"(SELECT {at} AS seen_at, {lease}::double precision AS lease) AS s"
            found = connection.execute(f"SELECT {is_alive('s')} FROM {row}".encode()).fetchone()  # noqa: S608 - ours
            assert found == (lives,)
