"""Makes the local images of a session's requests fit, by option. Few images at once, and each image once."""

import logging
from collections import OrderedDict
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING

from attrs import frozen

from cometrunway._events import Subject, log_fields
from cometrunway._media._image_limits import Fit, ImageLimits
from cometrunway._media._inputs import LocalFile
from cometrunway._media._urls import shown

if TYPE_CHECKING:
    from cometrunway._media._shrink import Fitted

LOGGER = __name__
"""Its warnings say how images were changed."""
_logger = logging.getLogger(__name__)
_AT_ONCE = 2
"""The largest number of images whose pixels are in memory."""
_KEPT_BYTES = 32 * 1024 * 1024
"""The number of the latest images that are kept, because a batch often has one image in many shots."""
_MOST_TOLD = 100_000
"""The number of files whose change was reported and that are remembered."""


@frozen(kw_only=True, eq=False, repr=False)
class FittedFile:
    """The file that is sent for an image."""

    file: LocalFile
    note: str
    """The changes; empty if there are none, or if they were reported before."""


class ImageFit:
    """Changes the images of a session that do not fit.

    Args:
        fit: `shrink`, or None to change nothing.

    Raises:
        ValueError: `fit` is neither, or the extra `images` is missing.
    """

    def __init__(self, fit: Fit | None) -> None:
        if fit not in {None, "shrink"}:
            raise ValueError(f'fit must be "shrink" or None, got {shown(fit)}')
        self.fit = fit
        self._places = BoundedSemaphore(_AT_ONCE)
        self._lock = Lock()
        self._kept: OrderedDict[object, LocalFile] = OrderedDict()
        self._told: set[str] = set()
        if fit is not None:
            try:
                import cometrunway._media._shrink  # noqa: F401, PLC0415 - it needs the libraries of an extra
            except ImportError as error:
                raise ValueError(
                    f"fit=\"{fit}\" needs an extra: pip install 'cometrunway[images]' (there is no {error.name})"
                ) from error

    def fitted(self, file: LocalFile, digest: str, limits: ImageLimits, most_bytes: int | None) -> FittedFile:
        """Return an image that fits. Call it in a thread.

        Args:
            file: the image.
            digest: the digest of the image.
            limits: the limits of width and height.
            most_bytes: the largest size of the new file in bytes.

        Raises:
            ValueError: the image cannot be opened, or cannot be made to fit.
        """
        key = digest, limits, most_bytes
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return FittedFile(file=self._kept[key], note="")
        with self._places:
            from cometrunway._media._shrink import shrunk  # noqa: PLC0415 - it needs the libraries of an extra

            made = shrunk(file, limits, most_bytes=most_bytes)
        sent = LocalFile.of(made.content)
        with self._lock:
            self._kept[key] = sent
            while len(self._kept) > 1 and sum(kept.size for kept in self._kept.values()) > _KEPT_BYTES:
                self._kept.popitem(last=False)
            note = "" if digest in self._told else _note(file, made)
            if len(self._told) < _MOST_TOLD:
                self._told.add(digest)
        return FittedFile(file=sent, note=note)


def tell(note: str, subject: Subject) -> None:
    """Log the changes of an image."""
    _logger.warning("%s", note, extra=log_fields(subject))


def _note(file: LocalFile, made: "Fitted") -> str:
    was, size = (f"{width}x{height} pixels" for width, height in (made.was, made.size))
    return (
        f"local file {shown(file.source)} is sent {', '.join(made.done)}: of {was} and {file.size:,} bytes, "
        f"{size} and {len(made.content):,} bytes are sent"
    )
