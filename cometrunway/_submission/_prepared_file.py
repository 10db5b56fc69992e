"""One local file of a request as it is sent."""

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from cometrunway._media._inputs import LocalFile


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
    note: str = ""
    """What was done to it, if that is not what the user gave."""


Prepared = Mapping[Path | bytes, PreparedFile]
"""The local files of a request by what the user gave."""
