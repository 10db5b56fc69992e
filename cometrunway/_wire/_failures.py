"""Why a task ended without its result, from all keys that the gateways use."""

import re
from collections.abc import Iterator, Sequence

from cometrunway._tasks import Failure, TaskStatus
from cometrunway._wire._body import JsonObject

_CODE_KEYS = ("failureCode", "failure_code")
_REASON_KEYS = ("fail_reason", "failure", "msg", "task_status_msg", "failure_reason", "message", "error")
_REASON_LIMIT = 2_000

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
_MODERATION_WORDS = re.compile(
    r"content[ _-]?moderation|\bmoderated\b"
    r"|\b(?:block|fail|flag|refus|reject)\w* (?:by|in|during) (?:the |our )?(?:content |safety )?(?:moderation|safety)",
    re.IGNORECASE,
)
_OUTAGE_WORDS = re.compile(r"unavailable|time[d ]*out|internal|overload", re.IGNORECASE)


def failure(status: TaskStatus, nest: Sequence[JsonObject]) -> Failure:
    """Return why a task failed or was cancelled; `nest` is the level that says so and those within it.

    Retryable is what Runway's table of failure codes says, by the longest prefix, and nothing without a code.
    Moderated are the codes `SAFETY.*` and `INPUT_PREPROCESSING.SAFETY.*`; without a code only a text that speaks of
    content moderation, or of a refusal by moderation or safety, and not of its outage.
    """
    code = next(_texts(nest, _CODE_KEYS), None)
    reason = next(_texts(nest, _REASON_KEYS), None)
    return Failure(
        message=reason or code or _without_reason(status),
        code=code,
        retryable=code is not None and _may_succeed_anew(code),
        moderated=_is_moderation(code, reason or ""),
    )


def _texts(nest: Sequence[JsonObject], keys: Sequence[str]) -> Iterator[str]:
    for level in nest:
        for key in keys:
            value = level.get(key)
            value = value.get("message") if isinstance(value, dict) else value
            if isinstance(value, str) and value.strip():
                yield value.strip()[:_REASON_LIMIT]


def _without_reason(status: TaskStatus) -> str:
    return "cancelled on the server" if status is TaskStatus.CANCELLED else "the server gave no reason"


def _may_succeed_anew(code: str) -> bool:
    return next((_MAY_SUCCEED_ANEW[prefix] for prefix in _LONGEST_FIRST if _starts(code, prefix)), False)


def _is_moderation(code: str | None, reason: str) -> bool:
    if code is not None:
        return any(_starts(code, prefix) for prefix in _MODERATION_CODES)
    return bool(_MODERATION_WORDS.search(reason)) and not _OUTAGE_WORDS.search(reason)


def _starts(code: str, prefix: str) -> bool:
    return f"{code}.".upper().startswith(f"{prefix}.")
