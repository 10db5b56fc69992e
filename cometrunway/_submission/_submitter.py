"""Submits one request until its task is accepted. At most one create may be billed."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager, nullcontext, suppress
from functools import partial
from random import Random
from typing import Any, Protocol

from cometrunway._budget import Budget, checked_budget
from cometrunway._callbacks._expected import ExpectedCallback, ExpectedCallbacks
from cometrunway._callers import Caller
from cometrunway._events import EventEmitter, EventKind, log_fields
from cometrunway._handle import SubmissionReference, TaskFuture, TaskReference
from cometrunway._journal._entry import Entry, State
from cometrunway._journal._protocol import JournalProtocol
from cometrunway._media._hosts import is_this_machine
from cometrunway._policies import whole
from cometrunway._requests._routes import Request
from cometrunway._requests._shot import check_key, check_request
from cometrunway._submission._create_queue import CreateQueue, CreateQueues
from cometrunway._submission._existing import ExistingTasks, no_task
from cometrunway._submission._image_fit import tell
from cometrunway._submission._intent import Intent, Message, Preparation, Submission, check_same
from cometrunway._submission._limits import InFlightLimit, Limits, NotSubmittedError
from cometrunway._submission._line import WaitingLimit
from cometrunway._submission._sender import Sender, Space
from cometrunway._submission._shared_limits import CreatePlace, SharedLimits
from cometrunway._submission._spending import Spending, Spent
from cometrunway._task_group import BackgroundTasks, Role, is_cancelled
from cometrunway._transport._api import Accepted, Outcome, Refused, Unknown
from cometrunway._wire._provider import Provider
from cometrunway._wire._refusals import is_of_another_server
from cometrunway.errors import (
    AuthenticationError,
    BudgetError,
    CometRunwayError,
    InsufficientBalanceError,
    JournalError,
    JournalUnavailableError,
    OutcomeUnknownError,
    ProxyError,
    SubmissionQueueFullError,
    TLSError,
)

_logger = logging.getLogger(__name__)
_OF_ALL = (AuthenticationError, InsufficientBalanceError, JournalUnavailableError, ProxyError, TLSError)
"""Errors that would also refuse any other submission."""
_NOTHING = nullcontext()
"""The block of a submission without local files, or without a key."""
EMULATED = (
    "the journal has files of a server on this machine, such as an emulator; their keys count as paid for, and are not "
    "submitted: for files of the API use another journal, and another output_dir"
)


class EarlierFiles(Protocol):
    """Existing files whose keys may have been paid for before."""

    async def check(self, keyed: Iterable[tuple[str, str]]) -> None:
        """Check that no file is named after one of these keys, each with its route; else `KeyUsedError`."""


class Submitter:
    """Submits each request in its own asyncio task, so that nothing is lost if a caller is cancelled."""

    def __init__(
        self,
        *,
        sender: Sender,
        provider: Provider,
        rng: Random,
        journal: JournalProtocol,
        limits: Limits,
        spending: Spending,
        preparation: Preparation,
        callbacks: ExpectedCallbacks,
        existing: ExistingTasks,
        background: BackgroundTasks,
        events: EventEmitter,
        space: Space,
        earlier: EarlierFiles | None,
        shared_limits: SharedLimits | None,
    ) -> None:
        self._sender = sender
        self.provider = provider
        self._journal = journal
        self._spending = spending
        self._preparation = preparation
        self._callbacks = callbacks
        self._existing = existing
        self._background = background
        self._events = events
        self._space = space
        self._earlier = earlier
        self._shared_limits = shared_limits
        self._queues = CreateQueues(limits.max_creates, rng)
        background.on_closing(self.end_waits)
        self._under_way: dict[str, asyncio.Event] = {}
        self._has_accepted = False
        self.limits = limits
        self.in_flight = InFlightLimit(limits.max_in_flight)
        self._waiting = WaitingLimit(limits.max_waiting)

    async def submit(
        self,
        request: Request,
        key: str | None = None,
        *,
        priority: int = 0,
        budget: Budget | None = None,
        instead_of: Entry | None = None,
    ) -> TaskFuture:
        """Return the future of the request's task. The task is new, or was created before under the same key.

        Raises:
            APIError, TransportError: nothing was created.
            OutcomeUnknownError: the request was sent, now or before, and may have been accepted.
            KeyConflictError: the key belongs to another request; nothing was sent.
            JournalError: the journal cannot be written; nothing was sent.
            BudgetError: a budget is used up, or submitting was stopped; nothing was sent.
            KeyUsedError: the key may have been paid for before, and no journal knows it; nothing was sent.
            SubmissionQueueFullError: too many submissions are waiting; nothing was sent.
            RuntimeError: the session is being closed; nothing was sent.
            ValueError: a local file has changed.
        """
        check_request(request)
        if key is not None:
            check_key(key)
            await self.check_keys([(key, request.route)])
        submission = Submission(
            request=request,
            key=key,
            priority=whole("priority", priority),
            budget=checked_budget(budget),
            instead_of=instead_of,
            limit=self._waiting,
            caller=Caller.nearest(),
        )
        outcome = await (await self._started(submission))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def check_keys(self, keyed: Iterable[tuple[str, str]]) -> None:
        """Check that no key may have been paid for by an earlier run without a journal. Keys come with their routes."""
        if self._earlier is not None:
            await self._earlier.check(keyed)

    async def _started(self, submission: Submission) -> "asyncio.Future[TaskFuture | Exception]":
        """Start a submission when the in-flight limit allows it. Return a future of its outcome.

        A caller that is cancelled cancels only this future, as with `asyncio.shield`, and not the submission.
        """
        try:
            await self.in_flight.acquire(submission.priority, submission.limit)
        except SubmissionQueueFullError as error:
            self._announce(error, submission, begun_at=time.time())
            raise error.about(route=submission.request.route, key=submission.key)  # noqa: B904 - the same error
        outcome: asyncio.Future[TaskFuture | Exception] = asyncio.get_running_loop().create_future()
        try:
            self._background.start(
                self.outcome(submission),
                name=f"cometrunway create {submission.key}",
                role=Role.CREATE,
                on_end=partial(self._ended, outcome),
            )
        except BaseException:
            self.in_flight.release()
            raise
        return outcome

    def _ended(self, outcome: "asyncio.Future[TaskFuture | Exception]", task: "asyncio.Task[Any]") -> None:
        """Pass the outcome of a submission on to its caller, unless the caller was cancelled."""
        if task.cancelled():
            outcome.cancel()
        elif not outcome.done():
            if (bug := task.exception()) is None:
                outcome.set_result(task.result())
            else:
                outcome.set_exception(bug)
        self.in_flight.release_after(task)

    async def outcome(self, submission: Submission) -> TaskFuture | Exception:
        """Make one submission. Run it in a task of `Role.CREATE`, so that it continues if its caller is cancelled.

        Return the error if there is no task, because an exception would end the session's task group. If the submission
        is no longer wanted when its turn comes, the error is `NotSubmittedError`.
        """
        begun_at = time.time()
        try:
            return await self._submit(submission)
        except Exception as error:
            if isinstance(error, CometRunwayError):
                error.about(route=submission.request.route, key=submission.key)
            self._announce(error, submission, begun_at=begun_at)
            if isinstance(error, OutcomeUnknownError) and is_cancelled():
                raise asyncio.CancelledError from error
            return error

    def end_waits(self) -> None:
        """End the wait of every queued create, so that it checks at once whether it may still be sent."""
        self._queues.open()

    @property
    def pace(self) -> float | None:
        """The creates per second of the queues that wait for the gateway's limits; None if none waits."""
        paces = list(self._queues.paces(asyncio.get_running_loop().time()))
        return sum(paces) if paces else None

    def is_under_way(self, key: str) -> bool:
        """Whether a submission with this key is being made now."""
        return key in self._under_way

    async def find(self, key: str) -> TaskFuture | None:
        """Return the future of the journal's entry with a key. Wait while a submission with this key is being made."""
        entry = await self._journal.find(key)
        while entry is not None and (under_way := self._under_way.get(entry.key)) is not None:
            await under_way.wait()
            entry = await self._journal.find(key)
        return None if entry is None else await self._existing.take_up(entry)

    async def ended(self, key: str) -> TaskFuture | None:
        """Return the future of the journal's ended entry with a key; None if it is unfinished or unknown."""
        entry = await self._journal.find(key)
        return None if entry is None or self.is_under_way(entry.key) else await self._existing.ended(entry)

    def refuses_all(self, error: BaseException) -> bool:
        """Whether an error would also refuse all other submissions. With a journal, known entries need no budget.

        An answer of another server, or a path that is missing, shows a wrong base URL only if none was accepted before.
        """
        if isinstance(error, BudgetError):
            return self._spending.is_stopped or not self._journal.keeps_entries
        answer = error.__cause__ if isinstance(error, OutcomeUnknownError) else error
        if is_of_another_server(answer):
            return not self._has_accepted and getattr(error, "route", None) in self.provider.routes
        return isinstance(error, _OF_ALL)

    async def _submit(self, submission: Submission) -> TaskFuture:
        """Prepare one submission when its turn comes, and make it."""
        request, has_files = submission.request, bool(submission.request.local_files)
        queue = self._queues.of(request.route, getattr(request, "model", ""))
        files = self._files(queue, submission) if has_files else _NOTHING
        async with files, queue.place(submission.priority, submission.limit):
            self._sender.check_is_open()
            if not submission.is_wanted():
                raise NotSubmittedError
            intent = await self._preparation.intent(submission)
            async with self._one_at_a_time(intent.key) if intent.key else _NOTHING:
                with self._spending.of(request, submission.budget) as spent:
                    return await self._made(submission, intent, queue, spent)

    @asynccontextmanager
    async def _files(self, queue: CreateQueue, submission: Submission) -> AsyncIterator[None]:
        """Limit the creates that hold local files in memory."""
        await queue.files.acquire(submission.priority, submission.limit)
        try:
            yield
        finally:
            queue.files.release()

    async def _made(self, submission: Submission, intent: Intent, queue: CreateQueue, spent: Spent) -> TaskFuture:
        """Begin, send and record the submission; or use the entry that has its key already."""
        instead_of = submission.instead_of
        standing = await self._known(intent, spent) if instead_of is None else None
        if self._is_resubmitted(standing, submission):
            instead_of, standing = standing, None
        if standing is not None:
            return await self._taken_up(standing, intent)
        message = await self._message(intent, spent)
        async with CreatePlace(queue, self._shared_limits, self._background) as place:
            standing = await self._begin(intent, instead_of, spent)
            if self._is_resubmitted(standing, submission):
                instead_of, standing = standing, await self._begin(intent, standing, spent)
            if standing is not None:
                return await self._taken_up(standing, intent)
            expected = self._callbacks.expect(intent.callback_path, key=intent.key, submitted_at=intent.submitted_at)
            sent = await self._sender.send(intent, message, place, expected)
        outcome = await self._checked(sent, intent.key, expected)
        if expected.task is not None or not isinstance(outcome, Refused):
            spent.keep()
            self._forget_callbacks_of(instead_of)
        confirmed = await self._confirmed(intent, outcome, expected)
        if confirmed is not None:
            return confirmed
        match outcome:
            case Accepted(task_id):
                return await self._accepted(intent, task_id, expected)
            case Unknown(error):
                with suppress(asyncio.CancelledError):  # without this record the entry is in doubt as well
                    await _if_possible(self._journal.doubt(intent.key or "", str(error)), intent)
                expected.doubted()
            case Refused(error):
                expected.forget()
                await _if_possible(self._nothing_created(intent, error, instead_of), intent)
        raise _about(error, intent)

    @asynccontextmanager
    async def _one_at_a_time(self, key: str) -> AsyncIterator[None]:
        """Allow only one submission with a key at a time."""
        while (under_way := self._under_way.get(key)) is not None:
            await under_way.wait()
        self._under_way[key] = asyncio.Event()
        try:
            yield
        finally:
            self._under_way.pop(key).set()

    async def _known(self, intent: Intent, spent: Spent) -> Entry | None:
        """Return the entry with the key, if it must be known before a budget, the disk or a file is used."""
        must_be_known = intent.digests or spent.is_limited or self._space.is_full or self._shared_limits is not None
        if intent.entry is None or not must_be_known:
            return None
        standing = await self._journal.find(intent.entry.key)
        return None if standing is None or standing.state is State.REFUSED else standing

    def _is_resubmitted(self, standing: Entry | None, submission: Submission) -> bool:
        """Whether the existing entry did not succeed and the user has decided to submit it again."""
        if standing is None or not standing.is_unsuccessful or not submission.resubmits(standing):
            return False
        self._existing.check_provider(standing)
        return True

    async def _message(self, intent: Intent, spent: Spent) -> Message:
        """Encode the create. Its files are uploaded before it is recorded, because an upload cannot be in doubt."""
        files = await self._preparation.files(intent)
        for note in filter(None, (file.note for file in files.values())):
            tell(note, intent.reference)
        if any(file.is_uploaded for file in files.values()):
            self._sender.check_is_open()
            spent.take()
        return await self._sender.message(intent, files)

    async def _begin(self, intent: Intent, instead_of: Entry | None, spent: Spent) -> Entry | None:
        """Record that the create is about to be sent, if it may be; or return the entry that has its key already."""
        if instead_of is not None and intent.entry is not None:
            check_same(instead_of, intent.entry)
        while True:
            await self._sender.wait_for_space()
            try:
                return await self._begun(intent, instead_of, spent)
            except JournalUnavailableError as error:
                spent.give_back()
                if not await self._space.is_exhausted(intent.reference, error):
                    raise

    async def _begun(self, intent: Intent, instead_of: Entry | None, spent: Spent) -> Entry | None:
        spent.take()
        if intent.entry is None:
            return None
        if instead_of is None:
            standing = await self._journal.begin(intent.entry)
            if standing is not None:
                spent.give_back()
            return standing
        if not await self._journal.again(instead_of, submitted_at=intent.submitted_at):
            raise ValueError(f"the submission {instead_of.key!r} was changed in the meantime; nothing was sent")
        return None

    async def _checked(self, outcome: Outcome, key: str | None, expected: ExpectedCallback) -> Outcome:
        """Return the outcome. If a callback contradicts it, or its id belongs to another create, it is in doubt."""
        if not isinstance(outcome, Accepted):
            with suppress(asyncio.CancelledError):  # an unconfirmed id stays in doubt
                await expected.settled()
            return _contradicted(outcome, expected) if isinstance(outcome, Refused) else outcome
        other = self._existing.claim(outcome.task_id, key)
        if other is None:
            return outcome
        return Unknown(
            OutcomeUnknownError(
                f"the answer to the create has the id {outcome.task_id!r}, which belongs to {other}. The create's own "
                "task is not known; it may exist and be billed. It was not sent again: read the gateway's log, then "
                "resolve it with the id of its own task, or resubmit it"
            )
        )

    def _forget_callbacks_of(self, replaced: Entry | None) -> None:
        """Ignore callbacks for an entry that another submission has replaced."""
        if replaced is not None:
            self._callbacks.forget(self._callbacks.path(replaced.key, replaced.submitted_at))

    async def _confirmed(self, intent: Intent, outcome: Outcome, expected: ExpectedCallback) -> TaskFuture | None:
        """Return the future of a task whose callback came before or instead of the create's answer; None if none came.

        The API has confirmed this task. A later answer that refuses the create is ignored.
        """
        if expected.task is None:
            return None
        if isinstance(outcome, Accepted) and outcome.task_id != expected.task[1]:
            return None
        standing = await self._journal.find(intent.key or "")
        return None if standing is None or standing.is_in_doubt else await self._taken_up(standing, intent)

    async def _accepted(self, intent: Intent, task_id: str, expected: ExpectedCallback) -> TaskFuture:
        self._has_accepted = True
        reference = TaskReference(
            id=task_id,
            route=intent.request.route,
            key=intent.key,
            created_at=time.time(),
            provider=self.provider.name,
        )
        future = self._existing.watch_new(  # before it is recorded, so that it cannot be lost
            reference, intent.request, submitted_at=intent.submitted_at, has_callback=bool(expected.path)
        )
        if expected.path:
            expected.accepted(reference.route, task_id)
            future.add_done_callback(lambda _: expected.forget())
        token = reference.to_token() if self._journal.keeps_entries else ""
        try:
            await self._journal.accept(intent.key or "", task_id=task_id, created_at=reference.created_at, token=token)
        except JournalError as error:
            if isinstance(error, JournalUnavailableError) and await self._space.is_exhausted(reference, error):
                return future  # the id is kept, and recorded as soon as the disk has free space
            error.token = token
            raise error.about(route=reference.route, task_id=task_id, key=intent.key)  # noqa: B904 - the same error
        return future

    async def _nothing_created(self, intent: Intent, error: BaseException, instead_of: Entry | None) -> None:
        if instead_of is None:
            await self._journal.refuse(intent.key or "", str(error) or "the Session was left")
        else:  # the outcome of the previous submission is as unknown as before
            await self._journal.reinstate(instead_of)

    async def _taken_up(self, standing: Entry, intent: Intent) -> TaskFuture:
        assert intent.entry is not None  # noqa: S101 - the standing entry was found by this entry
        is_recorded = self._journal.keeps_entries
        check_same(standing, intent.entry, owner="in the journal" if is_recorded else "of this session")
        if standing.is_in_doubt:
            raise no_task(standing, is_recorded=is_recorded)
        if standing.is_emulated and not is_this_machine(self._preparation.api_host):
            intent.caller.warn(EMULATED, RuntimeWarning)
        return await self._existing.take_up(standing, intent.request)

    def _announce(self, error: Exception, submission: Submission, *, begun_at: float) -> None:
        """Report to the observer why a submission has no task."""
        if getattr(error, "task_id", None) or not isinstance(error, CometRunwayError | ValueError):
            return  # there is a task, and it is polled; or the session was closed
        kind = EventKind.REFUSED
        key = getattr(error, "key", None) or submission.key
        reference = SubmissionReference(request=submission.request, key=key, begun_at=begun_at)
        if isinstance(error, OutcomeUnknownError):
            kind = EventKind.IN_DOUBT
            _logger.warning("%s", error, extra=log_fields(reference))
        self._events.emit(kind, reference, error=error)


def _contradicted(outcome: Refused, expected: ExpectedCallback) -> Outcome:
    """Return a refusal; a doubt if a callback supplied an id that is neither confirmed nor excluded."""
    if expected.task is not None or expected.claimed_id is None:
        return outcome
    unknown = OutcomeUnknownError(
        f"the create was refused ({outcome.error}), and a callback supplied the id {expected.claimed_id!r}, which "
        "could not be confirmed: the task may exist and be billed; it was not sent again"
    )
    unknown.__cause__ = outcome.error
    return Unknown(unknown)


def _about(error: BaseException, intent: Intent) -> BaseException:
    if isinstance(error, CometRunwayError):
        return error.about(route=intent.request.route, key=intent.key)
    return error


async def _if_possible(change: Awaitable[None], intent: Intent) -> None:
    # If this fails, the entry remains "submitting", which means in doubt. Nothing is submitted twice.
    try:
        await change
    except JournalError as error:
        fields = log_fields(intent.reference)
        _logger.error("%s", error, extra=fields)  # noqa: TRY400 - the caller raises what matters
