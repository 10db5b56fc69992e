"""Processes a post. A post is only a hint; the API's answer to a poll decides."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from cometrunway._callbacks._expected import ExpectedCallback, ExpectedCallbacks
from cometrunway._callbacks._paths import LENGTH
from cometrunway._handle import TaskFuture
from cometrunway._task_group import BackgroundTasks
from cometrunway._tasks import Task
from cometrunway._wire._decode import decode_callback
from cometrunway.errors import CometRunwayError, ProtocolError

_logger = logging.getLogger(__name__)
_MOST_WAITING = 256
"""The largest number of posts that wait for the event loop of the session."""
_MOST_UNKNOWN = 1000
"""The largest number of posts to unknown paths that are kept, a few hundred bytes each."""
Confirm = Callable[[ExpectedCallback, str], Awaitable[TaskFuture | None]]
"""Asks the API whether a submission in doubt has become the task with this id. If so, the submission is accepted."""


class Hint(Protocol):
    """Polls a task as soon as possible. The poll scheduler implements it."""

    def __call__(self, route: str, task_id: str, /, *, announces_end: bool) -> None: ...


class CallbackPosts:
    """Processes the posts for an open session, in the event loop of the session."""

    def __init__(
        self,
        *,
        expected: ExpectedCallbacks,
        hint: Hint,
        confirm: Confirm,
        background: BackgroundTasks,
        keeps_unknown: bool = False,
    ) -> None:
        self._expected = expected
        self._hint = hint
        self._confirm = confirm
        self._background = background
        self._loop = asyncio.get_running_loop()
        self._waiting = 0
        self._keeps_unknown = keeps_unknown
        self._unknown: OrderedDict[str, Task | None] = OrderedDict()
        """The latest post to each unknown path: of a shared journal, a path may be that of another process's create."""

    def take(self, path: str, body: bytes) -> None:
        """Process a post. Ignore a post to an unknown path, or keep it for `take_again`."""
        expected = self._expected.find(path)
        if expected is None:
            self._keep(path, body)
        elif expected.admits(self._loop.time()):
            self._act(expected, _decoded(body))

    def take_again(self) -> None:
        """Process the kept posts whose paths are known by now."""
        for path, task in tuple(self._unknown.items()):
            expected = self._expected.find(path)
            if expected is not None:
                del self._unknown[path]
                self._act(expected, task)

    def _keep(self, path: str, body: bytes) -> None:
        if self._keeps_unknown and len(path) == LENGTH:
            self._unknown[path] = _decoded(body)
            self._unknown.move_to_end(path)
            if len(self._unknown) > _MOST_UNKNOWN:
                self._unknown.popitem(last=False)

    def take_soon(self, path: str, body: bytes) -> bool:
        """Process a post after its sender has the answer. May be called from any thread.

        Return False for a post that is dropped, because the session's event loop is closed or too many posts wait.
        """
        if self._waiting >= _MOST_WAITING:
            return False
        try:
            self._loop.call_soon_threadsafe(self._take_waiting, path, body)
        except RuntimeError:  # the event loop is closed
            return False
        self._waiting += 1
        return True

    def _take_waiting(self, path: str, body: bytes) -> None:
        self._waiting -= 1
        self.take(path, body)

    def _act(self, expected: ExpectedCallback, task: Task | None) -> None:
        if expected.task is not None:
            self._hint(*expected.task, announces_end=task is not None and task.status.is_terminal)
            return
        if not expected.is_in_doubt:
            expected.later(partial(self._act, expected, task))
        if task is None or not (expected.is_in_doubt or task.status.is_terminal):
            return  # the answer to the create has not arrived yet
        expected.claimed_id = task.id
        if expected.confirming is None and not self._background.is_closing:
            name = f"cometrunway callback of {task.id}"
            expected.confirming = self._background.start(self._confirmed(expected, task.id), name=name)

    async def _confirmed(self, expected: ExpectedCallback, task_id: str) -> None:
        """End a doubt, or the wait for a create's answer, if the API knows the id that a callback supplied."""
        try:
            future = await self._confirm(expected, task_id)
        except CometRunwayError as error:
            _logger.warning("a callback supplied an id, and the submission is still in doubt: %s", error)
        else:
            if future is not None:
                expected.accepted(future.route, future.id)
                future.add_done_callback(lambda _: expected.forget())
            elif expected.claimed_id == task_id:
                expected.claimed_id = None
        finally:
            expected.confirming = None


def _decoded(body: bytes) -> Task | None:
    try:
        return decode_callback(body)
    except ProtocolError:
        return None
