"""Explains how an answer to a poll is read, and where each value was found. Used for bug reports."""

from attrs import frozen

from cometrunway._tasks import TaskStatus
from cometrunway._wire._body import parsed
from cometrunway._wire._decode import decode_task, read
from cometrunway._wire._failures import why
from cometrunway._wire._http import HttpResponse
from cometrunway._wire._levels import join
from cometrunway._wire._outputs import Output
from cometrunway._wire._sent import Sent
from cometrunway._wire._status import stating_key
from cometrunway.errors import CometRunwayError


@frozen(kw_only=True)
class Explanation:
    """The values of an answer. Each `..._at` is the place of one, such as `data.status`; empty if it is missing."""

    status: TaskStatus
    status_at: str = ""
    progress: float | None = None
    reason: str | None = None
    """Why the task failed or was cancelled."""
    reason_at: str = ""
    outputs: tuple[Output, ...] = ()
    refusal: CometRunwayError | None = None
    """The error that a poll with this answer raises, if the answer does not describe the task."""


def explain(response: HttpResponse, *, task_id: str, sent: Sent | None) -> Explanation:
    """Explain how an answer is read.

    Args:
        response: the answer.
        task_id: the id of the polled task; empty if it is not known.
        sent: what was sent for the task; None if it is not known.
    """
    try:
        task = decode_task(response, task_id=task_id, sent=sent)
    except CometRunwayError as error:
        return Explanation(status=TaskStatus.UNKNOWN, refusal=error)
    body = parsed(response.body, task_id)
    assert body is not None  # noqa: S101 - there is a task in it
    reading = read(task_id, body, sent)
    stating = reading.nest[0]
    key = stating_key(stating.members)
    reason = why([*reading.nest, *reading.around]) if task.failure else None
    return Explanation(
        status=task.status,
        status_at=join(stating.place, key) if key else "",
        progress=task.progress,
        reason=task.failure.message if task.failure else None,
        reason_at=reason.place if reason else "",
        outputs=reading.outputs,
    )
