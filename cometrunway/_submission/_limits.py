"""The limits of a session's submissions: unfinished tasks, creates under way, and waiting submissions."""

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
    """The limits that the user gave. A `ValueError` names a limit that is out of range."""

    max_in_flight: int = field(validator=_whole(1))
    """The largest number of unfinished tasks."""
    max_creates: int = field(validator=_whole(1))
    """The largest number of creates under way."""
    max_waiting: int | None = field(validator=optional(_whole(0)))
    """The largest number of waiting submissions; None is no limit."""


class NotSubmittedError(Exception):
    """A submission is not sent, because the refusal of another submission of its batch applies to it, too."""


class InFlightLimit(Places):
    """How many tasks may be unfinished at once."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        # All waiters share one callback and one context, because each object makes the garbage collector slower.
        self._context = copy_context()
        self._release = lambda _future: self.release()

    def release_after(self, submission: "asyncio.Task[TaskFuture | Exception]") -> None:
        """Release a place when the submission's task has ended, or when there is no task."""
        outcome = None if submission.cancelled() or submission.exception() else submission.result()
        if isinstance(outcome, TaskFuture):
            outcome.add_done_callback(self._release, context=self._context)
        else:
            self.release()
