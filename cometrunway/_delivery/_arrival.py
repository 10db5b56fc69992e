"""From the bytes of an answer to a file that is known to be whole. Blocking: called in worker threads."""

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
"""Bytes that one call writes, or a few more."""


@define(kw_only=True)
class Arrival:
    """One body on its way into a part file: decoded, counted, digested, and in the end verified.

    Every method raises `DownloadError`.
    """

    asset: Asset
    part: PartFile
    limit: int
    """Bytes beyond which a file is refused, once decoded."""
    length: int | None
    """How many bytes the file has if it is sent as it is, where that is stated."""
    body: EncodedBody
    _decoded: Iterator[bytes] | None = field(default=None, init=False)
    _sent: "dict[str, hashlib._Hash]" = field(init=False)

    def __attrs_post_init__(self) -> None:
        stated = self.part.origin.stated if self.body else ()
        self._sent = {name: new_digest(name) for name, _ in stated}

    def write(self, chunks: Sequence[bytes]) -> None:
        """Take what came; what it becomes once decoded may be far more, and is then written in several calls."""
        block = b"".join(chunks)
        for digest in self._sent.values():
            digest.update(block)
        self._decoded = self.body.decoded(block)
        self.write_more()

    @property
    def has_more(self) -> bool:
        """Whether `write_more` has something to write."""
        return self._decoded is not None

    def write_more(self) -> None:
        """Write some megabytes, or all that is left: a thread that is waited for has to end."""
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
        """Return what the file is, if it is whole: to the end of its kind, or, where its kind has none, of its body."""
        self._decoded = self.body.rest()
        while self.has_more:
            self.write_more()
        media = self._recognised()
        if not is_whole(self.part.file, media.media_type):
            self.part.file.seek(0, os.SEEK_END)
            raise self._refused(f"the {media.media_type} ends too early, after {self.part.size} bytes", anew=False)
        if not (tells_its_end(media.media_type) or self.body.was_decoded or self.part.size == self.length):
            raise self._refused(f"what came is {media.media_type} of a length that the host does not state")
        wrong = differing(self.part.origin.stated, [self.part.digests, *([self._sent] if self._sent else [])])
        if wrong is not None:
            raise self._refused(
                f"the bytes that came ({media.media_type}, {self.part.size} bytes) differ from the {wrong} digest that "
                "the host states"
            )
        return media

    def _recognised(self) -> MediaType:
        self.part.file.flush()
        self.part.file.seek(0)
        first = self.part.file.read(BEGINNING)
        self.part.file.seek(0, os.SEEK_END)
        media = recognise(first)
        if media is None and self.body.needs is not None and not self.body.was_decoded:
            cure = f"install {self.body.needs}" if self.body.needs else "the host has to send it as it is"
            raise self._refused(f"the file comes in an encoding that cannot be undone here: {cure}", retryable=False)
        if media is None and is_text(first):
            _logger.debug("GET %s: a text that begins with %r", without_query(self.asset.url), first[:60])
            raise self._refused(f"what came is no image or video but text, {self.part.size} bytes")
        return media or UNKNOWN

    def _refused(self, reason: str, *, anew: bool = True, retryable: bool = True) -> DownloadError:
        if anew:
            self.part.restart()
        return DownloadError(reason, asset=self.asset, retryable=retryable)


def too_large(asset: Asset, limit: int) -> DownloadError:
    """Return the error of a file that is refused for its size."""
    return DownloadError(f"the file is larger than {limit} bytes", asset=asset, retryable=False)
