"""Reads why a task ended without a result, from all keys that gateways use."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from cometrunway._tasks import Failure, TaskStatus
from cometrunway._wire._body import JsonObject, parsed_within
from cometrunway._wire._levels import Level, join
from cometrunway._wire._status import stating_word
from cometrunway._wire._words import bare, word_set, words

_RUNWAY_CODE = "failurecode"
_CODE_KEYS = (_RUNWAY_CODE, "failcode", "errorcode", "errcode")
_REASON_KEYS = (
    *("failreason", "failure", "taskstatusmsg", "taskstatusmessage", "taskerror", "failurereason", "failuremessage"),
    *("failuremsg", "failedreason", "failmsg", "failmessage", "failcause", "rejectreason", "rejectionreason"),
    *("moderationreason", "blockreason", "raimediafilteredreasons", "error", "errors", "errormessage", "errormsg"),
    *(
        "errmsg",
        "errmessage",
        "errorreason",
        "errordetail",
        "errordetails",
        "errordescription",
        "errorinfo",
        "baseresp",
    ),
    *("statusreason", "statusmessage", "statusmsg", "statusdetail", "statusdetails", "cancelreason", "msg", "reason"),
    *("cause", "message", "exception", "detail", "details"),
)
"""Keys without underscores and in lower case. Keys that always describe a failure come first."""
_TEXT_KEYS = (
    *("message", "reason", "msg", "errormessage", "errormsg", "errmsg", "statusmsg", "detail", "details"),
    *("description", "text", "title", "error", "errors", "rawmessage", "cause", "failure", "failurereason"),
)
"""Keys of the text within a reason that is an object."""
_NO_REASON = frozenset(
    {"", "success", "succeeded", "succeed", "ok", "done", "none", "null", "n/a", "nil", "undefined", "true", "false"}
    | {"failed", "failure", "fail", "error", "成功", "操作成功", "请求成功", "失败"}
)
_RESULTS = word_set("output outputs response result results")
"""Words in keys of an object that may contain a reason instead of a file."""
_NO_CODE = frozenset({"", "0", "200", "success", "ok", "none", "null"})
_OBJECT_CODES = ("code", "error_code", "type", "status_code")
_REASON_LIMIT = 2_000
_CODE_LIMIT = 200
_ITEMS = 3
"""The largest number of reasons of a list that are included."""
_FIELDS = 100
"""The largest number of members of an object that are read."""

_MAY_SUCCEED_ANEW = {
    "INPUT_PREPROCESSING.INTERNAL": True,
    "INPUT_PREPROCESSING.SAFETY": False,
    "INTERNAL": True,
    "INTERNAL.BAD_OUTPUT": False,  # Runway: a retry is allowed, but unlikely to help
    "SAFETY": False,
    "ASSET": False,
}
_LONGEST_FIRST = sorted(_MAY_SUCCEED_ANEW, key=len, reverse=True)
_MODERATION_CODES = ("SAFETY", "INPUT_PREPROCESSING.SAFETY")
_MODERATION_STATUS = "moderat|nsfw|flagged|sensitive|unsafe|censor|contentfilter|violation|审核|违规"
_MODERATION_WORDS = (
    r"content[ _-]?(?:moderation|polic|filter|safety|violation)|moderation[ _-]?(?:blocked|failed|rejected|reject)"
    r"|\bmoderated\b|\A\W*moderation\W*\Z|\bnsfw\b|\bcensored\b|\bprohibited content|risk[ _-]?control"
    r"|polic(?:y|ies)[ _-]?violation|violat\w*\b.{0,60}\b(?:polic|guideline|terms|standard|rule)|unsafe content"
    r"|inappropriate|sensitive[ _-]?(?:content|words?|info|material)|content.{0,30}\bsensitive|InspectionFailed"
    r"|responsible ai|safety (?:system|filter|polic|check|guideline|violation)|(?:sexual|explicit|adult) content"
    r"|\b(?:block|fail|flag|refus|reject)\w* (?:by|in|during) (?:the |our )?(?:content |safety )?(?:moderation|safety)"
    r"|违规|敏感|审核(?:未通过|不通过|失败|拒绝)|未通过.{0,6}审核"
)
_TOKEN = re.compile(r"[\w.-]{1,64}", re.ASCII)
_OUTAGE_WORDS = "unavailable|time[d ]*out|internal|overload"


class Reason(NamedTuple):
    """A text that gives a reason, and its place in the answer."""

    place: str
    text: str
    code: str | None = None
    """The code of the object that holds the text."""


def failure(status: TaskStatus, nest: Sequence[Level]) -> Failure:
    """Return why a task failed or was cancelled.

    `nest` has the level that states the end, then the levels within it, then those around it.

    Runway's table of failure codes says, by the longest prefix, what is retryable. A failure without a code is not
    retryable. A failure is moderated if its code is `SAFETY.*` or `INPUT_PREPROCESSING.SAFETY.*`, or its status says
    so. If there is no `failureCode`, a text or code is also read: it must name content moderation, a content policy, or
    a refusal by moderation or safety, but not an outage of these.
    """
    stated, is_runways = next(_codes(nest), (None, False))
    reason = why(nest)
    code = stated or (reason.code if reason else None)
    word = stating_word(nest[0].members)
    message = reason.text if reason else code or _without_reason(status, word)
    told = "" if is_runways else f"{reason.text if reason else ''} {(reason and reason.code) or ''} {stated or ''}"
    return Failure(
        message=message,
        code=code,
        retryable=code is not None and _may_succeed_anew(code),
        moderated=_is_moderation(stated or code, told) or bool(re.search(_MODERATION_STATUS, word)),
    )


def why(nest: Sequence[Level]) -> Reason | None:
    """Return the best reason. A sentence is better than a token such as `"error": "INTERNAL"`, and keeps that token.

    Args:
        nest: the level that states the bad end, then the levels within it, then those around it.
    """
    told = list(islice(reasons(nest), _ITEMS))
    if not told or not _TOKEN.fullmatch(told[0].text):
        return told[0] if told else None
    for place, text, code in told[1:]:
        is_beside = place.rpartition(".")[0] == told[0].place.rpartition(".")[0]
        if is_beside and " " in text and "success" not in text.lower():
            return Reason(place, text, code or told[0].text)
    return told[0]


def reasons(nest: Sequence[Level]) -> Iterator[Reason]:
    """Yield the texts that give a reason, the best first."""
    for level in nest:
        by_key = {name: key for key in reversed(level.members) if (name := bare(key)) in _REASON_KEYS}
        for name in _REASON_KEYS:
            if name in by_key:
                yield from _told(join(level.place, by_key[name]), level.members[by_key[name]])
    for level in nest:
        for key, member in level.members.items():
            if isinstance(member, dict) and words(key) & _RESULTS:
                yield from reasons([Level(join(level.place, key), member)])


def _told(place: str, value: object) -> Iterator[Reason]:
    """Yield the reasons in a text, in JSON within a text, in an object, or in a list of these."""
    if isinstance(value, list):
        told = [reason for number, item in enumerate(value[:_ITEMS]) for reason in _told(f"{place}[{number}]", item)]
        if told:
            yield Reason(place, "; ".join(reason.text for reason in told)[:_REASON_LIMIT], told[0].code)
        return
    within = parsed_within(value) if isinstance(value, str) else value
    if isinstance(within, dict):
        yield from _of_object(place, within)
        yield from _of_fields(place, within)
    elif isinstance(value, str) and value.strip().casefold() not in _NO_REASON:
        yield Reason(place, value.strip()[:_REASON_LIMIT])


def _of_object(place: str, members: JsonObject) -> Iterator[Reason]:
    by_key = {name: key for key in reversed(members) if (name := bare(key)) in _TEXT_KEYS}
    code = next((text for key in _OBJECT_CODES if (text := _code(members.get(key)))), None)
    for name in _TEXT_KEYS:
        if name in by_key:
            for reason in _told(join(place, by_key[name]), members[by_key[name]]):
                yield Reason(reason.place, reason.text, reason.code or code)


def _of_fields(place: str, members: JsonObject) -> Iterator[Reason]:
    """Yield the reason for each field: `{"prompt": ["is too long"]}`; last the code, if an object has only a code."""
    for key, member in islice(members.items(), _FIELDS):
        if isinstance(member, list) and bare(key) not in _TEXT_KEYS:
            yield from _told(join(place, key), member)
    code = next((text for key in _OBJECT_CODES if (text := _code(members.get(key)))), None)
    if code and not code.isdigit():
        yield Reason(place, code, code)


def _codes(nest: Sequence[Level]) -> Iterator[tuple[str, bool]]:
    """Yield the codes of a failure, each with whether its key is Runway's own."""
    for level in nest:
        for key, value in level.members.items():
            if (name := bare(key)) in _CODE_KEYS and (code := _code(value)):
                yield code, name == _RUNWAY_CODE


def _code(value: object) -> str | None:
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return None if text.casefold() in _NO_CODE else text[:_CODE_LIMIT]


def _without_reason(status: TaskStatus, word: str) -> str:
    if status is TaskStatus.CANCELLED:
        return "cancelled on the server"
    return f"the server gave no reason, and the status {word!r}" if word.isalpha() else "the server gave no reason"


def _may_succeed_anew(code: str) -> bool:
    return next((_MAY_SUCCEED_ANEW[prefix] for prefix in _LONGEST_FIRST if _starts(code, prefix)), False)


def _is_moderation(code: str | None, told: str) -> bool:
    if code is not None and any(_starts(code, prefix) for prefix in _MODERATION_CODES):
        return True
    is_named = re.search(_MODERATION_WORDS, told, re.IGNORECASE | re.DOTALL) is not None
    return is_named and not re.search(_OUTAGE_WORDS, told, re.IGNORECASE)


def _starts(code: str, prefix: str) -> bool:
    return f"{code}.".upper().startswith(f"{prefix}.")
