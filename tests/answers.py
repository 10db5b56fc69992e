"""Answers as values, for the tests of the decoder."""

import json
from pathlib import Path
from typing import Any

from cometrunway._tasks import Task
from cometrunway._wire._decode import decode_created, decode_task
from cometrunway._wire._http import HttpResponse
from cometrunway.errors import CometRunwayError

PAYLOADS = Path(__file__).parent / "payloads"
INDEX: list[dict[str, Any]] = json.loads((PAYLOADS / "index.json").read_text("utf-8"))
HTML = b"<!DOCTYPE html>\n<html><title>CometAPI</title></html>"
CALLBACK = "callback.succeeded.request.json"
ANSWERS = {
    sample["name"]: (sample["http_status"], (PAYLOADS / sample["response_file"]).read_bytes())
    for sample in INDEX
    if sample.get("response_file")
}
"""Of every recorded answer its HTTP status and its body."""


def answer(body: object, status: int = 200, **headers: str) -> HttpResponse:
    """Return an answer with this body: bytes as they are, all else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status=status, headers=named, body=content)


def recorded(name: str) -> HttpResponse:
    """Return a recorded answer."""
    status, body = ANSWERS[name]
    return answer(body, status)


def looked(body: object, status: int = 200) -> Task:
    """Return what a poll with this answer decodes to."""
    return decode_task(answer(body, status), task_id="ours")


def refused_poll(body: object, status: int = 200, **headers: str) -> CometRunwayError:
    """Return what a poll with this answer raises."""
    try:
        task = decode_task(answer(body, status, **headers), task_id="ours")
    except CometRunwayError as error:
        return error
    raise AssertionError(f"not refused: {task}")


def refused_create(body: object, status: int = 200, **headers: str) -> CometRunwayError:
    """Return what a create with this answer raises."""
    try:
        task_id = decode_created(answer(body, status, **headers))
    except CometRunwayError as error:
        return error
    raise AssertionError(f"not refused: {task_id}")


def task_error(code: object, message: object = "no luck") -> dict[str, Any]:
    """Return the flat envelope of the task routes."""
    return {"code": code, "message": message, "data": None}


def openai_error(code: object, message: str = "no luck") -> dict[str, Any]:
    """Return the envelope of the gateway's own layer."""
    return {"error": {"message": message, "type": "comet_api_error", "param": "", "code": code}}
