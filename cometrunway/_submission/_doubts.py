"""Submissions in doubt: they are read from the journal, and resolved by the user or a callback."""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from attrs import evolve, frozen

from cometrunway._callbacks._expected import ExpectedCallback
from cometrunway._handle import TaskFuture
from cometrunway._journal._entries import Entries
from cometrunway._journal._entry import DOUBTFUL, Entry, State
from cometrunway._journal._protocol import JournalProtocol
from cometrunway._requests._routes import Request
from cometrunway._submission._existing import ExistingTasks
from cometrunway._task_group import BackgroundTasks
from cometrunway._tasks import Task
from cometrunway._wire._encode import poll_request
from cometrunway._wire._identity import is_complete
from cometrunway._wire._mapping import request_again
from cometrunway.errors import JournalError

_logger = logging.getLogger(__name__)


class Submissions(Protocol):
    """Submits once more."""

    def is_under_way(self, key: str) -> bool:
        """Whether a submission with this key is being made now."""

    async def submit(self, request: Request, key: str | None = None, *, instead_of: Entry | None = None) -> TaskFuture:
        """Submit a request instead of the entry that stands under its key; return its task's future."""


@frozen(kw_only=True, eq=False, repr=False)
class Doubts:
    """The submissions in doubt of one journal."""

    journal: JournalProtocol
    submitter: Submissions
    existing: ExistingTasks
    background: BackgroundTasks
    retrieve: Callable[[str, str], Awaitable[Task]]
    """Asks the API for the state of the task with this route and id."""

    async def entries(self) -> Entries:
        """Return the submissions in doubt, without those that are being submitted now."""
        is_under_way = self.submitter.is_under_way
        return Entries([entry async for entry in self.journal.entries(DOUBTFUL) if not is_under_way(entry.key)])

    async def resolve(self, key: str, *, task_id: str) -> TaskFuture:
        """Record that the submission was accepted, and return its task's future; `ValueError` if it is not in doubt."""
        entry = await self._doubtful(key)
        poll_request(entry.route, task_id)  # an invalid id is an error here, and not in a later poll
        recorded = await self.journal.key_of(task_id)
        other = _other(recorded, entry.key) or self.existing.claim(task_id, entry.key, is_told=True)
        if other is not None:
            raise ValueError(f"the id {task_id!r} belongs to {other}; give the id of the task of {key!r}")
        await self.journal.accept(entry.key, task_id=task_id, created_at=None)
        return await self.existing.take_up(evolve(entry, task_id=task_id, state=State.ACCEPTED))

    async def confirm(self, expected: ExpectedCallback, task_id: str) -> TaskFuture | None:
        """Ask the API about the id that a callback supplied, then record that the submission was accepted.

        Return the future of its task; None if the submission is not in doubt, was submitted again, or if the id belongs
        to another submission.

        Raises:
            CometRunwayError: the API does not know the id or does not answer, or there is no journal. The submission
                remains in doubt.
        """
        if not self.journal.keeps_entries:
            raise JournalError(f"there is no journal to record it; attach the task by its id {task_id!r}")
        entry = await self._still_open(expected)
        if entry is None:
            return None
        self.existing.check_provider(entry)
        await self.retrieve(entry.route, task_id)
        recorded = await self.journal.key_of(task_id)
        entry = await self._still_open(expected)
        if entry is None or expected.task is not None:  # its create was answered meanwhile
            return None
        other = _other(recorded, entry.key) or self.existing.claim(task_id, entry.key)
        if other is not None:
            _logger.warning("a callback of %r supplied the id of %s: it is in doubt as before", entry.key, other)
            return None
        try:
            await self.journal.accept(entry.key, task_id=task_id, created_at=entry.submitted_at)
        except JournalError as error:
            _logger.error("%s", error)  # noqa: TRY400 - the id is kept, and recorded later
        expected.accepted(entry.route, task_id)
        if self.background.is_closing:
            return None
        accepted = evolve(entry, task_id=task_id, state=State.ACCEPTED, created_at=entry.submitted_at)
        return await self.existing.take_up(accepted)

    async def _still_open(self, expected: ExpectedCallback) -> Entry | None:
        """Return the entry of the callbacks if it is still in doubt and of the same submission; else None."""
        entry = await self.journal.find(expected.key or "")
        is_open = entry is not None and entry.is_in_doubt and entry.submitted_at == expected.submitted_at
        return entry if is_open else None

    async def resubmit(self, key: str, request: Request | None) -> TaskFuture:
        """Submit again a submission that is in doubt, failed or cancelled. Return the future of its task.

        Raises:
            ValueError: no submission with this key is in doubt, failed or cancelled, or the request is needed.
            KeyConflictError: `request` differs from the request of this key.
        """
        entry = await self._doubtful(key, or_ended=True)
        if request is None:
            if not is_complete(entry.request):
                raise ValueError(f"the journal has only a digest of a file or URL of {key!r}: give the request again")
            request = request_again(entry.request)
        return await self.submitter.submit(request, entry.key, instead_of=entry)

    async def _doubtful(self, key: str, *, or_ended: bool = False) -> Entry:
        entry = await self.journal.find(key)
        if entry is None:
            raise ValueError(f"the journal has no submission with the key {key!r}")
        self.existing.check_provider(entry)
        is_doubtful = entry.is_in_doubt and not self.submitter.is_under_way(entry.key)
        if not (is_doubtful or entry.has_reported_id) and not (or_ended and entry.is_unsuccessful):
            raise ValueError(f"the submission {key!r} is not in doubt: it is {entry.state.value}")
        return entry


def _other(recorded: str | None, key: str) -> str | None:
    """Return a text about another submission that has this id in the journal; None if there is none."""
    return None if recorded in (None, key) else f"the submission {recorded!r}"
