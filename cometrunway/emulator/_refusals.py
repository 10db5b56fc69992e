"""The refusals of requests, and their envelopes in each layer of the gateway and each dialect."""

import http
import json
from collections.abc import Mapping
from typing import Any, Literal

from attrs import frozen

from cometrunway.emulator._exchange import Answer, json_answer

NotExistForm = Literal["400", "200", "404", "status", "duomi"]
"""The forms of `task_not_exist`: its code with HTTP 400, 200 or 404, a task status of this name, duomi's envelope."""

_NOT_EXIST = "task_not_exist"
_OWN_TOKENS = {"callback_url": "callback_url_empty", "referenceImages": "reference_images_empty"}
_BY_STATUS = {
    429: ("fail_to_fetch_task", "当前分组上游负载已饱和，请稍后再试"),  # noqa: RUF001  # the gateway's own words
    500: ("do_request_failed", "upstream request failed"),
    503: ("get_channel_failed", "no channel answers"),
}


@frozen(kw_only=True)
class Refusal:
    """The reason why a request is refused.

    Attributes:
        status: The HTTP status.
        code: The machine-readable code; may be empty.
        message: The text for people.
        layer: The layer that refuses: the `gateway` before routing, the `task` routes, or the `upstream`. The envelope
            depends on it.
    """

    status: int
    code: str
    message: str
    layer: Literal["gateway", "task", "upstream"] = "task"

    @classmethod
    def missing(cls, name: str) -> "Refusal":
        """A required field is absent or empty."""
        if name == "model":
            return cls(status=400, code="", message="model name is required", layer="gateway")
        token = _OWN_TOKENS.get(name)
        return cls(status=400, code=token or "invalid_request", message=token or f"{name} is required")

    @classmethod
    def upstream(cls, message: str) -> "Refusal":
        """Runway's own API refuses the request."""
        return cls(status=400, code="", message=message, layer="upstream")

    @classmethod
    def of_status(cls, status: int) -> "Refusal":
        """The body that the task routes send with this status."""
        code, message = _BY_STATUS.get(status, ("bad_response_status_code", _phrase(status)))
        return cls(status=status, code=code, message=message)


def unauthorized(api_key: str) -> Refusal:
    """Return the refusal of a wrong key; unlike the gateway's, it says which key is taken: nothing is secret here."""
    return Refusal(
        status=401, code="", message=f"invalid token: this emulator takes the key {api_key}", layer="gateway"
    )


NOT_JSON = Refusal(
    status=400, code="invalid_request", message="the body is no JSON object, or Content-Type does not say so"
)
NO_QUOTA = Refusal(status=403, code="insufficient_user_quota", message="用户额度不足, 剩余额度: ¥0.000000")
NO_CREDITS = Refusal.upstream("You do not have enough credits to run this task.")
NO_TASK = Refusal(status=404, code="", message="Task not found.", layer="upstream")


def no_channel(model: str) -> Refusal:
    """No provider serves the model."""
    message = f"no available channel for group default and model {model} (distributor)"
    return Refusal(status=503, code="model_not_found", message=message, layer="gateway")


def wrong_path(method: str, path: str) -> Answer:
    """No such route."""
    error = {"message": f"Invalid URL ({method} {path})", "type": "invalid_request_error", "param": "", "code": ""}
    return json_answer({"error": error}, status=404, refuses=True)


def refuse(refusal: Refusal, dialect: str, request_id: str) -> Answer:
    """Wrap a refusal as the dialect does.

    The gateway's own layer always answers in the OpenAI style. The task routes answer `{code, message, data}`, duomi
    `{code, msg, data, exec_time}` under HTTP 200 if the request itself is at fault, Kling
    `{code, message, request_id}`. Runway's own refusals, `{error}`, pass bare in `flat` and `luma`, and as a JSON
    string inside the wrapper elsewhere.
    """
    if refusal.layer == "gateway":
        return json_answer(_openai(refusal, request_id), status=refusal.status, refuses=True)
    if dialect == "duomi":
        status = 200 if refusal.status == 400 else refusal.status
        return json_answer(_duomi(refusal.status, refusal.message), status=status, refuses=True)
    return json_answer(_body(refusal, dialect, request_id), status=refusal.status, refuses=True)


def xml_refusal(status: int, code: str) -> Answer:
    """What a content delivery network or an object store answers."""
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code></Error>'
    return Answer(status=status, body=body.encode(), media_type="application/xml")


def not_exist(form: NotExistForm, task_id: str, request_id: str) -> Answer:
    """`task_not_exist` in one of its wire forms."""
    if form == "duomi":
        return json_answer(_duomi(400, _NOT_EXIST), task_id=task_id)
    if form == "status":
        return json_answer({"id": task_id, "status": _NOT_EXIST}, task_id=task_id)
    refusal = Refusal(status=int(form), code=_NOT_EXIST, message=_NOT_EXIST)
    body = _openai(refusal, request_id) if form == "404" else _task_error(_NOT_EXIST, _NOT_EXIST)
    return json_answer(body, status=refusal.status, task_id=task_id)


def _body(refusal: Refusal, dialect: str, request_id: str) -> Mapping[str, Any]:
    if dialect == "kling":
        return {"code": 1000 + refusal.status, "message": refusal.message, "request_id": request_id}
    if refusal.layer == "task":
        return _task_error(refusal.code, refusal.message)
    runway = {"error": refusal.message}
    return runway if dialect in {"flat", "luma"} else _task_error("fail_to_fetch_task", json.dumps(runway))


def _openai(refusal: Refusal, request_id: str) -> Mapping[str, Any]:
    message = f"{refusal.message} (request id: {request_id})"
    return {"error": {"code": refusal.code, "message": message, "type": "comet_api_error"}}


def _task_error(code: str, message: str) -> Mapping[str, Any]:
    return {"code": code, "message": message, "data": None}


def _duomi(code: int, message: str) -> Mapping[str, Any]:
    return {"code": code, "msg": message, "data": None, "exec_time": 0}


def _phrase(status: int) -> str:
    return http.HTTPStatus(status).phrase if status in set(http.HTTPStatus) else f"status {status}"
