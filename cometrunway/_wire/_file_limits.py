"""Decides how a local file is sent to a provider: in the request, as an upload, or not at all."""

from cometrunway._media._inputs import LocalFile
from cometrunway._media._kinds import Kind
from cometrunway._media._urls import shown
from cometrunway._wire._provider import Provider

_HEADER = len("data:image/jpeg;base64,")
"""The largest number of characters before the content of a data URI, for the formats that `fit` makes."""


def largest_file(provider: Provider, route: str, kind: Kind) -> int | None:
    """Return the largest size of a file of a kind on a route, in bytes, inline or as an upload; None for no limit."""
    limit = provider.inline_limit(route, kind)
    if limit is None:
        return None
    return provider.upload_limit if provider.has_uploads else (limit - _HEADER) // 4 * 3


def is_uploaded(file: LocalFile, *, route: str, provider: Provider) -> bool:
    """Whether a file is uploaded because it is too large for a data URI on this route.

    Raises:
        ValueError: the file is too large for the provider. The message says what to do instead.
    """
    limit = provider.inline_limit(route, file.kind)
    if limit is None or file.data_uri_size <= limit:
        return False
    name = f"local file {shown(file.source)}"
    if not provider.has_uploads:
        raise ValueError(
            f"{name} has {file.size} bytes, which are {file.data_uri_size} characters as a data URI; {provider.name} "
            f"takes at most {limit} of kind {file.kind} on {route}, and has no uploads; make it smaller, or host it "
            "where the API can reach it and pass its URL"
        )
    if file.size > provider.upload_limit:
        raise ValueError(
            f"{name} has {file.size} bytes; {provider.name} takes uploads of at most {provider.upload_limit} bytes; "
            "make it smaller, or cut it into parts"
        )
    return True
