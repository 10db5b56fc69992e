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
    """The limits as the user gave them; `ValueError` names one that is out of its range."""

    max_in_flight: int = field(validator=_whole(1))
    """How many tasks may be unfinished at once."""
    max_creates: int = field(validator=_whole(1))
    """How many creates may be under way at once."""
    max_waiting: int | None = field(validator=optional(_whole(0)))
    """How many submissions may wait at once; None is no limit."""


class NotSubmittedError(Exception):
    """A submission of a batch is not sent, because the refusal of another one would refuse it too."""


class InFlightLimit(Places):
    """How many tasks may be unfinished at once."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        # All waiters share one callback and one context, because the garbage collector's pauses grow with every object.
        self._context = copy_context()
        self._release = lambda _future: self.release()

    def release_after(self, submission: "asyncio.Task[TaskFuture | Exception]") -> None:
        """Release the place when the submission's task has ended, or when there is none."""
        outcome = None if submission.cancelled() else submission.result()
        if isinstance(outcome, TaskFuture):
            outcome.add_done_callback(self._release, context=self._context)
        else:
            self.release()
