"""Uploads: the API returns the address to which a file is sent, and the URI that replaces the file in a request."""

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
"""The code of a refusal by an object store, in XML."""
_PASSING = frozenset({408, 429})


@frozen(kw_only=True)
class UploadTarget:
    """The address and form of an upload."""

    url: str = field(repr=without_query)
    """The URL of the storage. Its origin differs from the API's."""
    fields: Mapping[str, str] = field(repr=False)
    """The other fields of the form. They permit the upload, so they are secret."""
    uri: str = field(repr=False)
    """The URI that replaces the file in a request after the upload."""


def upload_name(file: LocalFile) -> str:
    """Return the name for an upload: the file's own name, with the extension that fits its content."""
    name = file.source.name if isinstance(file.source, Path) else "upload"
    name = name.encode("utf-8", "replace").decode()
    suffix = Path(name).suffix.lower()
    extension = file.type.extension
    return name if _SAME_EXTENSIONS.get(suffix, suffix) == extension else f"{name}{extension}"


def upload_request(name: str, provider: Provider) -> HttpRequest:
    """Return the request that starts the upload of a file. It is free, and creates no task."""
    body = json.dumps({"filename": name, "type": "ephemeral"}, ensure_ascii=False, separators=(",", ":"))
    return HttpRequest(method="POST", path=f"{provider.prefix}/uploads", body=body.encode())


def decode_target(response: HttpResponse) -> UploadTarget:
    """Return the address and form of an upload.

    Raises:
        APIError: the API refused.
        ProtocolError: the answer does not contain them.
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
    """Check that a storage has accepted a file; else `UploadError`."""
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
    """Whether the connection is encrypted, or stays on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_this_machine(parts.hostname or "")
