"""The wire: the only room that knows how requests and answers look. It sends nothing and waits for nothing."""

from cometrunway._http import HttpRequest
from cometrunway._media import shown
from cometrunway._requests import Request
from cometrunway._wire import _compat, _official
from cometrunway._wire._decode import decode_callback, decode_created, decode_task
from cometrunway._wire._mapping import is_compat, request_from_dict, request_type
from cometrunway._wire._record import describe, fingerprint, is_complete
from cometrunway._wire._refusals import proves_refusal

__all__ = [
    "decode_callback",
    "decode_created",
    "decode_task",
    "describe",
    "encode",
    "fingerprint",
    "is_complete",
    "poll",
    "proves_refusal",
    "request_from_dict",
    "request_type",
]


def encode(request: Request) -> HttpRequest:
    """Return the POST that submits a request.

    Reads and encodes the request's `local_files`: with any, better called in a thread.

    Raises:
        ValueError: a local file is no longer what it was when the request was made.
    """
    return _compat.encode(request) if is_compat(request.route) else _official.encode(request)


def poll(route: str, task_id: str) -> HttpRequest:
    """Return the request that looks at a task once.

    Raises:
        ValueError: an unknown route, or what no task is called.
    """
    compat = is_compat(route)
    if task_id in {"", ".", ".."} or not task_id.isprintable():
        raise ValueError(f"task_id: must be the id of a task, got {shown(task_id)}")
    return _compat.poll(task_id) if compat else _official.poll(task_id)
