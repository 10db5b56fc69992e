"""The place of a journal: a file on this machine, or the tables of a database server."""

import os
import re
from pathlib import Path
from typing import TypeGuard
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from attrs import field, frozen

from cometrunway._paths import expanded
from cometrunway.errors import JournalError

_SCHEMES = ("postgresql://", "postgres://")
_SCHEMA = "cometrunway"
_NAME = "[a-z_][a-z0-9_]{0,62}"
_LEASE = 30.0
_SHORTEST_LEASE, _LONGEST_LEASE = 1.0, 3600.0
_SECRET = ("password", "sslpassword")
_HIDDEN = "***"
_USER_INFO = r"(postgres(?:ql)?://[^\s/?#:@]*:)[^\s/?#]*@"


@frozen(kw_only=True)
class PostgresUrl:
    """The tables of one schema of a PostgreSQL database. As text it shows no password."""

    conninfo: str = field(repr=False)
    """The connection string for libpq, with the password."""
    shown: str
    schema: str = _SCHEMA
    lease: float = _LEASE
    """Seconds without a sign of life after which a process counts as gone."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Texts that must not be shown, and that an error of libpq may contain."""

    @classmethod
    def parse(cls, url: str) -> "PostgresUrl":
        """Read `postgresql://user@host:port/database?schema=NAME&lease=SECONDS`, and any other parameter of libpq.

        Raises:
            JournalError: it cannot be read; the message does not show it.
        """
        try:
            parts = urlsplit(url)
            parameters = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError:
            raise JournalError(
                "the journal's URL cannot be read: write it as postgresql://user@host:5432/database, with what is "
                "special in a name or a password written as %XX"
            ) from None
        own = dict(parameters)
        user, colon, password = parts.netloc.rpartition("@")[0].partition(":")
        secrets = [password, unquote(password), *(value for name, value in parameters if name in _SECRET)]
        hosts = parts.netloc.rpartition("@")[2]
        netloc = f"{user}:{_HIDDEN}@{hosts}" if colon else parts.netloc
        shown = [(name, _HIDDEN if name in _SECRET else value) for name, value in parameters]
        given = [(name, value) for name, value in parameters if name not in {"schema", "lease"}]
        return cls(
            conninfo=urlunsplit(parts._replace(query=urlencode(given))),
            shown=urlunsplit(parts._replace(netloc=netloc, query=urlencode(shown, safe="*/"))),
            schema=_schema(own.get("schema", _SCHEMA)),
            lease=_lease(own.get("lease")),
            secrets=tuple(filter(None, secrets)),
        )

    @property
    def name(self) -> str:
        """Its name in a title."""
        database = unquote(urlsplit(self.shown).path.strip("/"))
        return database if self.schema == _SCHEMA else f"{database}.{self.schema}".lstrip(".")

    def without_secrets(self, text: str) -> str:
        """Return a text in which the password is not shown."""
        for secret in self.secrets:
            text = text.replace(secret, _HIDDEN)
        return text

    def __str__(self) -> str:
        return self.shown


Place = Path | PostgresUrl
"""The place of a journal."""


def is_url(journal: str | os.PathLike[str]) -> TypeGuard[str]:
    """Whether it names a database server."""
    return isinstance(journal, str) and journal.startswith(_SCHEMES)


def place_of(journal: str | os.PathLike[str] | Place) -> Place:
    """Return the place that a user names: a URL of a database server, or else a file.

    Raises:
        JournalError: the URL cannot be read.
        ValueError: it begins with a home folder that is not known.
    """
    if isinstance(journal, PostgresUrl):
        return journal
    if is_url(journal):
        return PostgresUrl.parse(journal)
    return expanded(journal, "journal")


def may_be_read(place: Place) -> bool:
    """Whether there is something to be read: a file that is missing, or empty, becomes a journal when it is written."""
    if isinstance(place, PostgresUrl):
        return True
    return place.exists() and not (place.is_file() and not place.stat().st_size)


def without_passwords(text: str) -> str:
    """Return a text in which the URLs of servers show no password."""
    return re.sub(_USER_INFO, rf"\1{_HIDDEN}@", text)


def _schema(name: str) -> str:
    if not re.fullmatch(_NAME, name):
        raise JournalError(
            f"schema: must be of a-z, 0-9 and _, must not begin with a digit, and have at most 63 characters, "
            f"got {name!r}"
        )
    return name


def _lease(text: str | None) -> float:
    try:
        seconds = _LEASE if text is None else float(text)
    except ValueError:
        seconds = 0.0
    if not _SHORTEST_LEASE <= seconds <= _LONGEST_LEASE:
        raise JournalError(f"lease: must be from {_SHORTEST_LEASE:g} to {_LONGEST_LEASE:g} seconds, got {text!r}")
    return seconds
