"""What an answer says of a task's state: the vocabularies of the gateways, and which statement counts."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from cometrunway._tasks import TaskStatus
from cometrunway._wire._body import JsonObject
from cometrunway._wire._levels import Level
from cometrunway._wire._outputs import documented, is_url
from cometrunway._wire._words import bare

_KEYS = ("status", "state", "task_status")
_OTHER_KEYS = frozenset(
    {"status", "state", "taskstatus", "taskstate", "jobstatus", "jobstate", "videostatus", "generationstatus"}
)
"""Without underscores and case: how else the keys are spelled."""
_WITHIN = ("status", "state", "name", "value", "code")
"""Keys of the word, where a status is an object."""
_VOCABULARY = {
    TaskStatus.PENDING: "accepted created initializing inqueue new notstart notstarted pending preparing queue queued "
    "queueing queuing received scheduled starting submitted submitting wait waiting 0",
    TaskStatus.THROTTLED: "throttled",
    TaskStatus.RUNNING: "active doing downloading dreaming executing finalizing generating inprocess inprogress "
    "ongoing postprocessing processing progress progressing rendering retrying run running saving started uploading "
    "working 1",
    TaskStatus.SUCCEEDED: "complete completed done finish finished generated succeed succeeded success successful 3",
    TaskStatus.FAILED: "abort aborted banned blocked contentmoderated crashed dead deleted denied error errored "
    "exception expired fail failed failure filtered flagged invalid killed moderated nsfw refused reject rejected "
    "removed requestmoderated sensitive stopped terminated timedout timeout unsafe violation 2",
    TaskStatus.CANCELLED: "cancel canceled cancelled",
}
_STATUSES = {"": TaskStatus.PENDING} | {word: status for status, words in _VOCABULARY.items() for word in words.split()}
_PREFIXES = ("status", "state")
"""What the words of some gateways begin with: `TASK_STATUS_SUCCEED`, `JOB_STATE_FAILED`."""
_READY = "ready"
"""Of a result at some servers, to begin at others."""
_RESULTS = ("result", "output", "outputs", "data", "url")
_FLAG_KEYS = {"successflag", "done"}
_FLAGS = {0: TaskStatus.RUNNING, 1: TaskStatus.SUCCEEDED}
_WAITING = (TaskStatus.PENDING, TaskStatus.THROTTLED, TaskStatus.RUNNING)


def stated(members: JsonObject) -> TaskStatus | None:
    """Return the status that one object states; None if it states none, UNKNOWN for a word in no vocabulary.

    The vocabularies are one table, compared without case, spaces, hyphens and underscores: the gateway's wrapper,
    Runway, duomi's digits, Kling, Luma and others. `state` counts where `status` is empty or unknown. Duomi's "2" is a
    failure, unless there is a video: some gateways document the digits 2 and 3 the other way round.
    """
    seen = None
    for key in _KEYS:
        if key in members:
            word = _word(members[key])
            if word is None:
                continue
            if word == "2" and is_url(members.get("video_url")):
                return TaskStatus.SUCCEEDED
            status = _status(word, members)
            if word and status is not TaskStatus.UNKNOWN:
                return status
            seen = seen or status
    return seen or _stated_otherwise(members)


def stating_word(members: JsonObject) -> str:
    """Return the words by which one object states a status, bare and joined, for those that say why."""
    return " ".join(bare(word) for key in members if bare(key) in _OTHER_KEYS if (word := _word(members[key])))


def stating_key(members: JsonObject) -> str | None:
    """Return the key under which one object states a status; None if it states none."""
    keys = (key for key in members if bare(key) in _OTHER_KEYS | _FLAG_KEYS)
    return next((key for key in keys if stated({key: members[key]}) not in (None, TaskStatus.UNKNOWN)), None)


def _stated_otherwise(members: JsonObject) -> TaskStatus | None:
    """Return the status that is spelled in another way, or is a flag: `successFlag` of kie, `done` of an operation."""
    if isinstance(flag := members.get("successFlag"), int):
        return _FLAGS.get(flag, TaskStatus.FAILED)
    if isinstance(done := members.get("done"), bool):
        ended = TaskStatus.FAILED if members.get("error") else TaskStatus.SUCCEEDED
        return ended if done else TaskStatus.RUNNING
    keys = (key for key in members if key not in _KEYS and bare(key) in _OTHER_KEYS)
    found = (_status(word, members) for key in keys if (word := _word(members[key])) is not None)
    return next(found, None)


def _word(value: object) -> str | None:
    if isinstance(value, Mapping):
        words = (value[key] for key in _WITHIN if isinstance(value.get(key), str))
        value = next(words, None)
    return str(value).strip() if isinstance(value, str | int) else None


def _status(word: str, members: JsonObject) -> TaskStatus:
    if word.casefold() == _READY:
        return TaskStatus.SUCCEEDED if any(map(members.get, _RESULTS)) else TaskStatus.PENDING
    return _known(word)


@lru_cache(maxsize=1024)
def _known(word: str) -> TaskStatus:
    if word == "" or word.startswith("-"):
        return TaskStatus.PENDING if not word else TaskStatus.UNKNOWN
    said = bare(word)
    for prefix in _PREFIXES:
        if said not in _STATUSES:
            said = said.rpartition(prefix)[2]
    return _STATUSES.get(said, TaskStatus.UNKNOWN) if said else TaskStatus.UNKNOWN


def verdict(nest: Sequence[Level]) -> tuple[TaskStatus, Sequence[Level]]:
    """Return the task's status, and the levels from the one that states it inwards.

    The outermost statement counts once it is final. Before, one further in may end the task: it is the last body from
    upstream, and the outer row follows it later; but a success counts there only with its output. A success that is
    stated by a mere envelope, without the id of a task, is the request's, where one further in states a status too.
    """
    if len(nest) == 1:  # as nearly always
        return stated(nest[0].members) or TaskStatus.UNKNOWN, nest
    stating = [(said, nest[depth:]) for depth, level in enumerate(nest) if (said := stated(level.members))]
    if len(stating) > 1 and stating[0][0] is TaskStatus.SUCCEEDED and _is_envelope(stating[0][1][0].members):
        del stating[0]
    for number, (said, within) in enumerate(stating):
        if said.is_terminal and (number == 0 or said is not TaskStatus.SUCCEEDED or documented(within)):
            return said, within
    waiting = (said for said, _ in stating if said in _WAITING)
    return next(waiting, TaskStatus.UNKNOWN), stating[0][1] if stating else nest


def _is_envelope(members: JsonObject) -> bool:
    return not any(members.get(key) for key in ("task_id", "id", "taskId", "progress", "submit_time", "finish_time"))
