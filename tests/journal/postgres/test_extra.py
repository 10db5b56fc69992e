"""The modules that need psycopg."""

import sys

import pytest

from cometrunway import JournalError
from cometrunway._journal._place import PostgresUrl
from cometrunway._journal._postgres._extra import module

URL = PostgresUrl.parse("postgresql://me:canary@db.example.com/shop")


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the journal, without its password."""
    for name in ("_server", "_connection"):
        monkeypatch.delitem(sys.modules, f"cometrunway._journal._postgres.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(JournalError, match=r"pip install 'cometrunway\[postgres\]' \(there is no psycopg") as caught:
        module("_server", URL)
    assert "db.example.com/shop" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_with_the_extra_the_module_is_returned() -> None:
    """By its name beside this one."""
    assert module("_schema", URL) is sys.modules["cometrunway._journal._postgres._schema"]
