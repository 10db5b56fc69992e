"""The official format: Runway's own routes, in camelCase, polled with GET."""

import re
from urllib.parse import quote

from cometrunway._http import HttpRequest
from cometrunway._requests import Request
from cometrunway._wire._members import converter, members, to_json

_PREFIX = "/runwayml/v1"


def _camel_case(name: str) -> str:
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name)


_converter = converter(_camel_case)


def path(route: str) -> str:
    """Return where a request of this route is posted."""
    return f"{_PREFIX}/{route}"


def encode(request: Request) -> HttpRequest:
    """Return the POST that submits the request."""
    return HttpRequest(method="POST", path=path(request.route), body=to_json(members(request, _converter)))


def poll(task_id: str) -> HttpRequest:
    """Return the GET that looks at a task."""
    return HttpRequest(method="GET", path=f"{_PREFIX}/tasks/{quote(task_id, safe='')}")
