"""What bounds the submissions of a session: unfinished tasks, creates under way, and creates that may be billed."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from attrs import Attribute, field, frozen
from attrs.validators import optional

from cometrunway._handle import TaskFuture
from cometrunway.errors import BudgetError


def _whole(least: int) -> Callable[[object, "Attribute[Any]", Any], None]:
    def check(_limits: object, attribute: "Attribute[Any]", value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{attribute.name} must be a whole number of at least {least}, got {value!r}")

    return check


@frozen(kw_only=True)
class Limits:
    """The limits as the user gave them; `ValueError` names one that is out of its range."""

    max_in_flight: int = field(validator=_whole(1))
    """How many tasks may be unfinished at once."""
    max_creates: int = field(validator=_whole(1))
    """How many creates may be under way at once."""
    budget: int | None = field(validator=optional(_whole(0)))
    """How many creates may be accepted, or be in doubt; None is no limit."""


class NotSubmittedError(Exception):
    """A submission that its batch no longer wants, as its turn comes: what refused another would refuse it, too."""


class InFlightLimit(asyncio.Semaphore):
    """How many tasks may be unfinished at once."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        # One callback and one context serve all that wait: the pauses of the garbage collector grow with every object.
        self._context = copy_context()
        self._release = lambda _future: self.release()

    def release_after(self, submission: "asyncio.Task[TaskFuture | Exception]") -> None:
        """Release once the submission's task has ended, or as soon as there is none."""
        outcome = None if submission.cancelled() else submission.result()
        if isinstance(outcome, TaskFuture):
            outcome.add_done_callback(self._release, context=self._context)
        else:
            self.release()


class CreateBudget:
    """Counts creates before they leave, those that are accepted or in doubt: at most `limit`; None is no limit."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._spent = 0
        self.is_stopped = False
        """Whether nothing more may be submitted."""

    @property
    def is_limited(self) -> bool:
        """Whether it can be used up."""
        return self._limit is not None or self.is_stopped

    def take(self) -> None:
        """Count one create; `BudgetError` if there may be no more."""
        self.check()
        if self._limit is not None and self._spent >= self._limit:
            raise BudgetError(f"the budget of {self._limit} creates is used up; nothing was sent")
        self._spent += 1

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Count one create; count it back if the block raises."""
        self.take()
        try:
            yield
        except BaseException:
            self.give_back()
            raise

    def give_back(self) -> None:
        """Count one less: it was refused, or not sent."""
        self._spent -= 1

    def stop(self) -> None:
        """Let nothing more be submitted."""
        self.is_stopped = True

    def check(self) -> None:
        """Make sure that what was counted may still leave; else `BudgetError`."""
        if self.is_stopped:
            raise BudgetError("submitting was stopped; nothing was sent")
