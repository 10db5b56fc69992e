"""Encodes requests in the two formats. Each format has its own spelling and its own way to poll.

The official format is Runway's own: camelCase, polled with GET. The compatibility format is the gateway's older one:
snake_case with nested `options`, polled with POST. The paths are those of the provider.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cometrunway._media._inputs import data_uri
from cometrunway._media._urls import shown
from cometrunway._requests._all_routes import COMPAT, ROUTES, RawRequest
from cometrunway._requests._names import camel_case, nearest, snake_case
from cometrunway._requests._routes import ProActOne, ProGenerate, ProVideoToVideo, Request
from cometrunway._wire._http import HttpRequest
from cometrunway._wire._members import members, with_files
from cometrunway._wire._provider import BUILT_IN, COMETAPI, Provider
from cometrunway.errors import CancelNotSupportedError

_COMPAT_PREFIX = "pro_"
"""The prefix of the names of the compatibility format's routes."""
OPTIONS = ("seconds", "motion_vector", "structure_transformation", "flip", "image_as_end_frame", "motion_multiplier")
"""The fields that the compatibility format nests in `options`."""
_NO_LISTENER = "https://example.com/webhook"
"""The `callback_url` for requests without one, because their routes require it. The API's own pages use this value."""
_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_BY_NAME = ROUTES | {"pro_video_to_video": ProVideoToVideo}


def encode(
    request: Request,
    provider: Provider = COMETAPI,
    *,
    uri_of: Callable[[Path | bytes], str] = data_uri,
    callback_url: str | None = None,
) -> HttpRequest:
    """Return the POST that submits a request.

    Args:
        request: the request.
        provider: the provider that receives it.
        uri_of: returns the URI that is sent for each of the request's `local_files`. By default it is a data URI, for
            which the file is read: call it in a thread if there are local files.
        callback_url: the URL to which the gateway posts the result of a request that `lacks_callback_url`.

    Raises:
        ValueError: a local file has changed since the request was made.
    """
    if isinstance(request, RawRequest):
        body = members(request, str)["fields"]
    elif isinstance(request, COMPAT):
        body = {"callback_url": callback_url or _NO_LISTENER, **_with_options(members(request, str))}
    else:
        body = members(request, camel_case)
    body |= body.pop("extra", {})
    if request.local_files:
        try:
            body = with_files(body, uri_of)
        except ValueError as error:
            raise ValueError(f"{type(request).__name__}: {error}") from error
    return HttpRequest(method="POST", path=_path(request.route, provider), body=_to_json(body))


def demands_callback_url(route: str) -> bool:
    """Whether a route requires a `callback_url`."""
    return any(cls.route == route for cls in COMPAT)


def lacks_callback_url(request: Request) -> bool:
    """Whether the route requires a `callback_url` and the request has none."""
    return isinstance(request, ProGenerate | ProVideoToVideo | ProActOne) and request.callback_url is None


def poll_request(route: str, task_id: str, provider: Provider = COMETAPI) -> HttpRequest:
    """Return the request that polls a task once. It changes nothing.

    Raises:
        TypeError: `task_id` is not text.
        ValueError: `task_id` cannot be the id of a task.
    """
    if not isinstance(task_id, str):
        raise TypeError(f"task_id must be text, such as handle.id, got {type(task_id).__name__}")
    if task_id in {"", ".", ".."} or not task_id.isprintable():
        raise ValueError(f"task_id: must be the id of a task, got {shown(task_id)}")
    if route.startswith(_COMPAT_PREFIX):
        return HttpRequest(method="POST", path=provider.feed, body=_to_json({"task_id": task_id}))
    return HttpRequest(method="GET", path=f"{provider.prefix}/tasks/{quote(task_id, safe='')}")


def cancel_request(route: str, task_id: str, provider: Provider) -> HttpRequest:
    """Return the request that cancels an unfinished task, and deletes an ended one.

    Raises:
        CancelNotSupportedError: the provider has no such request for tasks of this route.
    """
    if not provider.can_cancel or route.startswith(_COMPAT_PREFIX):
        raise CancelNotSupportedError(
            f"{provider.name} has no request to cancel a task. The task continues, and is billed"
        ).about(route=route, task_id=task_id)
    return HttpRequest(method="DELETE", path=f"{provider.prefix}/tasks/{quote(task_id, safe='')}")


def request_type_of(fields: Mapping[str, Any]) -> type[Request]:
    """Return the request class for the `route` of a mapping. If the mapping has `fields`, it is `RawRequest`.

    Raises:
        ValueError: the route is unknown and there are no `fields`. The message names the nearest known route.
    """
    return RawRequest if "fields" in fields else request_type(fields.get("route"))


def request_type(route: object) -> type[Request]:
    """Return the request class of a route; `ValueError` with the nearest known route if it is unknown."""
    name = route if isinstance(route, str) else ""
    known = _BY_PATH if name.startswith("/") else _BY_NAME
    if name not in known:
        raise ValueError(f"route: must name a route, got {shown(route)}; {nearest(name, known)}")
    return known[name]


def _path(route: str, provider: Provider) -> str:
    if route.startswith(_COMPAT_PREFIX):
        return f"{provider.pro_prefix}/{route.removeprefix(_COMPAT_PREFIX)}"
    return f"{provider.prefix}/{route}"


def _with_options(body: Mapping[str, Any]) -> dict[str, Any]:
    flat = {name: member for name, member in body.items() if name not in OPTIONS}
    options = {name: body[name] for name in OPTIONS if name in body}
    return {**flat, "options": options} if options else flat


def without_options(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request. The members of `options` become fields of the request."""
    flat = dict(fields)
    options = flat.pop("options", {})
    if not isinstance(options, Mapping):
        raise ValueError(f"options: must be an object, got {shown(options)}")  # noqa: TRY004 - bad JSON is a ValueError
    for name, value in options.items():
        if snake_case(str(name)) not in OPTIONS:
            raise ValueError(f"options: unknown option {shown(name)}; {nearest(str(name), OPTIONS)}")
        if name in flat:
            raise ValueError(f"options.{name}: given twice, inside and outside of options")
        flat[name] = value
    return flat


def _to_json(body: Mapping[str, Any]) -> bytes:
    return _JSON.encode(body).encode()


_BY_PATH = {_path(name, provider): cls for provider in BUILT_IN.values() for name, cls in ROUTES.items()}
