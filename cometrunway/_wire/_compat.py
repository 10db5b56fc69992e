"""The compatibility format: the gateway's older routes, in snake_case with nested `options`, polled with POST."""

from collections.abc import Mapping
from typing import Any

from cometrunway._http import HttpRequest
from cometrunway._media import shown
from cometrunway._requests import Request, nearest, snake_case
from cometrunway._wire._members import converter, members, to_json

_PREFIX = "/runway"
_OPTIONS = ("seconds", "motion_vector", "structure_transformation", "flip", "image_as_end_frame", "motion_multiplier")

_converter = converter(str)


def path(route: str) -> str:
    """Return where a request of this route is posted."""
    return f"{_PREFIX}/pro/{route.removeprefix('pro_')}"


def encode(request: Request) -> HttpRequest:
    """Return the POST that submits the request."""
    body = members(request, _converter)
    options = {name: body.pop(name) for name in _OPTIONS if name in body}
    if options:
        body["options"] = options
    return HttpRequest(method="POST", path=path(request.route), body=to_json(body))


def poll(task_id: str) -> HttpRequest:
    """Return the POST that looks at a task; it changes nothing."""
    return HttpRequest(method="POST", path=f"{_PREFIX}/feed", body=to_json({"task_id": task_id}))


def without_options(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request with its `options`, if there are any, among them."""
    flat = dict(fields)
    options = flat.pop("options", {})
    if not isinstance(options, Mapping):
        raise ValueError(f"options: must be an object, got {shown(options)}")  # noqa: TRY004 - bad JSON is a ValueError
    for name, value in options.items():
        if snake_case(str(name)) not in _OPTIONS:
            raise ValueError(f"options: unknown option {shown(name)}; {nearest(str(name), _OPTIONS)}")
        if name in flat:
            raise ValueError(f"options.{name}: given twice, inside and outside of options")
        flat[name] = value
    return flat
