"""The local files of a request, as they are sent: what is sent of each, as a data URI."""

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from cometrunway._media._inputs import LocalFile, data_uri, digest_of
from cometrunway._media._urls import shown
from cometrunway._requests._routes import Request
from cometrunway._wire._file_limits import is_uploaded
from cometrunway._wire._provider import Provider


@frozen(kw_only=True)
class PreparedFile:
    """One local file of a request, ready to be sent."""

    digest: str
    """Of the file that the user gave, whatever is sent of it: it is part of the submission's identity."""
    sent: LocalFile
    """What is sent: that file, or what was made of it."""

    def data_uri(self) -> str:
        """Read and encode what is sent; `ValueError` if it is no longer what it was."""
        return data_uri(self.sent.source)


Prepared = Mapping[Path | bytes, PreparedFile]
"""The local files of a request by what the user gave."""


def prepared(request: Request, provider: Provider) -> Prepared:
    """Prepare the local files of a request for a provider; reads them, so better called in a thread.

    Raises:
        ValueError: one cannot be read any more, or is too large for the provider.
    """
    try:
        return {source: _prepared(source, request.route, provider) for source in request.local_files}
    except ValueError as error:
        raise ValueError(f"{type(request).__name__}: {error}") from error


def _prepared(source: Path | bytes, route: str, provider: Provider) -> PreparedFile:
    file = LocalFile.of(source)
    if is_uploaded(file, route=route, provider=provider):
        raise ValueError(f"{shown(source)} is too large for a data URI, and is not uploaded yet; host it, or shrink it")
    return PreparedFile(digest=digest_of(source), sent=file)
