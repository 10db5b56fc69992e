"""One local file of a request as it is sent."""

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from cometrunway._media._inputs import LocalFile


@frozen(kw_only=True)
class PreparedFile:
    """One local file of a request, ready to be sent."""

    digest: str
    """The digest of the file that the user gave. It is part of the submission's identity, whatever is sent."""
    sent: LocalFile
    """The file that is sent: the user's file, or a changed copy."""
    sent_digest: str
    is_uploaded: bool
    """Whether it is uploaded. Otherwise it is a data URI in the request."""
    note: str = ""
    """The changes, if the sent file is not the user's file."""


Prepared = Mapping[Path | bytes, PreparedFile]
"""The local files of a request, by the path or bytes that the user gave."""
