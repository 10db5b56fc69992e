"""Uploads: a file is announced to the API, which names where it is to be sent, and what then stands for it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

from cometrunway._media._hosts import is_this_machine
from cometrunway._media._inputs import LocalFile
from cometrunway._media._urls import normalised_url, without_query
from cometrunway._wire._body import parsed
from cometrunway._wire._http import HttpRequest, HttpResponse
from cometrunway._wire._provider import Provider
from cometrunway._wire._refusals import no_answer, refusal
from cometrunway.errors import UploadError

_SAME_EXTENSIONS = {".jpeg": ".jpg", ".oga": ".ogg", ".m4v": ".mp4"}
_CODE = re.compile(rb"<Code>(\w{1,64})</Code>")
"""What an object store says of a refusal, in XML."""
_PASSING = frozenset({408, 429})


@frozen(kw_only=True)
class UploadTarget:
    """Where a file is to be sent."""

    url: str = field(repr=without_query)
    """Of the storage, which is another origin than the API's."""
    fields: Mapping[str, str] = field(repr=False)
    """The other fields of the form. They grant the upload, so they are secret."""
    uri: str = field(repr=False)
    """What stands for the file in a request, once it is there."""


def upload_name(file: LocalFile) -> str:
    """Return the name that a file is uploaded under: its own, with the extension that its content has."""
    name = file.source.name if isinstance(file.source, Path) else "upload"
    name = name.encode("utf-8", "replace").decode()
    suffix = Path(name).suffix.lower()
    extension = file.type.extension
    return name if _SAME_EXTENSIONS.get(suffix, suffix) == extension else f"{name}{extension}"


def upload_request(name: str, provider: Provider) -> HttpRequest:
    """Return the request that announces the upload of a file; it is free, and makes no task."""
    body = json.dumps({"filename": name, "type": "ephemeral"}, ensure_ascii=False, separators=(",", ":"))
    return HttpRequest(method="POST", path=f"{provider.prefix}/uploads", body=body.encode())


def decode_target(response: HttpResponse) -> UploadTarget:
    """Return where a file is to be sent.

    Raises:
        APIError: the API refused.
        ProtocolError: the answer does not say where.
    """
    body = parsed(response.body)
    if not 200 <= response.status < 300 or body is None:
        raise refusal(response, body)
    url, fields, uri = (
        normalised_url(_text(body.get("uploadUrl"))),
        body.get("fields", {}),
        _text(body.get("runwayUri")),
    )
    if url is None or not _is_safe(url):
        raise no_answer(response, missing="an https address to upload to")
    if not isinstance(fields, Mapping) or not uri.isprintable() or "://" not in uri:
        raise no_answer(response, missing="what stands for the upload")
    return UploadTarget(url=url, fields={name: str(value) for name, value in fields.items()}, uri=uri)


def check_stored(response: HttpResponse) -> None:
    """Make sure that a storage has taken a file; else `UploadError`."""
    if 200 <= response.status < 300:
        return
    found = _CODE.search(response.body)
    code = f" {found[1].decode()}" if found else ""
    raise UploadError(
        f"the storage answered HTTP {response.status}{code}",
        retryable=response.status in _PASSING or response.status >= 500,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _is_safe(url: str) -> bool:
    """Whether what is sent is encrypted, or does not leave this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_this_machine(parts.hostname or "")
