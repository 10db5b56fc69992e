"""From an answer to what it says: an id, a task, or the exception for a refusal.

Pure and total: for any bytes and any status, only a `CometRunwayError` is raised. The shape is
detected, never the version of the API: one decoder for the flat Runway body, the gateway's wrapper, the bare row of the
feed, duomi's digits, Kling's envelope and Luma's body, for GET, feed and callback alike.
"""

from cometrunway._tasks import Task, TaskStatus
from cometrunway._wire._body import JsonObject, parsed
from cometrunway._wire._complaints import is_accepted
from cometrunway._wire._failures import failure
from cometrunway._wire._http import HttpResponse
from cometrunway._wire._outputs import outputs
from cometrunway._wire._quantities import created_at, progress
from cometrunway._wire._refusals import no_answer, refusal, unknown_task
from cometrunway._wire._status import levels, stated, verdict
from cometrunway.errors import ProtocolError

_ID_LIMIT = 512
_CALLBACK_KEPT = 2_000


def decode_created(response: HttpResponse) -> str:
    """Return the id of the task that a create made: an opaque string of 1 to 512 printable characters.

    A 2xx with an id means that the create succeeded, with any code beside it: `task_id` or `id` of the answer, of
    its `data` or further in, or a `data` that is the id itself. Numbers become strings.

    Raises:
        APIError: the API refused, with any HTTP status.
        ProtocolError: no answer of this API, or one without a usable id.

    `proves_refusal` says which of these prove that nothing was created.
    """
    body = parsed(response.body)
    if body is None or not _is_success(response):
        raise refusal(response, body)
    task_id = _id(body) or _bare_id(body)
    if task_id is None:
        raise no_answer(response, missing="a task id") if is_accepted(body) else refusal(response, body)
    if not _is_usable(task_id):
        raise no_answer(response, missing="a usable task id")
    return task_id


def decode_task(response: HttpResponse, *, task_id: str) -> Task:
    """Return what a poll says of the task; its id is `task_id`, whichever the answer repeats.

    An answer that states no status, or one that is in no vocabulary, is a task of status UNKNOWN.

    Raises:
        TaskNotFoundError: the API does not know the task, or not yet.
        APIError: the API refused, with any HTTP status.
        ProtocolError: no answer of this API.
    """
    body = parsed(response.body)
    if body is None:
        raise refusal(response, body)
    if not _is_success(response):
        raise unknown_task(response, body, has_status=False) or refusal(response, body)
    task = _task(task_id, body)
    if error := unknown_task(response, body, has_status=task.status is not TaskStatus.UNKNOWN):
        raise error
    if not is_accepted(body) and not _shows_a_task(body):
        raise refusal(response, body)
    return task


def decode_callback(body: bytes) -> Task:
    """Return the task in the body of a post to a `callback_url`. Anyone may have sent it: it is a hint.

    Raises:
        ProtocolError: no JSON object with a usable id; its status is 0, for a callback has none.
    """
    content = parsed(body) or {}
    task_id = _id(content)
    if task_id is None or not _is_usable(task_id):
        raise ProtocolError(f"a callback without a task id: {body[:100]!r}", status=0, body=body[:_CALLBACK_KEPT])
    return _task(task_id, content)


def _is_success(response: HttpResponse) -> bool:
    return 200 <= response.status < 300


def _task(task_id: str, body: JsonObject) -> Task:
    nest = levels(body)
    status, within = verdict(nest)
    succeeded = status is TaskStatus.SUCCEEDED
    return Task(
        id=task_id,
        status=status,
        progress=progress(within),
        created_at=created_at(nest),
        outputs=outputs(within) if succeeded else (),
        failure=failure(status, within) if status.is_terminal and not succeeded else None,
        raw=body,
    )


def _shows_a_task(body: JsonObject) -> bool:
    """Whether an answer with the code of a refusal is a task all the same: some gateways put anything there."""
    return _id(body) is not None or any(stated(level) for level in levels(body)[1:])


def _id(body: JsonObject) -> str | None:
    # A gateway's row has the public id in `task_id`, beside the number of the row in `id`.
    for level in levels(body):
        for key in ("task_id", "id"):
            value = level.get(key)
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
