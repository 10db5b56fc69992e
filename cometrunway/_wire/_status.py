"""Reads the status of a task: the vocabularies of the gateways, and the choice among several statuses."""

from collections.abc import Sequence
from functools import lru_cache

from cometrunway._tasks import TaskStatus
from cometrunway._wire._body import JsonObject
from cometrunway._wire._complaints import is_an_error
from cometrunway._wire._levels import STATUS_KEYS, Level
from cometrunway._wire._outputs import documented, is_video_url
from cometrunway._wire._words import bare, word_set, words

_NAME_KEYS = word_set("statusLabel status_label statusName status_name statusText status_text")
"""Keys of the word that belongs to a digit."""
_OTHER_KEYS = frozenset(map(bare, _NAME_KEYS)) | word_set(
    "currentstatus finishreason generationstatus inferencestatus jobstate jobstatus predictionstatus runstatus state "
    "status successflag taskstate taskstatus videostate videostatus"
)
"""Other spellings of the keys, without underscores and in lower case."""
_WITHIN = ("status", "state", "name", "value", "code")
"""Keys of the word if a status is an object."""
_VOCABULARY = {
    TaskStatus.PENDING: "accepted created initialized initializing inqueue new notstart notstarted pending preparing "
    "queue queued queueing queuing received scheduled starting submitted submitting wait waiting 0 "
    "已提交 待处理 排队中 等待中",
    TaskStatus.THROTTLED: "ratelimited throttled",
    TaskStatus.RUNNING: "doing downloading dreaming executing finalizing generating inprocess inprogress ongoing "
    "postprocessing processing progress progressing rendering retrying run running saving started uploading working "
    "1 5 处理中 生成中 运行中 进行中",
    TaskStatus.SUCCEEDED: "complete completed delivered done finish finished generated succeded succeed succeeded "
    "success successed successful successfully 3 完成 已完成 成功 生成成功",
    TaskStatus.FAILED: "abort aborted banned blocked censored contentfiltered contentmoderated crashed dead declined "
    "deleted denied error errored exception expired fail failed failure fault faulted filtered flagged halted "
    "interrupted invalid killed moderated nsfw refused reject rejected purged removed requestmoderated sensitive "
    "stopped terminated timedout timeout unsafe unsuccessful violation 2 7 8 "
    "失败 审核不通过 审核失败 已失败 已过期 生成失败 超时 违规",
    TaskStatus.CANCELLED: "cancel canceled cancelled revoked 取消 已取消",
}
_STATUSES = {"": TaskStatus.PENDING} | {word: status for status, words in _VOCABULARY.items() for word in words.split()}
"""The digits are duomi's, 0 to 3, and PixVerse's, 5 to 8."""
_PLAIN = {spelled: status for word, status in _STATUSES.items() for spelled in (word, word.upper()) if word.isalpha()}
_PLAIN["IN_PROGRESS"] = TaskStatus.RUNNING
"""Words in their usual spelling, which are found without normalisation."""
WAITING = (TaskStatus.PENDING, TaskStatus.THROTTLED, TaskStatus.RUNNING)
_BAD_ENDS = (TaskStatus.CANCELLED, TaskStatus.FAILED)
_SAYS_NOTHING = word_set("all and errors fully generation is job render state status task video warnings was with")
"""Words that may accompany the word of a success: `TASK_STATUS_SUCCEED`, `completed_with_warnings`."""
_NOT_YET = word_set("before no non not partial partially retried retries retry un will without")
_SENTENCE = 6
"""A text of more than this many words is not a status."""
_READY = "ready"
"""Some servers use these words for a ready result, others for a task that is ready to begin."""
_FINE = word_set("available ok")
"""These words describe the task if it has files; otherwise they describe the call."""
_RESULTS = ("result", "output", "outputs", "data", "url", "video_url")
_FLAG = "successflag"
_FLAGS = {
    **dict.fromkeys(("0", "False"), TaskStatus.RUNNING),
    **dict.fromkeys(("1", "True"), TaskStatus.SUCCEEDED),
    **dict.fromkeys(("2", "3"), TaskStatus.FAILED),
}
_VIDEO_KEYS = word_set("downloadURL download_url raw_video_url url videoURL videoUrl video_url")
_LONGEST = 64
"""The largest number of characters of a word that is looked up."""
_OF_A_TASK = word_set(
    "createdat createtime endtime failcode failmsg failreason failure failurecode failurereason finishtime "
    "generationid id jobid progress startedat starttime submittime taskid taskresult taskstatus "
    "taskstatusmsg videourl"
)
"""Keys that a description of a task has, and an envelope of an answer has not."""
_NAMES_A_TASK = ("task_id", "taskId", "task_status")


def stated(members: JsonObject) -> TaskStatus | None:
    """Return the status that one object states; None if it states none, UNKNOWN for an unknown word.

    One table has the vocabularies of the gateway's wrapper, Runway, duomi's digits, Kling, Luma and others. Words are
    compared without case, spaces, hyphens and underscores. `state` is used if `status` is empty or unknown. For a
    digit, the word beside it decides, then a video, because gateways number the states in different ways.
    """
    word = members.get("status")
    if isinstance(word, str) and (plain := _PLAIN.get(word)):  # the usual case
        return plain
    seen = None
    for key in STATUS_KEYS:
        if key in members:
            word = _word(members[key])
            if word is None:
                continue
            status = _status(word, members)
            if word and status is not TaskStatus.UNKNOWN:
                return status
            seen = seen or status
    return _stated_otherwise(members) or seen if seen in (None, TaskStatus.UNKNOWN) else seen


def stating_word(members: JsonObject) -> str:
    """Return the words by which one object states a status, normalised and joined. `_failures.py` reads them."""
    return " ".join(bare(word) for key in members if bare(key) in _OTHER_KEYS if (word := _word(members[key])))


def stating_key(members: JsonObject) -> str | None:
    """Return the key under which one object states a status; None if it states none."""
    keys = (key for key in members if bare(key) in _OTHER_KEYS or key == "done")
    return next((key for key in keys if stated({key: members[key]}) not in (None, TaskStatus.UNKNOWN)), None)


def is_of_a_task(members: JsonObject) -> bool:
    """Whether an object describes a task, and is not the envelope of an answer. An envelope may have a status, too."""
    if members.get("id") or members.get("task_id"):  # the usual case
        return True
    return any(bare(key) in _OF_A_TASK and members[key] not in (None, "", [], {}) for key in members)


def _stated_otherwise(members: JsonObject) -> TaskStatus | None:
    """Return the status from a key in another spelling, or a flag: `successFlag` of kie, `done` of an operation."""
    if isinstance(done := members.get("done"), bool):
        has_failed = is_an_error(members.get("error")) or _is_filtered(members)
        ended = TaskStatus.FAILED if has_failed else TaskStatus.SUCCEEDED
        return ended if done else TaskStatus.RUNNING
    seen = None
    for key in members:
        name = bare(key)
        if name in _OTHER_KEYS and key not in STATUS_KEYS and (word := _word(members[key])) is not None:
            seen = _FLAGS[word] if name == _FLAG and word in _FLAGS else _status(word, members)
            if seen is not TaskStatus.UNKNOWN:
                break
    return seen


def _is_filtered(operation: JsonObject) -> bool:
    """Whether an operation of Veo has ended without a video because of its filters."""
    response = operation.get("response")
    inner = response.get("generateVideoResponse", response) if isinstance(response, dict) else None
    has_video = isinstance(inner, dict) and any(inner.get(key) for key in ("generatedSamples", "videos"))
    return isinstance(inner, dict) and bool(inner.get("raiMediaFilteredCount")) and not has_video


def _word(value: object) -> str | None:
    if isinstance(value, dict):
        value = next((value[key] for key in _WITHIN if isinstance(value.get(key), str)), None)
    return str(value).strip() if isinstance(value, str | int) else None


def _status(word: str, members: JsonObject) -> TaskStatus:
    if word.isdigit():
        return _of_digit(word, members)
    status = _known(word) if len(word) <= _LONGEST else TaskStatus.UNKNOWN
    if status is TaskStatus.UNKNOWN and _READY in words(word) and not words(word) & _NOT_YET:
        return TaskStatus.SUCCEEDED if any(map(members.get, _RESULTS)) else TaskStatus.PENDING
    if status is TaskStatus.UNKNOWN and bare(word) in _FINE and documented([Level("", members)]):
        return TaskStatus.SUCCEEDED
    return status


def _of_digit(digit: str, members: JsonObject) -> TaskStatus:
    for key in members.keys() & _NAME_KEYS:
        if (named := _known(str(_word(members[key]))[:_LONGEST])) is not TaskStatus.UNKNOWN:
            return named
    if digit in {"1", "2"} and any(is_video_url(members[key]) for key in members.keys() & _VIDEO_KEYS):
        return TaskStatus.SUCCEEDED
    return _STATUSES.get(digit, TaskStatus.UNKNOWN)


@lru_cache(maxsize=1024)
def _known(word: str) -> TaskStatus:
    """Return the status of a word, which may consist of several: `JOB_STATE_FAILED`, `GENERATE_MP4_FAILED`."""
    if word.startswith("-"):
        return TaskStatus.UNKNOWN
    known = _STATUSES.get(bare(word))
    return _compound(words(word)) if known is None else known


def _compound(parts: frozenset[str]) -> TaskStatus:
    meant = [_STATUSES[part] for part in parts if part in _STATUSES]
    if waiting := next((status for status in WAITING if status in meant), None):
        return waiting
    if parts & _NOT_YET or len(parts) > _SENTENCE or any(part.endswith("ing") for part in parts):
        return TaskStatus.UNKNOWN
    if bad := next((status for status in _BAD_ENDS if status in meant), None):
        return bad
    is_success = bool(meant) and all(part in _STATUSES or part in _SAYS_NOTHING for part in parts)
    return TaskStatus.SUCCEEDED if is_success else TaskStatus.UNKNOWN


def verdict(nest: Sequence[JsonObject]) -> tuple[TaskStatus, int]:
    """Return the task's status, and the index of the level that states it, counted from the outside in.

    A final outermost status is used. If it is not final, a deeper level may end the task: it is the latest body of the
    upstream API, and the outer row is updated later. A success at a deeper level needs an output. If an envelope and a
    deeper level both state a status, the envelope's status is that of the call.
    """
    if len(nest) == 1:  # the usual case
        return stated(nest[0]) or TaskStatus.UNKNOWN, 0
    stating = [(said, depth) for depth, members in enumerate(nest) if (said := stated(members))]
    if len(stating) > 1 and _is_of_the_call(stating[0][0], nest[stating[0][1]], nest[stating[1][1]]):
        del stating[0]
    seen = TaskStatus.UNKNOWN
    for number, (said, depth) in enumerate(stating):
        if said in WAITING:
            seen = said if seen is TaskStatus.UNKNOWN else seen
        elif said is not TaskStatus.UNKNOWN and (
            number == 0 or said is not TaskStatus.SUCCEEDED or documented([Level("", inner) for inner in nest[depth:]])
        ):
            return said, depth
    return seen, stating[0][1] if stating else 0


def _is_of_the_call(said: TaskStatus, outer: JsonObject, inner: JsonObject) -> bool:
    """Whether an object with a status is the envelope of a deeper object. Its own id may be that of the request."""
    if not is_of_a_task(outer):
        return True
    is_a_task = any(inner.get(key) for key in _NAMES_A_TASK)
    return is_a_task and said is TaskStatus.SUCCEEDED and not any(outer.get(key) for key in _NAMES_A_TASK)
