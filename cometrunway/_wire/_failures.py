"""Why a task ended without its result, from all keys that the gateways use."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cometrunway._tasks import Failure, TaskStatus
from cometrunway._wire._body import JsonObject, parsed_within
from cometrunway._wire._levels import Level, join
from cometrunway._wire._status import stating_word
from cometrunway._wire._words import bare

_CODE_KEYS = ("failurecode", "failcode", "errorcode")
_REASON_KEYS = (
    "failreason",
    "failure",
    "taskstatusmsg",
    "failurereason",
    "failedreason",
    "failmsg",
    "failmessage",
    "error",
    "errors",
    "errormessage",
    "errormsg",
    "errmsg",
    "baseresp",
    "statusmessage",
    "statusmsg",
    "msg",
    "reason",
    "message",
    "detail",
)
"""Without underscores and case; those that speak of a failure alone come first."""
_TEXT_KEYS = ("message", "reason", "msg", "statusmsg", "detail", "description", "text", "title", "error", "rawmessage")
"""Keys of the text, where a reason is an object."""
_NO_REASON = frozenset({"", "success", "succeeded", "succeed", "ok", "none", "null", "n/a", "成功"})
_NO_CODE = frozenset({"", "0", "200", "success", "ok", "none", "null"})
_REASON_LIMIT = 2_000
_CODE_LIMIT = 200
_ITEMS = 3
"""Items of a list of reasons that are told."""

_MAY_SUCCEED_ANEW = {
    "INPUT_PREPROCESSING.INTERNAL": True,
    "INPUT_PREPROCESSING.SAFETY": False,
    "INTERNAL": True,
    "INTERNAL.BAD_OUTPUT": False,  # Runway: may, but it is unlikely to help
    "SAFETY": False,
    "ASSET": False,
}
_LONGEST_FIRST = sorted(_MAY_SUCCEED_ANEW, key=len, reverse=True)
_MODERATION_CODES = ("SAFETY", "INPUT_PREPROCESSING.SAFETY")
_MODERATION_STATUS = re.compile("moderated|nsfw|flagged|sensitive|unsafe")
_MODERATION_WORDS = re.compile(
    r"content[ _-]?(?:moderation|policy|filter|safety)|\bmoderated\b|\A\W*moderation\W*\Z|\bnsfw\b"
    r"|polic(?:y|ies)[ _-]violation|violat\w*\b.{0,60}\bpolic|inappropriate content|sensitive (?:content|words?)"
    r"|\b(?:block|fail|flag|refus|reject)\w* (?:by|in|during) (?:the |our )?(?:content |safety )?(?:moderation|safety)"
    r"|违规|敏感|审核(?:未通过|不通过|失败|拒绝)|未通过.{0,6}审核",
    re.IGNORECASE | re.DOTALL,
)
_OUTAGE_WORDS = re.compile(r"unavailable|time[d ]*out|internal|overload", re.IGNORECASE)


class Reason(NamedTuple):
    """A text that says why, and where it stands."""

    place: str
    text: str
    code: str | None = None
    """The code of the object that holds the text."""


def failure(status: TaskStatus, nest: Sequence[Level]) -> Failure:
    """Return why a task failed or was cancelled; `nest` is the level that says so, those within, then those around.

    Retryable is what Runway's table of failure codes says, by the longest prefix, and nothing without a code.
    Moderated are the codes `SAFETY.*` and `INPUT_PREPROCESSING.SAFETY.*`, and a status that says so; without a
    `failureCode` also a text or a code that speaks of content moderation, a content policy, or of a refusal by
    moderation or safety, and not of its outage.
    """
    stated = next(_codes(nest), None)
    reason = next(reasons(nest), None)
    code = stated or (reason.code if reason else None)
    word = stating_word(nest[0].members)
    message = reason.text if reason else code or _without_reason(status, word)
    told = "" if stated else f"{reason.text} {reason.code or ''}" if reason else ""
    return Failure(
        message=message,
        code=code,
        retryable=code is not None and _may_succeed_anew(code),
        moderated=_is_moderation(stated or code, told) or bool(_MODERATION_STATUS.search(word)),
    )


def reasons(nest: Sequence[Level]) -> Iterator[Reason]:
    """Yield the texts that say why, the most telling first."""
    for level in nest:
        by_key = {name: key for key in reversed(level.members) if (name := bare(key)) in _REASON_KEYS}
        for name in _REASON_KEYS:
            if name in by_key:
                yield from _told(join(level.place, by_key[name]), level.members[by_key[name]])


def _told(place: str, value: object) -> Iterator[Reason]:
    """Yield the reason in a text, in JSON in a text, in an object, or in a list of them."""
    if isinstance(value, list):
        told = [reason for number, item in enumerate(value[:_ITEMS]) for reason in _told(f"{place}[{number}]", item)]
        if told:
            yield Reason(place, "; ".join(reason.text for reason in told)[:_REASON_LIMIT], told[0].code)
        return
    within = parsed_within(value) if isinstance(value, str) else value
    if isinstance(within, dict):
        yield from _of_object(place, within)
    elif isinstance(value, str) and value.strip().casefold() not in _NO_REASON:
        yield Reason(place, value.strip()[:_REASON_LIMIT])


def _of_object(place: str, members: JsonObject) -> Iterator[Reason]:
    by_key = {name: key for key in reversed(members) if (name := bare(key)) in _TEXT_KEYS}
    code = next((text for key in ("code", "type") if (text := _code(members.get(key)))), None)
    for name in _TEXT_KEYS:
        if name in by_key:
            for reason in _told(join(place, by_key[name]), members[by_key[name]]):
                yield Reason(reason.place, reason.text, reason.code or code)


def _codes(nest: Sequence[Level]) -> Iterator[str]:
    for level in nest:
        for key, value in level.members.items():
            if bare(key) in _CODE_KEYS and (code := _code(value)):
                yield code


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
    return bool(_MODERATION_WORDS.search(told)) and not _OUTAGE_WORDS.search(told)


def _starts(code: str, prefix: str) -> bool:
    return f"{code}.".upper().startswith(f"{prefix}.")
