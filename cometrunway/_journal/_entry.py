"""One submission as the journal has it, and its row."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from enum import Enum
from types import UnionType
from typing import Any

from attrs import frozen

from cometrunway._journal._folders import Folders
from cometrunway._media._urls import without_query
from cometrunway._tasks import Asset, Failure

_SELECT = (
    "SELECT key, route, fingerprint, request, state, creates, task_id, created_at, ended_at, reason, failure, "
    "assets FROM submission"
)


class State(Enum):
    """How far a submission has come."""

    SUBMITTING = "submitting"
    """On disk before its create leaves. Found by a later process, it is in doubt."""
    IN_DOUBT = "in_doubt"
    """Sent, and it is not known whether it was accepted. Never sent again by itself."""
    REFUSED = "refused"
    """Proved not to have been accepted; the next submission under its key is sent."""
    ACCEPTED = "accepted"
    """There is an id. Owed."""
    SUCCEEDED = "succeeded"
    """The server has done its work. Owed: the files are not on disk yet."""
    FAILED = "failed"
    """The task failed or was cancelled at the server."""
    DELIVERED = "delivered"
    """The files are on disk."""


@frozen(kw_only=True)
class Entry:
    """One submission, as the journal has it."""

    key: str
    route: str
    fingerprint: str
    """The digest of what was asked for: route, fields and media, without `callback_url` and defaults."""
    request: Mapping[str, Any]
    """The request's fields; of files, data URIs and signed URLs only the digest."""
    state: State = State.SUBMITTING
    creates: int = 1
    """How many times it was submitted: more than once only after a proved refusal, or by the user's own decision."""
    task_id: str | None = None
    created_at: float | None = None
    """Wall-clock seconds since 1970 of the create's answer."""
    ended_at: float | None = None
    """Wall-clock seconds since 1970 of the poll that found its end; None in journals of versions 1 and 2."""
    reason: str | None = None
    """Why it was refused, or is in doubt."""
    failure: Failure | None = None
    """Why the task failed."""
    assets: tuple[Asset, ...] = ()

    @property
    def is_owed(self) -> bool:
        """Whether the server accepted it and its files are not on disk."""
        return self.state in {State.ACCEPTED, State.SUCCEEDED}

    @property
    def has_reported_id(self) -> bool:
        """Whether its id was given by the user, who may be mistaken, and nothing has come of it yet."""
        return self.state is State.ACCEPTED and self.created_at is None

    @property
    def is_in_doubt(self) -> bool:
        """Whether it may or may not have been accepted."""
        return self.state in {State.SUBMITTING, State.IN_DOUBT}


def find(database: sqlite3.Connection, key: str, folders: Folders) -> Entry | None:
    """Return what stands under a key, or under the key that the name of an earlier version is an alias of."""
    row = database.execute(f"{_SELECT} WHERE key = ?", (key,)).fetchone()
    if row is None:
        alias = "WHERE key = (SELECT key FROM alias WHERE name = ?)"
        row = database.execute(f"{_SELECT} {alias}", (key,)).fetchone()
    return None if row is None else _entry(row, folders)


def entries(database: sqlite3.Connection, folders: Folders) -> Iterator[Entry]:
    """Yield all entries in the order of submission."""
    [(has_end,)] = database.execute("SELECT count(*) FROM pragma_table_info('submission') WHERE name = 'ended_at'")
    select = _SELECT if has_end else _SELECT.replace("ended_at", "NULL")  # of an earlier version, read as it lies
    return (_entry(row, folders) for row in database.execute(f"{select} ORDER BY number"))


def _entry(row: tuple[Any, ...], folders: Folders) -> Entry:
    try:
        return _decoded(row, folders)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise sqlite3.DataError(f"the row of {row[0]!r} cannot be read") from error


def _decoded(row: tuple[Any, ...], folders: Folders) -> Entry:
    key, route, fingerprint, request, state, creates, task_id, created_at, ended_at, reason, failure, assets = row
    return Entry(
        key=_checked(key, str),
        route=_checked(route, str),
        fingerprint=_checked(fingerprint, str),
        request=_checked(json.loads(request), dict),
        state=State(state),
        creates=_checked(creates, int),
        task_id=_checked(task_id, str | None),
        created_at=_checked(created_at, float | None),
        ended_at=_checked(ended_at, float | None),
        reason=_checked(reason, str | None),
        failure=None if failure is None else Failure(**json.loads(failure)),
        assets=tuple(_asset(fields, folders) for fields in json.loads(assets)),
    )


def _checked(value: Any, kind: type | UnionType) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r:.100} is no {kind}")
    return value


def assets_to_json(assets: tuple[Asset, ...], folders: Folders) -> str:
    """Return what is recorded of files: no query of a URL, and the path relative to the output folder."""
    return json.dumps(
        [
            {
                "url": without_query(asset.url),
                **({"path": None} if asset.path is None else folders.recorded(asset.path)),
                "media_type": asset.media_type,
                "size": asset.size,
                "sha256": asset.sha256,
                "verified": asset.verified,
                **({"verified_digests": asset.verified_digests} if asset.verified_digests else {}),
            }
            for asset in assets
        ]
    )


def _asset(fields: Mapping[str, Any], folders: Folders) -> Asset:
    path, folder = _checked(fields["path"], str | None), _checked(fields.get("folder"), int | None)
    return Asset(
        url=_checked(fields["url"], str),
        path=None if path is None else folders.path(path, folder),
        media_type=_checked(fields["media_type"], str | None),
        size=_checked(fields["size"], int | None),
        sha256=_checked(fields["sha256"], str | None),
        verified=_checked(fields.get("verified", True), bool),  # older journals have verified files only
        verified_digests=tuple(_checked(name, str) for name in _checked(fields.get("verified_digests", []), list)),
    )


def storable(value: object) -> object:
    """Return the value with escapes for lone surrogates, which SQLite cannot store: a name may be of them."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
