"""What bounds the submissions of a session: unfinished tasks, creates under way, and submissions that wait."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from attrs import Attribute, field, frozen
from attrs.validators import optional

from cometrunway._handle import TaskFuture
from cometrunway._policies import whole
from cometrunway._submission._line import Places


def _whole(at_least: int) -> "Callable[[object, Attribute[Any], object], object]":
    return lambda _limits, attribute, value: whole(attribute.name, value, at_least=at_least)


@frozen(kw_only=True)
class Limits:
    """The limits as the user gave them; `ValueError` names one that is out of its range."""

    max_in_flight: int = field(validator=_whole(1))
    """How many tasks may be unfinished at once."""
    max_creates: int = field(validator=_whole(1))
    """How many creates may be under way at once."""
    max_waiting: int | None = field(validator=optional(_whole(0)))
    """How many submissions may wait at once; None is no limit."""


class NotSubmittedError(Exception):
    """A submission that its batch no longer wants, as its turn comes: what refused another would refuse it, too."""


class InFlightLimit(Places):
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
