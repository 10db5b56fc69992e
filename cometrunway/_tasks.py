"""Frozen snapshots of a task's state at the server, and of its files."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from cometrunway._displays import Displayed
from cometrunway._media._urls import is_data_url, without_query

UNNAMED_PROVIDER = "cometapi"
"""The provider of a token, a record or an event that names none."""


class TaskStatus(StrEnum):
    """The state of a remote task. The different words of the gateways are mapped to these."""

    PENDING = "PENDING"
    THROTTLED = "THROTTLED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"

    @property
    def is_terminal(self) -> bool:
        """Whether this status is final: the server does not change it again."""
        return self in _TERMINAL


_TERMINAL = (
    TaskStatus.SUCCEEDED,
    TaskStatus.FAILED,
    TaskStatus.CANCELLED,
)  # not a set, because the hash of an Enum is slow


def moment(seconds: float | None) -> datetime | None:
    """Return seconds since 1970 as a time in UTC; None if there is no such date."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


@frozen(kw_only=True)
class Failure:
    """Why a task failed or was cancelled at the server."""

    message: str
    code: str | None = None
    """The failure code, such as `SAFETY.INPUT.TEXT`; None if the gateway gives none."""
    retryable: bool = False
    """Whether the same request is likely to succeed if it is submitted, and paid for, again."""
    moderated: bool = False
    """Whether content moderation refused the input or the output."""

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]" if self.code else self.message


def _shown_without_queries(urls: tuple[str, ...]) -> str:
    return repr(tuple(without_query(url) for url in urls))


@frozen(kw_only=True)
class Task(Displayed):
    """The state of a remote task, as in one answer of the server."""

    id: str
    status: TaskStatus
    progress: float | None = None
    """From 0 to 1; None if the server does not report it."""
    created_at: datetime | None = None
    """When the task was created, by the server's clock; always with a time zone."""
    outputs: tuple[str, ...] = field(default=(), repr=_shown_without_queries)
    """The URLs of the files, in the server's order. They expire; at Runway after 24 to 48 hours."""
    failure: Failure | None = None
    """Set if the status is FAILED or CANCELLED; otherwise None."""
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)
    """The whole parsed answer, with unknown keys. If it contains files, it is empty once they are on disk."""
    submitted_at: datetime | None = field(default=None, eq=False)
    """When the create was about to be sent. This time and the next three are by this machine's clock, in UTC. They are
    set when the task has ended; None if they are not known."""
    accepted_at: datetime | None = field(default=None, eq=False)
    """When the create was answered."""
    ended_at: datetime | None = field(default=None, eq=False)
    """When a poll found that the task had ended."""
    delivered_at: datetime | None = field(default=None, eq=False)
    """When the task's files were on disk."""

    @property
    def seconds(self) -> float | None:
        """Seconds from the create's answer to the poll that found the end; None if they are not known."""
        is_known = self.accepted_at is not None and self.ended_at is not None
        return (self.ended_at - self.accepted_at).total_seconds() if is_known else None  # type: ignore[operator]  # see above

    def without_inline_files(self) -> "Task":
        """Return the task without the content of files that the answer itself contains."""
        if not any(map(is_data_url, self.outputs)):
            return self
        return evolve(self, outputs=tuple(map(without_query, self.outputs)), raw={})


def _without_query(url: str | None) -> str:
    return repr(url and without_query(url))


@frozen(kw_only=True)
class Asset(Displayed):
    """One file that a task made."""

    url: str = field(repr=without_query)
    """The server's URL of the file. It is signed: anyone who has it can read the file until it expires."""
    path: Path | None = None
    """The complete file on this disk, an absolute path; None until it is downloaded."""
    location: str | None = None
    """The complete file in a bucket, such as `s3://bucket/prefix/name.mp4`; None if the session has no bucket."""
    link: str | None = field(default=None, eq=False, repr=_without_query)
    """A URL of the file in the bucket that anyone can read for one day. Use it in a browser; do not store it."""
    media_type: str | None = None
    """Found in the file's first bytes, such as `video/mp4`; `application/octet-stream` for an unknown kind."""
    size: int | None = None
    """The size in bytes."""
    sha256: str | None = None
    """The hex digest of the file's bytes."""
    verified: bool = True
    """False if the end of this kind of file cannot be checked. Then only its length is compared with the host's."""
    verified_digests: tuple[str, ...] = ()
    """The algorithms of the host's digests that agree with the file: `md5`, `sha1`, `sha256`, `sha512`. Empty if the
    host stated none."""

    @property
    def is_kept(self) -> bool:
        """Whether the complete file is on this disk or in a bucket."""
        return self.path is not None or self.location is not None
