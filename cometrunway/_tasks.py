"""What the server said about a task, and the files it made: frozen snapshots that cannot act."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from cometrunway._displays import Displayed
from cometrunway._media._urls import is_data_url, without_query

UNNAMED_PROVIDER = "cometapi"
"""Whose a token, a record or an event is that names no provider."""


class TaskStatus(StrEnum):
    """The state of a remote task, normalised over every vocabulary of the gateways."""

    PENDING = "PENDING"
    THROTTLED = "THROTTLED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"

    @property
    def is_terminal(self) -> bool:
        """Whether the server will never change this status again."""
        return self in _TERMINAL


_TERMINAL = (TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.CANCELLED)  # no set: an Enum's hash is slow


def moment(seconds: float | None) -> datetime | None:
    """Return wall-clock seconds since 1970 as a time in UTC; None for what is no time that has a date."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


@frozen(kw_only=True)
class Failure:
    """Why the server gave a task up."""

    message: str
    code: str | None = None
    """The dotted failure code, such as `SAFETY.INPUT.TEXT`, where the gateway passes one on."""
    retryable: bool = False
    """Whether the same request, submitted (and paid) anew, may well succeed."""
    moderated: bool = False
    """Whether content moderation refused the input or the output."""

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]" if self.code else self.message


def _shown_without_queries(urls: tuple[str, ...]) -> str:
    return repr(tuple(without_query(url) for url in urls))


@frozen(kw_only=True)
class Task(Displayed):
    """The state of a remote task, as one answer gave it."""

    id: str
    status: TaskStatus
    progress: float | None = None
    """From 0 to 1, or None where the server does not say."""
    created_at: datetime | None = None
    """When the server says the task was made; always with a time zone."""
    outputs: tuple[str, ...] = field(default=(), repr=_shown_without_queries)
    """The URLs of the files, in the server's order. They expire: at Runway after 24 to 48 hours."""
    failure: Failure | None = None
    """Set if, and only if, the status is FAILED or CANCELLED."""
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)
    """The whole answer as it was parsed, unknown keys included; empty once files that stood in it are on disk."""
    submitted_at: datetime | None = field(default=None, eq=False)
    """When this machine was about to send the create. This time and the next three are by this machine's clock, in UTC,
    and set once the task has ended; None where it is not known."""
    accepted_at: datetime | None = field(default=None, eq=False)
    """When the create was answered."""
    ended_at: datetime | None = field(default=None, eq=False)
    """When a poll found that it had ended."""
    delivered_at: datetime | None = field(default=None, eq=False)
    """When its files were on disk."""

    @property
    def seconds(self) -> float | None:
        """How long it took: from the create's answer to the poll that found its end; None where that is not known."""
        is_known = self.accepted_at is not None and self.ended_at is not None
        return (self.ended_at - self.accepted_at).total_seconds() if is_known else None  # type: ignore[operator]  # see above

    def without_inline_files(self) -> "Task":
        """Return the task without the content of files that stand in the answer itself."""
        if not any(map(is_data_url, self.outputs)):
            return self
        return evolve(self, outputs=tuple(map(without_query, self.outputs)), raw={})


def _without_query(url: str | None) -> str:
    return repr(url and without_query(url))


@frozen(kw_only=True)
class Asset(Displayed):
    """One file that a task made."""

    url: str = field(repr=without_query)
    """Where the server offers the file. It is signed: anyone who has it can read the file until it expires."""
    path: Path | None = None
    """The whole file on this disk; None until it was downloaded."""
    location: str | None = None
    """The whole file in a bucket, such as `s3://bucket/prefix/name.mp4`; None where the session has no bucket."""
    link: str | None = field(default=None, eq=False, repr=_without_query)
    """A URL of the file in the bucket that everybody can read, for a day: for a browser, not for a record."""
    media_type: str | None = None
    """As found in the file's first bytes, such as `video/mp4`; `application/octet-stream` for an unknown kind."""
    size: int | None = None
    """In bytes."""
    sha256: str | None = None
    """The hex digest of the file's bytes."""
    verified: bool = True
    """False if the file is of a kind whose end cannot be checked: only its length agrees with what the host stated."""
    verified_digests: tuple[str, ...] = ()
    """The algorithms of the digests that the host stated and that agree with what came: `md5`, `sha1`, `sha256`,
    `sha512`; empty where it stated none."""

    @property
    def is_kept(self) -> bool:
        """Whether the whole file is on this disk or in a bucket."""
        return self.path is not None or self.location is not None
