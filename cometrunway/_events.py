"""One frozen record of what happened to a task; observers are callables that take it."""

from collections.abc import Callable
from enum import Enum

from attrs import frozen

from cometrunway._tasks import Asset, Task


class EventKind(Enum):
    """What can happen to a submission and its task."""

    SUBMITTED = "submitted"
    """The server accepted it: there is an id."""
    RESUMED = "resumed"
    """The journal knows it from an earlier submission, which counts; nothing was sent."""
    REFUSED = "refused"
    """Nothing was created: the server, the journal or the budget refused it."""
    IN_DOUBT = "in_doubt"
    """It was sent, and nobody knows whether it was accepted."""
    CHANGED = "changed"
    """A look saw another status or progress than the look before."""
    POLL_FAILED = "poll_failed"
    """A look failed; the wait goes on."""
    ENDED = "ended"
    """The server reached a final status."""
    DOWNLOADED = "downloaded"
    """All files are whole on disk."""
    FAILED = "failed"
    """`await handle` raises `error`."""


@frozen(kw_only=True)
class Event:
    """What happened, to which task. `error` is set on REFUSED, IN_DOUBT, POLL_FAILED and FAILED."""

    kind: EventKind
    route: str
    key: str | None = None
    task_id: str | None = None
    task: Task | None = None
    assets: tuple[Asset, ...] = ()
    error: Exception | None = None
    """A `CometRunwayError`; on REFUSED also a `ValueError`, of a local file that is no longer what it was."""


Observer = Callable[[Event], None]
