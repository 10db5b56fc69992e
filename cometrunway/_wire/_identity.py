"""Describes requests for the journal, without large or secret data, and decides when two requests are the same."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs

from cometrunway._media._inputs import digest_of
from cometrunway._media._urls import scheme, without_query
from cometrunway._requests._all_routes import ROUTES, RawRequest
from cometrunway._requests._routes import Request
from cometrunway._tasks import UNNAMED_PROVIDER
from cometrunway._wire._members import members, with_files
from cometrunway._wire._sent import Sent

_DIGEST = "sha256"
_NOT_ASKED_FOR = frozenset({"callback_url", "provider"})
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def describe(
    request: Request,
    *,
    provider: str = UNNAMED_PROVIDER,
    digest_of: Callable[[Path | bytes], str] = digest_of,
) -> dict[str, Any]:
    """Return the request's route and fields as JSON, in snake_case, and the provider if it is not CometAPI.

    A local file is described by its path and digest. Bytes, a data URI, and the query of a URL are described by their
    digest only. Local files are read, unless `digest_of` knows their digests: call it in a thread.

    Raises:
        ValueError: a local file can no longer be read.
    """
    described = _without_secrets(members(request, str))
    if request.local_files:
        try:
            described = with_files(described, partial(_described, digest_of))
        except ValueError as error:
            raise ValueError(f"{type(request).__name__}: {error}") from error
    assert isinstance(described, dict)  # noqa: S101 - as `members` are
    named = {} if provider == UNNAMED_PROVIDER else {"provider": provider}
    return {"route": request.route, **described, **named}


def identity(description: Mapping[str, Any]) -> str:
    """Return the digest of what the user asked for. Two descriptions with the same digest are the same submission.

    The digest covers the route, the fields, and the digests of media. It does not cover values that are added later or
    do not affect the result: `callback_url`, the provider, a file's path, and fields with their default value. A field
    that a later version adds therefore changes no identity.
    """
    fields = {name: _bare(value) for name, value in description.items() if name not in _NOT_ASKED_FOR}
    defaults = _defaults(fields)
    asked = {name: value for name, value in fields.items() if name not in defaults or value != defaults[name]}
    return _digest(_CANONICAL.encode(asked).encode())


def _bare(value: Any) -> Any:
    """Return the form of a described value for comparison: a medium is its digest, a whole float is an integer."""
    if isinstance(value, str):  # the usual case
        return value
    if isinstance(value, Mapping):
        if _DIGEST in value:
            return {_DIGEST: value[_DIGEST]}
        return {name: _bare(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_bare(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _defaults(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults of a description's route. Some depend on other fields."""
    route = fields.get("route")
    if route not in ROUTES:  # a route of another version
        return {}
    unset, fixed, computed = _route_defaults(route)
    stand_in = SimpleNamespace(**{**unset, **fixed, **fields})
    return {**fixed, **{name: default(stand_in) for name, default in computed.items()}}


@cache
def _route_defaults(route: str) -> tuple[dict[str, None], dict[str, Any], dict[str, Callable[[Any], Any]]]:
    """Return the names of a request's fields, the fixed defaults, and the defaults that depend on other fields."""
    attributes = attrs.fields(ROUTES[route])
    computed = {name: default.factory for name, default in _given(attributes) if hasattr(default, "factory")}
    fixed = {name: default for name, default in _given(attributes) if name not in computed}
    return {attribute.name: None for attribute in attributes}, fixed, computed


def _given(attributes: "Iterable[attrs.Attribute[Any]]") -> list[tuple[str, Any]]:
    return [(attribute.name, attribute.default) for attribute in attributes if attribute.default is not attrs.NOTHING]


def sent_for(asked: Request | Mapping[str, Any]) -> Sent:
    """Return what was sent for a task, from its request or from the description of its request."""
    request = ROUTES.get(str(asked.get("route")), RawRequest) if isinstance(asked, Mapping) else asked
    return Sent(asked, request.makes)


def is_complete(description: object) -> bool:
    """Whether `request_again` can restore the request from its description."""
    if isinstance(description, dict):
        return _DIGEST not in description and all(map(is_complete, description.values()))
    return all(map(is_complete, description)) if isinstance(description, list) else True


def _described(digest_of: Callable[[Path | bytes], str], file: Path | bytes) -> dict[str, str]:
    where = {"path": str(file.absolute())} if isinstance(file, Path) else {}
    return {**where, _DIGEST: digest_of(file)}


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return _without_secret(value)
    if isinstance(value, dict):
        return {name: _without_secrets(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(member) for member in value]
    return value


def _without_secret(text: str) -> str | dict[str, str]:
    match scheme(text):
        case "data":
            return {_DIGEST: _digest(text.encode())}
        case "http" | "https" if (shown := without_query(text)) != text:
            return {"url": shown, _DIGEST: _digest(text.encode())}
    return text


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
