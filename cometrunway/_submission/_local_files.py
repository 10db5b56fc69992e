"""The local files of a request, as they are sent: what is sent of each, in the request or as an upload."""

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from cometrunway._media._inputs import LocalFile, check_whole, digest_of
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
    sent_digest: str
    is_uploaded: bool
    """Whether it is uploaded, or stands in the request as a data URI."""


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
    uploaded = is_uploaded(file, route=route, provider=provider)
    if uploaded:
        check_whole(file)
    digest = digest_of(source)
    return PreparedFile(digest=digest, sent=file, sent_digest=digest, is_uploaded=uploaded)
