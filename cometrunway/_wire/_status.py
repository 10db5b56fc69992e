"""What an answer says of a task's state: the vocabularies of the gateways, and which statement counts."""

from collections.abc import Sequence
from functools import lru_cache

from cometrunway._tasks import TaskStatus
from cometrunway._wire._body import JsonObject
from cometrunway._wire._levels import Level
from cometrunway._wire._outputs import documented, is_video_url
from cometrunway._wire._words import bare, word_set, words

_KEYS = ("status", "state", "task_status")
_NAME_KEYS = word_set("statusdesc statusdescription statuslabel statusname statusstr statustext")
"""Keys of the word that a digit stands for."""
_OTHER_KEYS = _NAME_KEYS | word_set(
    "currentstatus finishreason generationstatus inferencestatus jobstate jobstatus predictionstatus runstatus state "
    "status successflag taskstate taskstatus videostate videostatus"
)
"""Without underscores and case: how else the keys are spelled."""
_WITHIN = ("status", "state", "name", "value", "code")
"""Keys of the word, where a status is an object."""
_VOCABULARY = {
    TaskStatus.PENDING: "accepted created initialized initializing inqueue new notstart notstarted pending preparing "
    "queue queued queueing queuing received scheduled starting submitted submitting wait waiting 0 "
    "已提交 待处理 排队中 等待中",
    TaskStatus.THROTTLED: "ratelimited throttled",
    TaskStatus.RUNNING: "doing downloading dreaming executing finalizing generating inprocess inprogress ongoing "
    "postprocessing processing progress progressing rendering retrying run running saving started uploading working "
    "1 5 处理中 生成中 运行中 进行中",
    TaskStatus.SUCCEEDED: "complete completed done finish finished generated succeed succeeded success successful "
    "successfully 3 完成 已完成 成功 生成成功",
    TaskStatus.FAILED: "abort aborted banned blocked censored contentfiltered contentmoderated crashed dead declined "
    "deleted denied error errored exception expired fail failed failure fault faulted filtered flagged interrupted "
    "invalid killed moderated nsfw refused reject rejected removed requestmoderated sensitive stopped terminated "
    "timedout timeout unsafe unsuccessful violation 2 7 8 失败 审核不通过 审核失败 已失败 已过期 生成失败 超时 违规",
    TaskStatus.CANCELLED: "cancel canceled cancelled revoked 取消 已取消",
}
_STATUSES = {"": TaskStatus.PENDING} | {word: status for status, words in _VOCABULARY.items() for word in words.split()}
"""The digits are duomi's, 0 to 3, and PixVerse's, 5 to 8."""
_WAITING = (TaskStatus.PENDING, TaskStatus.THROTTLED, TaskStatus.RUNNING)
_BAD_ENDS = (TaskStatus.CANCELLED, TaskStatus.FAILED)
_SAYS_NOTHING = word_set("all and errors fully generation is job render state status task video warnings was with")
"""Words beside that of a success: `TASK_STATUS_SUCCEED`, `completed_with_warnings`."""
_NOT_YET = word_set("before no non not partial partially retried retries retry un will without")
_READY = "ready"
"""Of a result at some servers, to begin at others."""
_RESULTS = ("result", "output", "outputs", "data", "url", "video_url")
_FLAG = "successflag"
_FLAGS = {
    **dict.fromkeys(("0", "False"), TaskStatus.RUNNING),
    **dict.fromkeys(("1", "True"), TaskStatus.SUCCEEDED),
    **dict.fromkeys(("2", "3"), TaskStatus.FAILED),
}
_VIDEOS = word_set("downloadurl outputurl rawvideourl resulturl url videourl")
_LONGEST = 64
"""Characters of a word that is looked up."""
_OF_A_TASK = word_set(
    "createdat createtime endtime failcode failmsg failreason failure failurecode failurereason finishtime "
    "generationid id jobid output outputs progress startedat starttime submittime taskid taskresult taskstatus "
    "taskstatusmsg videourl"
)
"""Keys that tell the description of a task from the envelope of an answer."""


def stated(members: JsonObject) -> TaskStatus | None:
    """Return the status that one object states; None if it states none, UNKNOWN for a word in no vocabulary.

    The vocabularies are one table, compared without case, spaces, hyphens and underscores: the gateway's wrapper,
    Runway, duomi's digits, Kling, Luma and others. `state` counts where `status` is empty or unknown. Of a digit the
    word beside it counts, then a video: some gateways number the states in another way.
    """
    seen = None
    for key in _KEYS:
        if key in members:
            word = _word(members[key])
            if word is None:
                continue
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
    keys = (key for key in members if bare(key) in _OTHER_KEYS or key == "done")
    return next((key for key in keys if stated({key: members[key]}) not in (None, TaskStatus.UNKNOWN)), None)


def is_of_a_task(members: JsonObject) -> bool:
    """Whether an object describes a task, rather than being the envelope of an answer, which has a status as well."""
    return any(bare(key) in _OF_A_TASK and members[key] not in (None, "") for key in members)


def _stated_otherwise(members: JsonObject) -> TaskStatus | None:
    """Return the status that is spelled in another way, or is a flag: `successFlag` of kie, `done` of an operation."""
    if isinstance(done := members.get("done"), bool):
        ended = TaskStatus.FAILED if members.get("error") or _is_filtered(members) else TaskStatus.SUCCEEDED
        return ended if done else TaskStatus.RUNNING
    for key in members:
        name = bare(key)
        if name in _OTHER_KEYS and key not in _KEYS and (word := _word(members[key])) is not None:
            return _FLAGS[word] if name == _FLAG and word in _FLAGS else _status(word, members)
    return None


def _is_filtered(operation: JsonObject) -> bool:
    """Whether an operation of Veo has ended without a video, which its filters withheld."""
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
    return status


def _of_digit(digit: str, members: JsonObject) -> TaskStatus:
    beside = (_word(members[key]) for key in members if bare(key) in _NAME_KEYS)
    named = (_known(word) for word in beside if word and len(word) <= _LONGEST)
    if found := next((status for status in named if status is not TaskStatus.UNKNOWN), None):
        return found
    if digit in {"1", "2"} and any(bare(key) in _VIDEOS and is_video_url(members[key]) for key in members):
        return TaskStatus.SUCCEEDED
    return _STATUSES.get(digit, TaskStatus.UNKNOWN)


@lru_cache(maxsize=1024)
def _known(word: str) -> TaskStatus:
    """Return what a word means, or one that is made of several: `JOB_STATE_FAILED`, `GENERATE_MP4_FAILED`."""
    if word.startswith("-"):
        return TaskStatus.UNKNOWN
    if (known := _STATUSES.get(bare(word))) is not None:
        return known
    parts = words(word)
    meant = [_STATUSES[part] for part in parts if part in _STATUSES]
    if waiting := next((status for status in _WAITING if status in meant), None):
        return waiting
    if parts & _NOT_YET or any(part.endswith("ing") for part in parts):
        return TaskStatus.UNKNOWN
    if bad := next((status for status in _BAD_ENDS if status in meant), None):
        return bad
    is_success = bool(meant) and all(part in _STATUSES or part in _SAYS_NOTHING for part in parts)
    return TaskStatus.SUCCEEDED if is_success else TaskStatus.UNKNOWN


def verdict(nest: Sequence[Level]) -> tuple[TaskStatus, Sequence[Level]]:
    """Return the task's status, and the levels from the one that states it inwards.

    The outermost statement counts once it is final. Before, one further in may end the task: it is the last body from
    upstream, and the outer row follows it later; but a success counts there only with its output. What a mere envelope
    states is the call's state, where one further in states a status too.
    """
    if len(nest) == 1:  # as nearly always
        return stated(nest[0].members) or TaskStatus.UNKNOWN, nest
    stating = [(said, nest[depth:]) for depth, level in enumerate(nest) if (said := stated(level.members))]
    if len(stating) > 1 and not is_of_a_task(stating[0][1][0].members):
        del stating[0]
    for number, (said, within) in enumerate(stating):
        if said.is_terminal and (number == 0 or said is not TaskStatus.SUCCEEDED or documented(within)):
            return said, within
    waiting = (said for said, _ in stating if said in _WAITING)
    return next(waiting, TaskStatus.UNKNOWN), stating[0][1] if stating else nest
