"""Decodes an answer to an id, a task, or the exception for a refusal.

Pure and total: any bytes and any status raise nothing except a `CometRunwayError`. The decoder detects the shape of
an answer, never the version of the API. One decoder reads the flat Runway body, the gateway's wrapper, the bare row of
the feed, duomi's digits, Kling's envelope, Luma's body, and any other body that states a status and names a file. It
reads GET, feed and callbacks alike.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from cometrunway._tasks import Task, TaskStatus
from cometrunway._wire._body import TASK_ID_KEYS, JsonObject, is_named, parsed
from cometrunway._wire._complaints import is_accepted
from cometrunway._wire._failures import failure
from cometrunway._wire._http import HttpResponse
from cometrunway._wire._levels import Level, levels, members_of, other_levels, plain_levels, says_more
from cometrunway._wire._outputs import Output, documented
from cometrunway._wire._quantities import created_at, progress
from cometrunway._wire._refusals import no_answer, refusal, unknown_task
from cometrunway._wire._search import searched
from cometrunway._wire._sent import Sent
from cometrunway._wire._status import WAITING, is_of_a_task, stated, stating_word, verdict
from cometrunway.errors import APIError, CometRunwayError, InvalidRequestError, ProtocolError

_ID_LIMIT = 512
_CALLBACK_KEPT = 2_000
_ABOUT_THE_CALL = (
    r"rate.?limit|too many|overload|busy|unauthori[sz]ed|api.?key|invalid.?token|quota|balance|throttl|bad gateway"
    r"|gateway time|maintenance|(?:temporarily|service|currently) unavailable|no (?:available )?channel"
    r"|繁忙|稍后|频繁|频率|限流|额度|余额|令牌|维护"
)
"""Words that refuse the call and say nothing about the task."""
_OF_CALLS_TOO = "[0-9]|block|den|err|exception|fail|invalid|refus|reject|失败"
"""Words for a bad end that may describe the call as well as the task. `expired` is not one: only a task expires."""


class Reading(NamedTuple):
    """The parts of an answer to a poll."""

    status: TaskStatus
    nest: Sequence[Level]
    """The level that states the status, and the levels within it."""
    around: Sequence[Level]
    """All levels of the answer."""
    outputs: tuple[Output, ...] = ()


def decode_created(response: HttpResponse) -> str:
    """Return the id of the created task: an opaque string of 1 to 512 printable characters.

    A 2xx with an id means that the create succeeded, whatever code it has. The id is `task_id` or `id` of the answer,
    of its `data` or of a deeper object, or `data` is the id itself. Numbers become strings.

    Raises:
        APIError: the API refused, with any HTTP status.
        ProtocolError: it is not an answer of this API, or has no usable id.

    `proves_refusal` says which of these errors prove that nothing was created.
    """
    body = parsed(response.body)
    if body is None or not _is_success(response):
        raise refusal(response, body)
    task_id = _id(levels(body)) or _bare_id(body) or _id(_named_levels(body))
    if task_id is None:
        raise no_answer(response, missing="a task id") if is_accepted(body) else refusal(response, body)
    if not _is_usable(task_id):
        raise no_answer(response, missing="a usable task id")
    return task_id


def decode_task(response: HttpResponse, *, task_id: str, sent: Sent | None = None) -> Task:
    """Return the task that the answer to a poll describes. Its id is `task_id`, even if the answer has another id.

    If the answer states no status, or an unknown word, the status is UNKNOWN. A final status in the answer is final,
    whatever else the answer contains.

    Args:
        response: the answer.
        task_id: the id of the polled task.
        sent: what was sent for the task; None if it is not known.

    Raises:
        TaskNotFoundError: the API does not know the task, or does not know it yet.
        APIError: the API refused, with any HTTP status.
        ProtocolError: it is not an answer of this API.
    """
    body = parsed(response.body, task_id)
    if body is None:
        raise refusal(response, body)
    task = _task(task_id, body, sent)
    if not _is_success(response):
        if (_has_failed(task) or task.outputs) and _names(body, task_id):
            return task
        raise unknown_task(response, body, has_status=False) or refusal(response, body)
    if error := unknown_task(response, body, has_status=task.status is not TaskStatus.UNKNOWN):
        raise error
    if (_has_failed(task) or not is_accepted(body)) and not _shows_a_task(body, task):
        refused = refusal(response, body)
        if not (task.status.is_terminal and _is_about_the_task(refused, task, body)):
            raise refused
    return task


def named_id(task: Task) -> str | None:
    """Return the id in the answer that a task was read from; None if it has none. It may be a gateway's own id."""
    return _id(levels(dict(task.raw)))


def check_cancelled(response: HttpResponse) -> None:
    """Check that a task is cancelled or no longer exists; else raise the `APIError` of the refusal."""
    if not (_is_success(response) or response.status == 404):
        raise refusal(response, parsed(response.body))


def decode_callback(body: bytes) -> Task:
    """Return the task in the body of a POST to a `callback_url`. It is only a hint, because anyone may have sent it.

    Raises:
        ProtocolError: it is not a JSON object with a usable id. The `status` is 0, because a callback has none.
    """
    content = parsed(body) or {}
    task_id = _id(levels(content)) or _id(_named_levels(content))
    if task_id is None or not _is_usable(task_id):
        raise ProtocolError(f"a callback without a task id: {body[:100]!r}", status=0, body=body[:_CALLBACK_KEPT])
    return _task(task_id, content, None)


def _is_success(response: HttpResponse) -> bool:
    return 200 <= response.status < 300


def read(task_id: str, body: JsonObject, sent: Sent | None) -> Reading:
    """Read an answer: the task's status, the level that states it, and the files of a success."""
    around = levels(body, task_id)
    status, depth = verdict(members_of(around))
    nest = around[depth:]
    if status not in WAITING and not _is_of_the_task(nest):
        for level in other_levels(body, task_id):
            if stated(level.members) not in (None, TaskStatus.UNKNOWN):
                nest = levels(level.members, task_id, level.place)
                status, depth = verdict(members_of(nest))
                nest = nest[depth:]
                around = [*around, *nest]
                break
    outputs = _outputs(body, nest, sent) if status is TaskStatus.SUCCEEDED else ()
    return Reading(status, nest, around, outputs)


def _is_of_the_task(nest: Sequence[Level]) -> bool:
    """Whether a level describes a task, and not only the call."""
    return stated(nest[0].members) is not None and is_of_a_task(nest[0].members)


def _task(task_id: str, body: JsonObject, sent: Sent | None) -> Task:
    if plain := plain_levels(body):
        status, depth = verdict(plain)
        if status in WAITING:  # the usual case: no more is read
            moment = created_at(plain)
            return Task(id=task_id, status=status, progress=progress(plain[depth:]), created_at=moment, raw=body)
    status, nest, around, outputs = read(task_id, body, sent)
    is_bad_end = status in (TaskStatus.FAILED, TaskStatus.CANCELLED)
    return Task(
        id=task_id,
        status=status,
        progress=progress(members_of(nest)),
        created_at=created_at(members_of(around)),
        outputs=tuple([output.url for output in outputs]),
        failure=failure(status, [*nest, *around]) if is_bad_end else None,
        raw=body,
    )


def _outputs(body: JsonObject, nest: Sequence[Level], sent: Sent | None) -> tuple[Output, ...]:
    def is_ours(url: str) -> bool:
        return sent is None or not sent.has(url)

    return documented(nest, is_ours) or searched(body, is_ours, makes=sent.makes if sent else None)


def _has_failed(task: Task) -> bool:
    return task.status in (TaskStatus.FAILED, TaskStatus.CANCELLED)


def _shows_a_task(body: JsonObject, task: Task) -> bool:
    """Whether an answer with the code of a refusal still describes a task. Some gateways send arbitrary codes."""
    around = levels(body, task.id)
    return bool(task.outputs) or _id(around) is not None or any(stated(level.members) for level in around[1:])


def _is_about_the_task(error: CometRunwayError, task: Task, body: JsonObject) -> bool:
    """Whether the error in an answer is the task's failure, and not a refusal of the call."""
    word = stating_word(body)
    if is_of_a_task(body) or not re.search(_OF_CALLS_TOO, word):
        return True
    reason = task.failure.message if task.failure else ""
    text = f"{getattr(error, 'code', '')} {error.message} {reason} {word}"
    return type(error) in {APIError, InvalidRequestError} and not re.search(_ABOUT_THE_CALL, text, re.IGNORECASE)


def _names(body: JsonObject, task_id: str) -> bool:
    return any(is_named(level.members, task_id) for level in [*levels(body, task_id), *other_levels(body, task_id)])


def _named_levels(body: JsonObject) -> list[Level]:
    """Return the objects of an accepted answer whose key names a task: `task`, `output`, `result`."""
    others = other_levels(body, None) if is_accepted(body) else []
    return [level for level in others if says_more(level.place.rpartition(".")[2])]


def _id(within: Sequence[Level]) -> str | None:
    for level in within:
        for key in TASK_ID_KEYS:
            value = level.members.get(key)
            is_number = isinstance(value, int) and not isinstance(value, bool) and value > 0
            if is_number or (isinstance(value, str) and value.strip()):
                return str(value)
    return None


def _bare_id(body: JsonObject) -> str | None:
    value = body.get("data")
    return value if is_accepted(body) and isinstance(value, str) and value and " " not in value else None


def _is_usable(task_id: str) -> bool:
    is_name = task_id.isprintable() and "\ufffd" not in task_id and task_id not in {".", ".."}
    return is_name and len(task_id) <= _ID_LIMIT
