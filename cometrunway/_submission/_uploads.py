"""Uploads local files. Each content is uploaded once in a session, before the submissions that need it are sent."""

import asyncio
import time
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Protocol

from attrs import frozen

from cometrunway._events import EventEmitter, EventKind, Subject
from cometrunway._media._inputs import LocalFile
from cometrunway._media._urls import shown
from cometrunway._submission._prepared_file import PreparedFile
from cometrunway._task_group import BackgroundTasks, result_of
from cometrunway._wire._provider import Provider
from cometrunway.errors import (
    AuthenticationError,
    CometRunwayError,
    InsufficientBalanceError,
    ProxyError,
    TLSError,
    UploadError,
)

_AT_ONCE = 4
"""The largest number of uploads under way, because all share one network connection."""
_USED_FOR = 0.9
"""An upload is used only for this part of its valid time, because a create may wait at the provider."""
_REMEMBERED = 1_000
"""The largest number of remembered uploads. The oldest is forgotten first, and its file would be uploaded again."""
_STEP = 0.05
"""The part of a file after which its progress is reported again."""
_AS_THEY_ARE = (AuthenticationError, InsufficientBalanceError, ProxyError, TLSError)
"""Errors that would refuse any submission."""


Progress = Callable[[int], None]
"""Called with the number of bytes of a file that were sent so far."""


class Upload(Protocol):
    """Uploads a file and returns its URI."""

    async def __call__(self, file: LocalFile, *, digest: str, on_progress: Progress) -> str: ...


@frozen(eq=False, repr=False)
class Uploaded:
    """An uploaded file."""

    uri: str
    """The URI of the file at the provider."""
    used_until: float
    """The time until which the URI may be sent: wall-clock seconds since 1970."""


class Uploads:
    """The uploads of a session, by the digests of the sent files."""

    def __init__(
        self, *, upload: Upload, provider: Provider, background: BackgroundTasks, events: EventEmitter
    ) -> None:
        self._upload = upload
        self._seconds = provider.upload_seconds * _USED_FOR
        self._background = background
        self._events = events
        self._by_digest: dict[str, asyncio.Task[Uploaded | Exception]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def uploaded(self, file: PreparedFile, subject: Subject) -> Uploaded:
        """Return the upload of a file. It is made now, or was made before by any submission of the session.

        Args:
            file: the file.
            subject: the submission that its events name. If several submissions need the file, it is the first.

        Raises:
            CometRunwayError: the upload failed.
            ValueError: the file has changed.
            RuntimeError: the session is being closed.
        """
        work = self._standing(file.sent_digest)
        if work is None:
            work = self._background.start(self._outcome(file, subject), name=f"cometrunway upload {subject.key}")
            self._remember(file.sent_digest, work)
        closed = "the Session was closed before this request was sent; nothing was submitted"
        outcome = await result_of(work, closed=closed)
        if isinstance(outcome, Exception):
            raise copy(outcome) from outcome.__cause__  # each submission adds its own key
        return outcome

    def _standing(self, digest: str) -> "asyncio.Task[Uploaded | Exception] | None":
        """Return the asyncio task that uploads or has uploaded a file, if its result can still be used."""
        work = self._by_digest.get(digest)
        if work is None or not work.done():
            return work
        outcome = None if work.cancelled() else work.result()
        is_usable = isinstance(outcome, Uploaded) and time.time() < outcome.used_until
        return work if is_usable else None

    def _remember(self, digest: str, work: "asyncio.Task[Uploaded | Exception]") -> None:
        self._by_digest.pop(digest, None)
        self._by_digest[digest] = work
        if len(self._by_digest) > _REMEMBERED:
            del self._by_digest[next(iter(self._by_digest))]

    async def _outcome(self, file: PreparedFile, subject: Subject) -> Uploaded | Exception:
        try:
            async with self._places:
                used_until = time.time() + self._seconds
                tell = _teller(partial(self._events.emit, EventKind.UPLOADING, subject), file.sent.size)
                uri = await self._upload(file.sent, digest=file.sent_digest, on_progress=tell)
        except ValueError as error:
            return error
        except CometRunwayError as error:
            return error if isinstance(error, _AS_THEY_ARE) else _failure(error, file.sent)
        return Uploaded(uri, used_until)


def _teller(emit: Callable[..., None], size: int) -> Progress:
    """Return a function that reports how much of a file was sent: at the start, at the end, and at each twentieth."""
    told = 0

    def tell(sent: int) -> None:
        nonlocal told
        if sent == size or abs(sent - told) >= size * _STEP:
            told = sent
            emit(progress=sent / size)

    emit(progress=0.0)
    return tell


def _failure(error: CometRunwayError, file: LocalFile) -> UploadError:
    failure = UploadError(
        f"local file {shown(file.source)} could not be uploaded, and nothing was submitted: {error}",
        retryable=error.retryable,
    )
    failure.__cause__ = error
    return failure
