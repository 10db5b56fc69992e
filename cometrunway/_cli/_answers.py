"""The command `explain-answer`: how the answer of a gateway is read."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from cometrunway._cli._commands import Commands, add_command, path, whole
from cometrunway._media._urls import without_query
from cometrunway._tasks import TaskStatus
from cometrunway._terminal import say
from cometrunway._wire._explain import Explanation, explain
from cometrunway._wire._http import HttpResponse
from cometrunway._wire._identity import sent_for
from cometrunway._wire._sent import Sent

_LONGEST = 64 * 1024 * 1024
"""The largest file that is read, in bytes."""
_THEN = {
    TaskStatus.SUCCEEDED: "the files are downloaded",
    TaskStatus.FAILED: "the task has failed",
    TaskStatus.CANCELLED: "the task was cancelled",
}


def add_to(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add the command."""
    explained = add_command(
        commands,
        "explain-answer",
        _explain,
        summary="show how the saved answer of a gateway to a poll is read",
        details="Prints the status, the progress, the reason and the files that are found in the body of an answer, "
        "and their places in it. URLs are shown without their queries, which may be signed. Exits with 1 if the answer "
        "says nothing about a task.",
        example="cometrunway explain-answer answer.json",
    )
    explained.add_argument(
        "file", type=path, metavar="FILE", help="the body of the answer, unchanged; - is standard input"
    )
    explained.add_argument(
        "--status", type=whole(100, 599), default=200, metavar="N", help="the HTTP status; default: 200"
    )
    explained.add_argument("--task-id", default="", metavar="ID", help="the id of the polled task")
    explained.add_argument(
        "--request", type=path, metavar="FILE", help="the request as JSON; media that were sent are not outputs"
    )


def _explain(options: argparse.Namespace) -> int:
    body = _content(options.file)
    sent = None if options.request is None else _sent(options.request)
    response = HttpResponse(status=options.status, headers={}, body=body)
    explanation = explain(response, task_id=options.task_id, sent=sent)
    for line in _lines(explanation, is_sent_known=sent is not None):
        say(line, sys.stdout)
    return int(explanation.status is TaskStatus.UNKNOWN)


def _lines(explanation: Explanation, *, is_sent_known: bool) -> Iterator[str]:
    if explanation.refusal is not None:
        yield f"error     {type(explanation.refusal).__name__}: {explanation.refusal.message}"
        yield "then      it says nothing about a task: the wait continues"
        return
    yield _line("status", explanation.status.value, explanation.status_at or "no status in it")
    if explanation.progress is not None:
        yield _line("progress", f"{explanation.progress:.0%}")
    if explanation.reason is not None:
        yield _line("reason", explanation.reason, explanation.reason_at)
    for output in explanation.outputs:
        yield _line("file", without_query(output.url), output.place)
    has_no_file = explanation.status is TaskStatus.SUCCEEDED and not explanation.outputs
    if has_no_file:
        yield "file      none"
    then = "a file is waited for, for a minute" if has_no_file else _THEN.get(explanation.status, "the wait continues")
    yield f"then      {then}"
    if has_no_file and not is_sent_known:
        yield "note      without --request, only URLs under keys that speak of outputs are files"


def _line(name: str, value: str, place: str = "") -> str:
    return f"{name:<9} {value}" + (f"   ({place})" if place else "")


def _content(file: Path) -> bytes:
    try:
        with nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb") as opened:
            body = opened.read(_LONGEST + 1)
    except OSError as error:
        raise ValueError(
            f"{file} cannot be read: {error.strerror}; name a file with the body of an answer, or of its request, or "
            "- for standard input"
        ) from error
    if len(body) > _LONGEST:
        raise ValueError(f"{file} is larger than {_LONGEST} bytes, which no answer is")
    return body


def _sent(file: Path) -> Sent:
    try:
        request = json.loads(_content(file))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is no JSON: {error}") from error
    if not isinstance(request, dict):
        raise ValueError(  # noqa: TRY004 - what is wrong is the file
            f"{file} must contain the request as a JSON object"
        )
    return sent_for(request)
