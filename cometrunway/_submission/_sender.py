"""Sends the create of one submission, and again only if the answer before it proves that nothing was created."""

import asyncio
import math
import time
from functools import partial
from random import Random
from typing import Protocol

from cometrunway._callbacks._expected import ExpectedCallback
from cometrunway._events import EventEmitter, EventKind, Subject
from cometrunway._journal._protocol import JournalProtocol
from cometrunway._policies import RetryPolicy, asked_pause, is_transient
from cometrunway._submission._create_queue import CreateQueue
from cometrunway._submission._intent import Intent, Message, Preparation
from cometrunway._submission._patience import Patience
from cometrunway._submission._prepared_file import Prepared
from cometrunway._submission._shared_limits import CreatePlace
from cometrunway._submission._spending import Spending
from cometrunway._submission._uploads import Uploads
from cometrunway._task_group import BackgroundTasks
from cometrunway._tracebacks import drop_frames
from cometrunway._transport._api import Accepted, Api, Outcome, Refused
from cometrunway.errors import CometRunwayError, JournalError, RateLimitedError

_BETWEEN_CHECKS = 1.0
"""Seconds between two checks of a full disk."""


class Space(Protocol):
    """The disk for the files of submissions."""

    @property
    def is_full(self) -> bool:
        """Whether the disk was full at the last check."""

    async def has_space(self) -> bool:
        """Check the disk again, and return whether it has space."""

    async def is_exhausted(self, subject: Subject, error: CometRunwayError) -> bool:
        """Whether another write may have failed because this disk is full."""


class Sender:
    """Encodes creates, and sends each when it may be sent.

    Args:
        api: sends one request.
        retry: when to give up after refusals.
        rng: spreads the pauses between two requests.
        journal: knows whether another process may have taken a submission.
        spending: may stop all submissions.
        preparation: encodes requests.
        uploads: uploads the files of a request that are large.
        space: the disk for the files.
        background: of the session; while it is being closed nothing is sent.
        events: tells of each create that is sent again.
    """

    def __init__(
        self,
        *,
        api: Api,
        retry: RetryPolicy,
        rng: Random,
        journal: JournalProtocol,
        spending: Spending,
        preparation: Preparation,
        uploads: Uploads,
        space: Space,
        background: BackgroundTasks,
        events: EventEmitter,
    ) -> None:
        self._api = api
        self._retry = retry
        self._rng = rng
        self._journal = journal
        self._spending = spending
        self._preparation = preparation
        self._uploads = uploads
        self._space = space
        self._background = background
        self._events = events

    def check_is_open(self) -> None:
        """Check that something may be sent still; `RuntimeError` if the session is being closed."""
        if self._background.is_closing:
            raise RuntimeError("the Session was closed before this request was sent; nothing was submitted")

    async def wait_for_space(self) -> None:
        """Wait for free space for files; `RuntimeError` or `BudgetError` if nothing may be sent any more."""
        while self._space.is_full and not await self._space.has_space():
            self._check_may_leave()
            await self._background.pause(_BETWEEN_CHECKS)

    async def message(self, intent: Intent, files: Prepared) -> Message:
        """Encode the create. Large files are uploaded first."""
        uploads = {
            source: await self._uploads.uploaded(file, intent.reference)
            for source, file in files.items()
            if file.is_uploaded
        }
        uris = {source: upload.uri for source, upload in uploads.items()}
        return Message(
            request=await self._preparation.message(intent, files, uris),
            files=files,
            used_until=min((upload.used_until for upload in uploads.values()), default=math.inf),
        )

    async def send(
        self,
        intent: Intent,
        message: Message,
        place: CreatePlace,
        expected: ExpectedCallback,
    ) -> Outcome:
        """Send the create, and again only if the previous answer proves that nothing was created. Raises nothing."""
        patience = Patience(self._retry, self._rng)
        refusal: CometRunwayError | None = None
        try:
            while True:
                outcome = await self._sent_once(intent, message, place, expected, refusal)
                if expected.has_id:  # it was probably created
                    return outcome
                if not (isinstance(outcome, Refused) and isinstance(outcome.error, CometRunwayError)):
                    return outcome
                refusal = outcome.error
                pause = self._pause_after(refusal, patience, place.queue)
                if pause is None:
                    return outcome
                drop_frames(refusal)
                self._events.emit(EventKind.RETRYING, intent.reference, error=refusal)
                place.refused(refusal)
                await self._background.pause(pause)
                await place.take()
        except (CometRunwayError, RuntimeError, ValueError, asyncio.CancelledError) as error:
            return Refused(error)  # it was not sent, or it was refused

    async def _sent_once(
        self,
        intent: Intent,
        message: Message,
        place: CreatePlace,
        expected: ExpectedCallback,
        refusal: CometRunwayError | None,
    ) -> Outcome:
        """Send the create when its turn comes; `refusal` is the previous outcome."""
        queue = place.queue
        begun = await queue.turn(was_refused=isinstance(refusal, RateLimitedError), priority=intent.priority)
        outcome: Outcome | None = None
        try:
            await self.wait_for_space()
            if message.used_until < time.time():
                message = await self.message(intent, message.files)
            await place.turn()
            if refusal is not None:
                await expected.settled()
                if expected.has_id:
                    return Refused(refusal)
            await self._check_is_held(intent)
            self._check_may_leave()
            outcome = await self._api.create(message.request, may_begin=partial(self._may_leave, intent, expected))
            return outcome
        finally:
            match outcome:
                case Accepted():
                    queue.accepted(begun)
                case Refused(RateLimitedError() as error):
                    queue.refused(begun, asked_pause(error) or 0.0)
                case _:
                    queue.ended(begun)

    def _pause_after(self, error: CometRunwayError, patience: Patience, queue: CreateQueue) -> float | None:
        """Return the seconds to wait before the next turn of a refused create; None to give up."""
        if not is_transient(error):
            return None
        if not isinstance(error, RateLimitedError):
            return patience.next_pause()
        now = asyncio.get_running_loop().time()
        return 0.0 if patience.outlasts(now, queue.accepted_at, may_pass=self._background.has_waits) else None

    def _may_leave(self, intent: Intent, expected: ExpectedCallback) -> bool:
        if self._background.is_closing or self._spending.is_stopped or expected.has_id:
            return False
        return self._journal.is_held(intent.key or "")

    async def _check_is_held(self, intent: Intent) -> None:
        """Check that no other process has ended or repeated the submission, as while this one was stopped."""
        if not await self._journal.hold(intent.key or ""):
            error = JournalError(
                f"another process has ended or repeated the submission {intent.key!r}, while this one gave no sign of "
                "life; nothing was sent here"
            )
            error.retryable = True
            raise error

    def _check_may_leave(self) -> None:
        self.check_is_open()
        self._spending.check()
