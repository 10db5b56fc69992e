"""One submission as the journal has it, and its row."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from attrs import frozen

from cometrunway._http import without_query
from cometrunway._tasks import Asset, Failure

_SELECT = (
    "SELECT key, route, fingerprint, request, state, creates, task_id, created_at, reason, failure, "
    "assets FROM submission"
)


class State(Enum):
    """How far a submission has come."""

    SUBMITTING = "submitting"
    """On disk before its create leaves. Found by a later process, it is in doubt."""
    IN_DOUBT = "in_doubt"
    """Sent, and nobody here knows whether it was accepted. Never sent again by itself."""
    REFUSED = "refused"
    """Proved not to have been accepted; the next submission under its key is sent."""
    ACCEPTED = "accepted"
    """There is an id. Owed."""
    SUCCEEDED = "succeeded"
    """The server has done its work. Owed: the files are not on disk yet."""
    FAILED = "failed"
    """The server gave it up, or it was cancelled there."""
    DELIVERED = "delivered"
    """The files are on disk."""


@frozen(kw_only=True)
class Entry:
    """One submission, as the journal has it."""

    key: str
    route: str
    fingerprint: str
    """The digest of the encoded request, files included."""
    request: Mapping[str, Any]
    """The request's fields; of files, data URIs and signed URLs only the digest."""
    state: State = State.SUBMITTING
    creates: int = 1
    """How many times it was submitted: more than once only after a proved refusal, or by the user's own decision."""
    task_id: str | None = None
    created_at: float | None = None
    """Wall-clock seconds since 1970 of the create's answer."""
    reason: str | None = None
    """Why it was refused, or is in doubt."""
    failure: Failure | None = None
    """Why the server gave it up."""
    assets: tuple[Asset, ...] = ()

    @property
    def is_owed(self) -> bool:
        """Whether the server accepted it and its files are not on disk."""
        return self.state in {State.ACCEPTED, State.SUCCEEDED}

    @property
    def is_by_hearsay(self) -> bool:
        """Whether its id is one that the user gave, who may have been mistaken, and nothing has come of it yet."""
        return self.state is State.ACCEPTED and self.created_at is None

    @property
    def is_in_doubt(self) -> bool:
        """Whether it may or may not have been accepted."""
        return self.state in {State.SUBMITTING, State.IN_DOUBT}


def find(database: sqlite3.Connection, key: str) -> Entry | None:
    row = database.execute(f"{_SELECT} WHERE key = ?", (key,)).fetchone()
    return None if row is None else _entry(row)


def entries(database: sqlite3.Connection) -> Iterator[Entry]:
    return map(_entry, database.execute(f"{_SELECT} ORDER BY number"))


def _entry(row: tuple[Any, ...]) -> Entry:
    key, route, fingerprint, request, state, creates, task_id, created_at, reason, failure, assets = row
    return Entry(
        key=key,
        route=route,
        fingerprint=fingerprint,
        request=json.loads(request),
        state=State(state),
        creates=creates,
        task_id=task_id,
        created_at=created_at,
        reason=reason,
        failure=failure and Failure(**json.loads(failure)),
        assets=_assets_from_json(assets),
    )


def assets_to_json(assets: tuple[Asset, ...]) -> str:
    return json.dumps(
        [
            {
                "url": without_query(asset.url),
                "path": None if asset.path is None else str(asset.path.absolute()),
                "media_type": asset.media_type,
                "size": asset.size,
                "sha256": asset.sha256,
            }
            for asset in assets
        ]
    )


def _assets_from_json(text: str) -> tuple[Asset, ...]:
    return tuple(
        Asset(**{**fields, "path": None if fields["path"] is None else Path(fields["path"])})
        for fields in json.loads(text)
    )


def storable(value: object) -> object:
    """Return the value without lone surrogates, which SQLite cannot store."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
