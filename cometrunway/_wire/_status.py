"""What an answer says of a task's state: the levels of its nesting, and the vocabularies of the gateways."""

from collections.abc import Sequence

from cometrunway._tasks import TaskStatus
from cometrunway._wire._body import JsonObject
from cometrunway._wire._outputs import is_url, outputs

_NESTING = 5
"""The answer itself and four `data` in one another: a gateway's envelope, twice, around Runway's body."""

_KEYS = ("status", "state", "task_status")
_VOCABULARY = {
    TaskStatus.PENDING: ["", "0", "not_start", "submitted", "queued", "queueing", "pending", "wait", "waiting"],
    TaskStatus.THROTTLED: ["throttled"],
    TaskStatus.RUNNING: ["1", "in_progress", "running", "processing", "generating", "dreaming"],
    TaskStatus.SUCCEEDED: ["3", "success", "succeeded", "succeed", "completed", "complete", "finished", "done"],
    TaskStatus.FAILED: ["2", "failure", "failed", "fail", "error", "expired"],
    TaskStatus.CANCELLED: ["cancelled", "canceled"],
}
_STATUSES = {word: status for status, words in _VOCABULARY.items() for word in words}
_WAITING = (TaskStatus.PENDING, TaskStatus.THROTTLED, TaskStatus.RUNNING)


def levels(body: JsonObject) -> list[JsonObject]:
    """Return the answer and what its `data` hold, from the outside in, at most five of them."""
    found = [body]
    inner = body.get("data")
    while isinstance(inner, dict) and len(found) < _NESTING:
        found.append(inner)
        inner = inner.get("data")
    return found


def stated(level: JsonObject) -> TaskStatus | None:
    """Return the status that one level states; None if it states none, UNKNOWN for a word in no vocabulary.

    The vocabularies are one table, compared without case: the gateway's wrapper, Runway, duomi's digits, Kling, Luma.
    `state` counts where `status` is empty or unknown. Duomi's "2" is a failure, unless there is a video: some gateways
    document the digits 2 and 3 the other way round.
    """
    seen = None
    for key in _KEYS:
        word = level.get(key)
        if isinstance(word, str | int):
            word = str(word).strip().casefold()
            status = _STATUSES.get(word, TaskStatus.UNKNOWN)
            if word == "2" and is_url(level.get("video_url")):
                return TaskStatus.SUCCEEDED
            if word and status is not TaskStatus.UNKNOWN:
                return status
            seen = seen or status
    return seen


def verdict(nest: Sequence[JsonObject]) -> tuple[TaskStatus, Sequence[JsonObject]]:
    """Return the task's status, and the levels from the one that states it inwards.

    The outermost statement counts once it is final. Before, one further in may end the task: it is the last body from
    upstream, and the outer row follows it later; but a success counts there only with its output.
    """
    if len(nest) == 1:  # as nearly always
        return stated(nest[0]) or TaskStatus.UNKNOWN, nest
    stating = [(said, nest[depth:]) for depth, level in enumerate(nest) if (said := stated(level))]
    for number, (said, within) in enumerate(stating):
        if said.is_terminal and (number == 0 or said is not TaskStatus.SUCCEEDED or outputs(within)):
            return said, within
    waiting = (said for said, _ in stating if said in _WAITING)
    return next(waiting, TaskStatus.UNKNOWN), stating[0][1] if stating else nest
