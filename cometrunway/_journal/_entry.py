"""The journal's entry of one submission, and its row."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from types import UnionType
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

from cometrunway._displays import Displayed
from cometrunway._journal._folders import Folders
from cometrunway._media._hosts import is_this_machine
from cometrunway._media._urls import without_query
from cometrunway._outcome import Outcome
from cometrunway._tasks import UNNAMED_PROVIDER, Asset, Failure, TaskStatus

COLUMNS = (
    *("number", "key", "route", "fingerprint", "request", "state", "creates", "task_id"),
    *("submitted_at", "created_at", "ended_at", "delivered_at"),
    *("reason", "failure", "assets"),
)
"""The columns of a row from which an entry is made."""


class State(StrEnum):
    """The state of a submission."""

    SUBMITTING = "submitting"
    """Recorded before its create is sent. If a later process finds it in this state, it is in doubt."""
    IN_DOUBT = "in_doubt"
    """Sent, and it is not known whether it was accepted. It is never sent again automatically."""
    REFUSED = "refused"
    """Provably not accepted. The next submission with this key is sent."""
    ACCEPTED = "accepted"
    """Accepted: the task has an id. It is owed."""
    SUCCEEDED = "succeeded"
    """The task has succeeded at the server. It is owed: the files are not on disk yet."""
    FAILED = "failed"
    """The task failed at the server."""
    CANCELLED = "cancelled"
    """The task was cancelled at the server. Journals of versions 1 to 5 have it as failed."""
    DELIVERED = "delivered"
    """The files are on disk or in a bucket. Without an output folder, the task has succeeded."""


OWED = (State.ACCEPTED, State.SUCCEEDED)
DOUBTFUL = (State.SUBMITTING, State.IN_DOUBT)
UNSUCCESSFUL = (State.FAILED, State.CANCELLED)
ENDS = {
    TaskStatus.SUCCEEDED: State.SUCCEEDED,
    TaskStatus.FAILED: State.FAILED,
    TaskStatus.CANCELLED: State.CANCELLED,
}
"""The state of a submission whose task has ended, and whose files are not on disk yet."""


def status_of(state: State, *, is_written: bool) -> str:
    """Return the status of a shot, as `Outcome` says it, while a process writes the journal, or while none does."""
    if state in OWED:
        return "owed"
    if state is State.SUBMITTING and not is_written:
        return State.IN_DOUBT.value
    return state.value


@frozen(kw_only=True)
class Entry(Displayed):
    """The journal's entry of one submission."""

    key: str
    route: str
    fingerprint: str
    """The digest of what was asked for: route, fields and media, without `callback_url` and defaults."""
    request: Mapping[str, Any]
    """The request's fields, with digests for files, data URIs and signed URLs; and the `provider` if not CometAPI."""
    state: State = State.SUBMITTING
    creates: int = 1
    """How many creates were sent, without those that were refused before the latest one. It is more than 1 only if the
    user decided to submit it once more."""
    task_id: str | None = None
    submitted_at: float | None = None
    """When it was recorded, just before the create was sent. All four times are seconds since 1970. They are None if
    the step has not happened, or if the journal's version did not record it."""
    created_at: float | None = None
    """When it was accepted, that is, when the create was answered."""
    ended_at: float | None = None
    """When a poll found that the task had ended."""
    delivered_at: float | None = None
    """When its files were on disk."""
    reason: str | None = None
    """Why it was refused, or is in doubt."""
    failure: Failure | None = None
    """Why the task failed or was cancelled."""
    assets: tuple[Asset, ...] = ()
    is_held: bool = field(default=False, eq=False)
    """Whether another process, which lives, submits it, or waits for its task."""
    number: int = field(default=0, eq=False)
    """Its number in the journal, from 1; 0 before it is recorded."""

    @property
    def seconds(self) -> float | None:
        """Seconds from the create's answer to the poll that found the task's end."""
        is_known = self.created_at is not None and self.ended_at is not None
        return self.ended_at - self.created_at if is_known else None  # type: ignore[operator]  # both are known

    @property
    def provider(self) -> str:
        """The name of the provider that it was submitted to."""
        return str(self.request.get("provider", UNNAMED_PROVIDER))

    @property
    def is_emulated(self) -> bool:
        """Whether its files came from a server on this machine, such as an emulator. Unknown, and False, if pruned."""
        return any(is_this_machine(urlsplit(asset.url).hostname or "") for asset in self.assets)

    @property
    def is_pruned(self) -> bool:
        """Whether its request was pruned. Then only its key, digest, task and files are known."""
        return not self.request.keys() - {"provider"}

    @property
    def is_owed(self) -> bool:
        """Whether the server accepted it and its files are not on disk."""
        return self.state in OWED

    @property
    def is_unsuccessful(self) -> bool:
        """Whether its task failed or was cancelled. It is submitted once more only if the user decides so."""
        return self.state in UNSUCCESSFUL

    @property
    def has_reported_id(self) -> bool:
        """Whether the user gave its id, which may be wrong, and no poll has confirmed it yet."""
        return self.state is State.ACCEPTED and self.created_at is None

    @property
    def is_in_doubt(self) -> bool:
        """Whether it is not known if it was accepted."""
        return self.state in DOUBTFUL

    def outcome(self, *, is_written: bool) -> Outcome:
        """Return its outcome so far. `is_writing` says whether a process writes the journal."""
        status = status_of(self.state, is_written=is_written)
        cut_short = "cut short while it was being submitted" if status == State.IN_DOUBT.value else None
        return Outcome(
            key=self.key,
            route=self.route,
            task_id=self.task_id,
            status=status,
            assets=self.assets,
            seconds=self.seconds,
            reason=str(self.failure) if self.failure else self.reason or cut_short,
        )


class DamagedRowError(Exception):
    """A row does not say what a row can say. Its text becomes that of a `JournalError`."""


def entry_of(row: tuple[Any, ...], folders: Folders) -> Entry:
    """Return the entry that a row of `COLUMNS` is; `DamagedRowError` where it is damaged."""
    with _named(row[1]):
        return _decoded(row, folders)


def request_of(key: object, text: str) -> Mapping[str, Any]:
    """Return what the row of this key says of the request; `DamagedRowError` where it is damaged."""
    with _named(key):
        found: Mapping[str, Any] = _checked(json.loads(text), dict)
        return found


@contextmanager
def _named(key: object) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedRowError(f"the row of {key!r} cannot be read") from error


def _decoded(row: tuple[Any, ...], folders: Folders) -> Entry:
    values = dict(zip(COLUMNS, row, strict=True))
    return Entry(
        number=values["number"],
        key=_checked(values["key"], str),
        route=_checked(values["route"], str),
        fingerprint=_checked(values["fingerprint"], str),
        request=_checked(json.loads(values["request"]), dict),
        state=State(values["state"]),
        creates=_checked(values["creates"], int),
        task_id=_checked(values["task_id"], str | None),
        submitted_at=_checked(values["submitted_at"], float | None),
        created_at=_checked(values["created_at"], float | None),
        ended_at=_checked(values["ended_at"], float | None),
        delivered_at=_checked(values["delivered_at"], float | None),
        reason=_checked(values["reason"], str | None),
        failure=None if values["failure"] is None else Failure(**json.loads(values["failure"])),
        assets=tuple(_asset(fields, folders) for fields in json.loads(values["assets"])),
    )


def _checked(value: Any, kind: type | UnionType) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r:.100} is no {kind}")
    return value


def assets_to_json(assets: tuple[Asset, ...], folders: Folders) -> str:
    """Return what is recorded of files: no query of a URL, and the path relative to the output folder."""
    return json.dumps([_recorded(asset, folders) for asset in assets])


def _recorded(asset: Asset, folders: Folders) -> dict[str, Any]:
    fields: dict[str, Any] = {"url": without_query(asset.url)}
    if asset.path is not None:
        fields |= folders.recorded(asset.path)
    if asset.location is not None:
        fields["location"] = asset.location
    if asset.is_kept:
        fields |= {"media_type": asset.media_type, "size": asset.size, "sha256": asset.sha256}
    if not asset.verified:
        fields["verified"] = False
    if asset.verified_digests:
        fields["verified_digests"] = asset.verified_digests
    return fields


def _asset(fields: Mapping[str, Any], folders: Folders) -> Asset:
    path, folder = _checked(fields.get("path"), str | None), _checked(fields.get("folder"), int | None)
    location = _checked(fields.get("location"), str | None)
    is_kept = path is not None or location is not None
    return Asset(
        url=_checked(fields.get("url", "") if is_kept else fields["url"], str),  # that of a pruned file is gone
        path=None if path is None else folders.path(path, folder),
        location=location,
        media_type=_checked(fields.get("media_type"), str | None),
        size=_checked(fields.get("size"), int | None),
        sha256=_checked(fields.get("sha256"), str | None),
        verified=_checked(fields.get("verified", True), bool),
        verified_digests=tuple(_checked(name, str) for name in _checked(fields.get("verified_digests", []), list)),
    )


def storable(value: object) -> object:
    """Return the value with escapes for lone surrogates, which a file name may contain and SQLite cannot store."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
