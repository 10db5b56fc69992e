"""The forms in which gateways answer: the state of one task in seven dialects."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from attrs import frozen

from cometrunway.emulator._tasks import EmulatedTask, Status

Body = Mapping[str, Any]
DialectName = Literal["flat", "wrapped", "wrapped_plus", "bare", "duomi", "kling", "luma"]

_CHINA = timezone(timedelta(hours=8))
_ROW_STATUS = {
    "THROTTLED": "QUEUED",
    "RUNNING": "IN_PROGRESS",
    "SUCCEEDED": "SUCCESS",
    "FAILED": "FAILURE",
    "CANCELLED": "FAILURE",
}
_DUOMI = {
    "THROTTLED": ("", "0"),
    "PENDING": ("", "0"),
    "RUNNING": ("", "1"),
    "SUCCEEDED": ("succeeded", "3"),
    "FAILED": ("failed", "2"),
    "CANCELLED": ("failed", "2"),
}
_KLING = {"RUNNING": "processing", "SUCCEEDED": "succeed", "FAILED": "failed", "CANCELLED": "failed"}
_LUMA = {
    "THROTTLED": "queued",
    "PENDING": "pending",
    "RUNNING": "dreaming",
    "SUCCEEDED": "completed",
    "FAILED": "failed",
    "CANCELLED": "failed",
}


@frozen(kw_only=True)
class View:
    """The state of a task at the moment of one poll.

    Attributes:
        task: The task.
        status: Its state, in Runway's words.
        waiting: The fraction of the time before running that has passed, 0..1.
        progress: The fraction of the running time that the answer states, 0..1; None if it states none.
        created: When it was created. All times are in UTC.
        started: When it started; None before that.
        finished: When it ended; None before that.
        updated: The moment of the poll.
        sign: Makes the URL of one of the task's files.
        outputs: The URLs of the outputs; empty before the end.
    """

    task: EmulatedTask
    status: Status
    waiting: float
    progress: float | None
    created: datetime
    started: datetime | None
    finished: datetime | None
    updated: datetime
    sign: Callable[[str], str]
    outputs: tuple[str, ...] = ()

    @property
    def url(self) -> str | None:
        """The first output."""
        return self.outputs[0] if self.outputs else None

    @property
    def poster(self) -> str | None:
        """A picture of the first frame of a finished output."""
        return self.sign("poster.png") if self.outputs else None

    @property
    def last_frame(self) -> str | None:
        """A picture of the last frame of a finished output."""
        return self.sign("last_frame.png") if self.outputs else None

    @property
    def failure(self) -> str | None:
        """The reason of the failure; None if it did not fail."""
        return self.task.failure if self.finished else None


@frozen(kw_only=True)
class Dialect:
    """The answers of a gateway: to a create and a poll of both route families, and the body of a callback."""

    created: Callable[[View], Body]
    created_compat: Callable[[View], Body]
    polled: Callable[[View], Body]
    fed: Callable[[View], Body]
    called_back: Callable[[View], Body]


def _created(view: View) -> Body:
    return {"id": view.task.id}


def _created_compat(view: View) -> Body:
    return {"code": 200, "message": "", "msg": "success", "data": {"task_id": view.task.id}}


def _runway(view: View) -> Body:
    """The body of Runway's own API."""
    body: dict[str, Any] = {
        "id": view.task.upstream_id,
        "status": view.status,
        "createdAt": view.created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if view.status == "RUNNING" and view.progress is not None:
        body["progress"] = view.progress
    if view.status == "SUCCEEDED":
        body["output"] = list(view.outputs)
    if view.status == "FAILED":
        body |= {"failure": view.failure, "failureCode": view.task.failure_code}
    return body


def _flat(view: View) -> Body:
    return {**_runway(view), "id": view.task.id}


def _inner(view: View) -> Body | None:
    """The part of the upstream's answers that the gateway has stored: at first nothing, then its own text."""
    if _row_status(view) == "NOT_START":
        return None
    if view.status == "PENDING":
        return {**_runway(view), "createdAt": view.created.astimezone(_CHINA).isoformat(timespec="seconds")}
    return _runway(view)


def _row(view: View) -> dict[str, Any]:
    """The nine keys of a row in the gateway's table of tasks."""
    return {
        "task_id": view.task.id,
        "action": view.task.action,
        "status": _row_status(view),
        "fail_reason": view.url or view.failure or ("task cancelled" if view.status == "CANCELLED" else ""),
        "submit_time": _seconds(view.created),
        "start_time": _seconds(view.started),
        "finish_time": _seconds(view.finished),
        "progress": _percent(view),
        "data": _inner(view),
    }


def _row_plus(view: View) -> dict[str, Any]:
    reason = view.failure or ("task cancelled" if view.status == "CANCELLED" else "")
    return {
        "id": view.task.number + 1,
        "created_at": _seconds(view.created),
        "updated_at": _seconds(view.updated),
        **_row(view),
        "fail_reason": reason,
        "result_url": view.url or "",
        "platform": "runway",
        "user_id": 1,
        "group": "default",
        "channel_id": 1,
        "quota": 160_000,
        "properties": {"input": view.task.prompt},
        "username": "emulator",
    }


def _wrapped(view: View) -> Body:
    return {"code": "success", "message": "", "data": _row(view)}


def _wrapped_plus(view: View) -> Body:
    return {"code": "success", "message": "", "data": _row_plus(view)}


def _fed(view: View) -> Body:
    """The task without an envelope, as in the current documentation of the feed."""
    row = {**_row_plus(view), "data": _inner(view)}
    documented = ("task_id", "action", "status", "fail_reason", "result_url")
    times = ("submit_time", "start_time", "finish_time", "progress", "data")
    return {name: row[name] for name in (*documented, *times)}


def _bare(view: View) -> Body:
    """As `_fed`, but without the upstream's body, and at first with only the member that the schema requires."""
    if view.status == "PENDING":
        return {"task_id": view.task.id}
    return {**_fed(view), "data": None}


def _duomi_object(view: View) -> dict[str, Any]:
    state, digit = _DUOMI[view.status]
    waits = digit == "0"
    return {
        "task_id": view.task.id,
        "state": state,
        "status": digit,
        "prompt": "" if waits else view.task.prompt,
        "prompt_en": None,
        "video_url": view.url,
        "poster": view.poster,
        "last_frame": view.last_frame,
        "msg": view.failure or ("task cancelled" if view.status == "CANCELLED" else None),
        "point": "320",
        "refund": "1" if digit == "2" else "0",
        "create_time": "0" if waits else str(_seconds(view.created)),
        "update_time": "0" if waits else str(_seconds(view.updated)),
    }


def _duomi(view: View) -> Body:
    return {"code": 200, "msg": "成功", "data": _duomi_object(view), "exec_time": 0.02}


def _duomi_callback(view: View) -> Body:
    return {name: value for name, value in _duomi_object(view).items() if name != "state"}


def _kling_data(view: View) -> dict[str, Any]:
    return {
        "task_id": view.task.id,
        "task_status": _KLING.get(view.status, "submitted"),
        "created_at": _seconds(view.created) * 1000,
        "updated_at": _seconds(view.updated) * 1000,
    }


def _kling_envelope(view: View, data: Body) -> Body:
    return {"code": 0, "message": "SUCCEED", "request_id": f"Cj{view.task.digest[:20]}", "data": data}


def _kling_created(view: View) -> Body:
    return _kling_envelope(view, _kling_data(view))


def _kling(view: View) -> Body:
    data = {**_kling_data(view), "task_status_msg": view.failure or ""}
    files = [{"id": view.task.upstream_id, "url": url, "duration": "5"} for url in view.outputs]
    if files:
        data["task_result"] = {"videos" if view.task.media == "video" else "images": files}
    return _kling_envelope(view, data)


def _luma(view: View) -> Body:
    size = {"width": view.task.ratio[0], "height": view.task.ratio[1]}
    body = {
        "id": view.task.id,
        "prompt": view.task.prompt,
        "state": _LUMA[view.status],
        "queue_state": None,
        "created_at": view.created.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "batch_id": "",
        "video": {"url": view.url, **size, "thumbnail": view.poster} if view.url else None,
        "video_raw": None,
        "liked": None,
        "estimate_wait_seconds": None,
        "thumbnail": view.poster,
        "last_frame": view.last_frame,
    }
    return {**body, "failure_reason": view.failure} if view.failure else body


def _row_status(view: View) -> str:
    if view.status == "PENDING":
        return ("NOT_START", "SUBMITTED", "QUEUED")[min(2, math.floor(view.waiting * 3))]
    return _ROW_STATUS[view.status]


def _percent(view: View) -> str:
    if view.status == "RUNNING":
        return "30%" if view.progress is None else f"{math.floor(view.progress * 100)}%"
    if view.finished:
        return "100%"
    return "10%" if _row_status(view) == "SUBMITTED" else "0%"


def _seconds(moment: datetime | None) -> int:
    return int(moment.timestamp()) if moment else 0


def _of(poll: Callable[[View], Body], **others: Callable[[View], Body]) -> Dialect:
    """A dialect with the same answer on every route, except for the given ones."""
    shapes = {"created": _created, "created_compat": _created_compat, "polled": poll, "fed": poll}
    return Dialect(**{"called_back": others.get("fed", poll), **shapes, **others})


DIALECTS: Mapping[str, Dialect] = {
    "flat": _of(_flat, fed=_fed),
    "wrapped": _of(_wrapped),
    "wrapped_plus": _of(_wrapped_plus),
    "bare": _of(_bare),
    "duomi": _of(_duomi, created=_duomi, created_compat=_duomi, called_back=_duomi_callback),
    "kling": _of(_kling, created=_kling_created),
    "luma": _of(_luma, created=_luma),
}
