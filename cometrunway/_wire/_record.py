"""What is recorded of a request: enough to tell it from another, and nothing large or secret."""

import hashlib
from pathlib import Path
from typing import Any

from cometrunway._media._urls import scheme, without_query
from cometrunway._requests._routes import Request
from cometrunway._wire._http import HttpRequest
from cometrunway._wire._members import converter, members

_DIGEST = "sha256"


def describe(request: Request) -> dict[str, Any]:
    """Return the request's route and fields as JSON, in snake_case.

    A local file is its path and digest; bytes, a data URI, and the query of a URL are their digest alone. Reads local
    files, so better called in a thread.
    """
    described = _without_secrets(members(request, _converter))
    assert isinstance(described, dict)  # noqa: S101 - as `members` are
    return {"route": request.route, **described}


def fingerprint(message: HttpRequest) -> str:
    """Return the hex digest of all that is sent: two requests with the same one are the same."""
    digest = hashlib.sha256(message.path.encode())
    digest.update(message.body or b"")
    return digest.hexdigest()


def is_complete(description: object) -> bool:
    """Whether `request_from_dict` can make the request again from its description."""
    if isinstance(description, dict):
        return _DIGEST not in description and all(map(is_complete, description.values()))
    return all(map(is_complete, description)) if isinstance(description, list) else True


def _described(file: Path | bytes) -> dict[str, str]:
    if isinstance(file, Path):
        try:
            return {"path": str(file.absolute()), _DIGEST: _digest(file.read_bytes())}
        except OSError as error:
            raise ValueError(f"{file} cannot be read any more: {error.strerror}") from error
    return {_DIGEST: _digest(file)}


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_secrets(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(member) for member in value]
    if isinstance(value, str) and scheme(value) == "data":
        return {_DIGEST: _digest(value.encode())}
    if isinstance(value, str) and scheme(value) in {"http", "https"} and without_query(value) != value:
        return {"url": without_query(value), _DIGEST: _digest(value.encode())}
    return value


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


_converter = converter(str, _described)
