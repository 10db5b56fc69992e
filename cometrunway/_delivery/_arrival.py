"""Writes the body of an answer to a file and verifies that the file is whole. Blocking: called in worker threads."""

import hashlib
import logging
import os
from collections.abc import Iterator, Sequence

from attrs import define, field

from cometrunway._delivery._content_encoding import DamagedError, EncodedBody
from cometrunway._delivery._part_file import PartFile
from cometrunway._delivery._stated_digests import differing, new_digest
from cometrunway._media._containers import is_whole, tells_its_end
from cometrunway._media._kinds import BEGINNING, UNKNOWN, MediaType, is_text, recognise
from cometrunway._media._urls import without_query
from cometrunway._tasks import Asset
from cometrunway.errors import DownloadError

_logger = logging.getLogger(__name__)
_MOST_AT_ONCE = 16 * 1024 * 1024
"""The approximate number of bytes that one call writes."""


@define(kw_only=True, eq=False, repr=False)
class Arrival:
    """Writes one body to a part file: decodes, counts and digests it, and verifies it at the end.

    Every method may raise `DownloadError`.
    """

    asset: Asset
    part: PartFile
    limit: int
    """The largest size of the decoded file in bytes. A larger file is refused."""
    length: int | None
    """The stated size of the file in bytes, if the file is sent without an encoding; None if it is not stated."""
    body: EncodedBody
    _decoded: Iterator[bytes] | None = field(default=None, init=False)
    _sent: "dict[str, hashlib._Hash]" = field(init=False)

    def __attrs_post_init__(self) -> None:
        stated = self.part.origin.stated if self.body else ()
        self._sent = {name: new_digest(name) for name, _ in stated}

    def write(self, chunks: Sequence[bytes]) -> None:
        """Accept the bytes that arrived. If they become far more when decoded, several calls write the result."""
        block = b"".join(chunks)
        for digest in self._sent.values():
            digest.update(block)
        self._decoded = self.body.decoded(block)
        self.write_more()

    @property
    def has_more(self) -> bool:
        """Whether `write_more` has bytes to write."""
        return self._decoded is not None

    def write_more(self) -> None:
        """Write the next megabytes, or all remaining bytes. Each call is short, so that its thread ends soon."""
        before = self.part.size
        try:
            for piece in self._decoded or ():
                if self.part.size + len(piece) > self.limit:
                    raise too_large(self.asset, self.limit)
                self.part.write((piece,))
                if self.part.size - before > _MOST_AT_ONCE:
                    return
        except DamagedError as error:
            raise self._refused(f"what came with a Content-Encoding {error}, after {self.part.size} bytes") from error
        self._decoded = None

    def end(self) -> MediaType:
        """Return the file's type if the file is whole: by the end marker of its format, else by the end of the body."""
        self._decoded = self.body.rest()
        while self.has_more:
            self.write_more()
        media = self._recognised()
        if not is_whole(self.part.file, media.media_type):
            self.part.file.seek(0, os.SEEK_END)
            raise self._refused(f"the {media.media_type} ends too early, after {self.part.size} bytes", anew=False)
        if not (tells_its_end(media.media_type) or self.body.was_decoded or self.part.size == self.length):
            raise self._refused(f"the file ({media.media_type}) may be incomplete: the host does not state its length")
        wrong = differing(self.part.origin.stated, [self.part.digests, *([self._sent] if self._sent else [])])
        if wrong is not None:
            raise self._refused(
                f"the received file ({media.media_type}, {self.part.size} bytes) does not have the {wrong} digest "
                "that the host states"
            )
        return media

    def _recognised(self) -> MediaType:
        self.part.file.flush()
        self.part.file.seek(0)
        first = self.part.file.read(BEGINNING)
        self.part.file.seek(0, os.SEEK_END)
        media = recognise(first)
        if media is None and self.body.needs is not None and not self.body.was_decoded:
            cure = f"install {self.body.needs}" if self.body.needs else "the host must send it without an encoding"
            raise self._refused(f"the encoding of the file cannot be decoded: {cure}", retryable=False)
        if media is None and is_text(first):
            _logger.debug("GET %s: a text that begins with %r", without_query(self.asset.url), first[:60])
            raise self._refused(f"the host sent {self.part.size} bytes of text, not an image or a video")
        return media or UNKNOWN

    def _refused(self, reason: str, *, anew: bool = True, retryable: bool = True) -> DownloadError:
        if anew:
            self.part.restart()
        return DownloadError(reason, asset=self.asset, retryable=retryable)


def too_large(asset: Asset, limit: int) -> DownloadError:
    """Return the error for a file that is too large."""
    return DownloadError(f"the file is larger than {limit} bytes", asset=asset, retryable=False)
