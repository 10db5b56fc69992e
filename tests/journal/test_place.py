"""Where a journal is: a file, or a URL whose password is never shown."""

import pickle
from pathlib import Path

import pytest

from cometrunway import Journal, Session, errors
from cometrunway._journal._place import PostgresUrl, place_of, without_passwords

URL = "postgresql://me:p%40ss@db.example.com:5433/shop?sslmode=require&schema=shots&lease=5&sslpassword=hidden"


def test_a_url_is_a_server_and_anything_else_a_file() -> None:
    """By its beginning alone."""
    assert place_of("shots.db") == Path("shots.db")
    assert place_of("postgresql.db") == Path("postgresql.db")
    for url in (URL, URL.replace("postgresql", "postgres")):
        assert isinstance(place_of(url), PostgresUrl)


def test_a_url_names_its_schema_and_its_lease() -> None:
    """They are ours, and libpq is given all the rest."""
    place = PostgresUrl.parse(URL)
    assert (place.schema, place.lease, place.name) == ("shots", 5.0, "shop.shots")
    assert place.conninfo == "postgresql://me:p%40ss@db.example.com:5433/shop?sslmode=require&sslpassword=hidden"
    plain = PostgresUrl.parse("postgresql:///shop")
    assert (plain.schema, plain.lease, plain.name) == ("cometrunway", 30.0, "shop")


def test_a_url_shows_no_password() -> None:
    """Neither as text nor by repr; nor does a text with what libpq says of it."""
    place = PostgresUrl.parse(URL)
    shown = f"{place} {place!r} {place.without_secrets('said p%40ss, p@ss and hidden')}"
    assert not [secret for secret in ("p%40ss", "p@ss", "hidden") if secret in shown]
    assert str(place).startswith("postgresql://me:***@db.example.com:5433/shop?sslmode=require&schema=shots")
    assert without_passwords(f"unrecognized arguments: {URL}").startswith(
        "unrecognized arguments: postgresql://me:***@db"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:canary@[half/shop",
        "postgresql://me:canary@host/shop?schema",
        "postgresql://me:canary@host/shop?schema=Shots",
        "postgresql://me:canary@host/shop?schema=a;drop",
        "postgresql://me:canary@host/shop?schema=",
        "postgresql://me:canary@host/shop?lease=0",
        "postgresql://me:canary@host/shop?lease=nan",
    ],
)
def test_what_cannot_be_read_is_refused_without_the_password(url: str) -> None:
    """As the session is made, before anything is opened."""
    with pytest.raises(errors.JournalError, match=r"postgresql://user@host|schema: must|lease: must") as caught:
        Session("sk-x", journal=url)
    assert "canary" not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_place_goes_to_another_process() -> None:
    """As a session's options do."""
    place = PostgresUrl.parse(URL)
    assert pickle.loads(pickle.dumps(place)) == place  # noqa: S301 - our own


def test_a_journal_does_not_show_the_password() -> None:
    """Nor what is made of it before it is opened."""
    journal = Journal(URL)
    assert "p%40ss" not in f"{journal.place} {journal.place!r} {journal!r}"
