"""The poll scheduler: one heap of due polls, one shared rate limit, and any number of waiting tasks."""

import asyncio
import heapq
import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection
from itertools import count
from random import Random
from sys import intern

from attrs import evolve

from cometrunway._events import EventEmitter, EventKind, end_of, log_fields
from cometrunway._handle import Asked, TaskFuture, TaskReference
from cometrunway._plurals import counted
from cometrunway._policies import PollPolicy, asked_pause, refuses_the_key
from cometrunway._polling._announcements import Announcements
from cometrunway._polling._duration_model import DurationModel
from cometrunway._polling._key_refusals import KeyRefusals
from cometrunway._polling._rate_limit import PollRateLimit
from cometrunway._polling._timing import PolledTask, PollTiming
from cometrunway._task_group import BackgroundTasks, Role
from cometrunway._tasks import UNNAMED_PROVIDER, Asset, Failure, Task, TaskStatus
from cometrunway._tracebacks import drop_frames
from cometrunway.errors import (
    CometRunwayError,
    ProtocolError,
    RateLimitedError,
    ServerError,
    TaskCancelledError,
    TaskFailedError,
    TaskNotFoundError,
    TaskTimeoutError,
    TransportError,
)

_logger = logging.getLogger(__name__)
_POLLS_AT_ONCE = 128
_POSTPONED_IN_A_ROW = 256
"""The number of polls that may be postponed in a row before the event loop runs other callbacks."""
_LEAST_SECONDS_FOR_FILES = 10.0
"""Seconds for the delivery after the end of a task, also if that end is found only at the deadline."""
_ANNOUNCED_GRACE = 60.0
"""Seconds from a callback that announces an end until polls must show it. Some gateways post before."""
_ANNOUNCED_WITHIN = 1.0
"""The greatest number of seconds from an end to its callback. Before this time the task was certainly unfinished."""
_VOID = 64
"""The heap may hold one void entry for each task, and this number more."""
_SAMPLE = 200
"""The size of the sample of tasks from which the time until the end of all is estimated."""
Poll = Callable[[str, str, Asked], Awaitable[Task]]
"""Polls once the task with this route and id, which this request created."""
Cancel = Callable[[str, str], Awaitable[None]]
"""Asks the provider to cancel the task with this route and id."""
Deliver = Callable[[TaskFuture, Task], Awaitable[tuple[Asset, ...]]]
"""Returns the files of an ended task, or raises the error that says why there are none."""


class PollScheduler:
    """Polls the watched tasks in order of due time until each has ended, and resolves their futures."""

    def __init__(
        self,
        *,
        poll: Poll,
        cancel: Cancel,
        deliver: Deliver,
        policy: PollPolicy,
        rng: Random,
        background: BackgroundTasks,
        events: EventEmitter,
    ) -> None:
        self._ask = poll
        self._cancel = cancel
        self._deliver = deliver
        self._policy = policy
        self._rng = rng
        self._background = background
        self._events = events
        self._rate_limit = PollRateLimit(policy.per_second)
        self._key_refusals = KeyRefusals(policy.key_grace)
        self.model = DurationModel(price=policy.price, shortest=policy.floor, longest=policy.ceiling)
        """What it learns from polls."""
        self._loop = asyncio.get_running_loop()
        self._announcements = Announcements()
        self._timing = PollTiming(
            policy=policy, model=self.model, announcements=self._announcements, rng=rng, now=self._loop.time()
        )
        self._due: list[tuple[float, int, PolledTask]] = []
        self._numbers = count()
        self._open: dict[tuple[str, str], PolledTask] = {}
        self._polling = 0
        self._alarm: asyncio.Future[None] | None = None
        self._unfinished: list[TaskFuture] = []

    def start(self) -> None:
        """Begin to poll, in a background task."""
        self._background.start(self._dispatch(), name="cometrunway dispatcher", role=Role.SERVICE)

    def close(self) -> None:
        """Fail the future of each unfinished task with an error that says how to continue."""
        for task in self._open.values():
            task.future.fail(self._stopped_waiting(task.future, "when the session was left"))

    @property
    def owed(self) -> tuple[TaskFuture, ...]:
        """The futures of the tasks whose files are not on disk yet."""
        return (*self._unfinished, *self.waiting)

    @property
    def waiting(self) -> tuple[TaskFuture, ...]:
        """The futures of the tasks that were polled until the close, and have not ended or have no files yet."""
        return tuple(task.future for task in self._open.values())

    @property
    def eta(self) -> float | None:
        """The expected seconds until the last of the watched tasks ends; None if this is not known yet."""
        return self._eta(self._open.values())

    def eta_of(self, futures: Collection[TaskFuture]) -> float | None:
        """Return the expected seconds until the last of these tasks ends; None if this is not known yet."""
        watched = (self._open.get((future.route, future.id)) for future in futures)
        return self._eta([task for task in watched if task is not None])

    def _eta(self, watched: Collection[PolledTask]) -> float | None:
        """Return the estimate. It uses a sample of the tasks, and is known if it is known for most of the sample."""
        waiting = [task for task in watched if not task.future.has_ended]
        odds = 1.0 + len(waiting)
        now = self._loop.time()
        sample = waiting[:: 1 + len(waiting) // _SAMPLE]
        ages = [(task, self.model.expected_age(task, odds)) for task in sample]
        left = [max(0.0, task.born + age - now) for task, age in ages if age is not None]
        return max(left, default=0.0) if 2 * len(left) >= len(sample) else None

    def find(self, reference: TaskReference) -> TaskFuture | None:
        """Return the future of this task; None if the task is not polled."""
        task = self._open.get((reference.route, reference.id))
        return None if task is None else task.future

    def find_by_key(self, key: str) -> TaskFuture | None:
        """Return the future of the task with this key; None if it is not polled."""
        return next((task.future for task in self._open.values() if task.future.key == key), None)

    def watch(self, future: TaskFuture, *, age: float | None, has_callback: bool = False) -> None:
        """Poll the future's task from now on.

        Args:
            future: receives the outcome.
            age: seconds since the task was created; None for a task from elsewhere, which the server must know.
            has_callback: whether `hint` is called when the task ends, unless the callback is lost.
        """
        now = self._loop.time()
        task = PolledTask(
            future=future,
            kind=intern(_kind(future)),
            age=age or 0.0,
            born=now - (age or 0.0),
            is_new=age == 0.0,
            deadline=math.inf if self._policy.deadline is None else now + self._policy.deadline,
            unknown_until=now if age is None else now - age + self._policy.grace,
            has_callback=has_callback,
        )
        self._open[future.route, future.id] = task
        future.watcher = self
        self._background.begin_wait()
        self._push(task, self._timing.next_poll(task, now, waiting=len(self._open)) if task.is_new else now)

    def hint(self, route: str, task_id: str, *, announces_end: bool) -> None:
        """Poll a task because a callback came: at once for the first announced end, else after the shortest pause.

        Do nothing if the task is not polled or has ended.
        """
        task = self._open.get((route, task_id))
        if task is None or task.future.has_ended:
            return
        now = self._loop.time()
        task.hinted_at = now
        due = self._timing.hinted(task, now)
        if announces_end and task.announced_at is None:
            due = task.announced_at = now
        if not self._is_polled_now(task):
            self._bring_forward(task, due)

    async def cancel(self, future: TaskFuture) -> None:
        """Ask the provider to cancel a task, and poll it at once.

        A poll is sent first. If it finds that the task has ended, no request to cancel is sent.

        Raises:
            CometRunwayError: the cancellation is not confirmed. Polling of the task continues.
        """
        answer = await self._known(future)
        task = self._open.get((future.route, future.id))
        if task is not None and not answer.status.is_terminal:
            try:
                await self._cancel(future.route, future.id)
            except (TransportError, ServerError, ProtocolError):
                task.may_be_cancelled = True
                raise
            task.is_cancelled = True
        self.hint(future.route, future.id, announces_end=False)

    async def _known(self, future: TaskFuture) -> Task:
        """Poll a task. As long as it may be too new for the API to know it, poll it again."""
        while True:
            try:
                return await self._ask(future.route, future.id, future.asked)
            except TaskNotFoundError:
                task = self._open.get((future.route, future.id))
                if task is None or task.is_cancelled or self._loop.time() >= (task.unknown_until or 0.0):
                    raise
            await asyncio.sleep(self._policy.pause_while_unknown(self._rng))

    async def _dispatch(self) -> None:
        while True:
            await self._turn()
            task = self._next_due()
            if task is not None:
                self._polling += 1
                self._background.start(self._polls(task), name="cometrunway polls")
            elif self._ready_at() <= self._loop.time():
                await asyncio.sleep(0)  # many in a row were postponed

    async def _turn(self) -> None:
        """Wait until a poll is due, a slot for it is free, and the rate limit allows it."""
        while (when := self._ready_at()) > self._loop.time():
            self._alarm = self._loop.create_future()
            timer = None if when == math.inf else self._loop.call_at(when, self._wake)
            try:
                await self._alarm
            finally:
                if timer is not None:
                    timer.cancel()

    def _ready_at(self) -> float:
        if not self._due or self._polling >= _POLLS_AT_ONCE:
            return math.inf
        return max(self._due[0][0], self._rate_limit.free_at())

    def _wake(self) -> None:
        if self._alarm is not None and not self._alarm.done():
            self._alarm.set_result(None)

    def _next_due(self) -> PolledTask | None:
        """Return the task that is due now, if the rate limit allows a poll; None also after many postponed polls."""
        now = self._loop.time()
        if self._rate_limit.free_at() > now:
            return None
        for _ in range(_POSTPONED_IN_A_ROW):
            if not self._due or self._due[0][0] > now:
                break
            _, entry, task = heapq.heappop(self._due)
            if entry != task.entry:
                continue
            task.due = math.inf
            later = self._timing.postponed(task, now, waiting=len(self._open))
            if later is None:
                self._rate_limit.take(now)
                return task
            self._push(task, later)
        return None

    def _push(self, task: PolledTask, due: float) -> None:
        task.due, task.entry = min(due, task.deadline), next(self._numbers)
        entry = (task.due, task.entry, task)
        heapq.heappush(self._due, entry)
        if self._due[0] is entry:
            self._wake()

    def _bring_forward(self, task: PolledTask, due: float) -> None:
        """Poll a task earlier than planned. Its present entry in the heap becomes void."""
        if due >= task.due:
            return
        self._push(task, due)
        if len(self._due) > 2 * len(self._open) + _VOID:
            self._due = [entry for entry in self._due if entry[1] == entry[2].entry]
            heapq.heapify(self._due)

    @staticmethod
    def _is_polled_now(task: PolledTask) -> bool:
        return task.due == math.inf

    async def _polls(self, task: PolledTask | None) -> None:
        """Poll one task after another while tasks are due. This costs less than one child task for each poll."""
        try:
            while task is not None:
                await self._poll(task)
                task = self._next_due()
        finally:
            if self._polling == _POLLS_AT_ONCE:
                self._wake()
            self._polling -= 1

    async def _poll(self, task: PolledTask) -> None:
        future = task.future
        task.is_hinted = task.hinted_at > task.polled_at
        task.polled_at = self._loop.time()
        try:
            answer = await self._ask(future.route, future.id, future.asked)
        except CometRunwayError as error:
            drop_frames(error)
            self._on_failed_poll(task, error.about(route=future.route, task_id=future.id, key=future.key))
        except Exception as bug:  # noqa: BLE001 - see `_fail_by_a_bug`
            self._fail_by_a_bug(future, bug)
        else:
            self._on_answer(task, answer)

    def _on_answer(self, task: PolledTask, answer: Task) -> None:
        future = task.future
        self._rate_limit.answered()
        self._key_refusals.answered()
        task.refusals = 0
        without_output = self._seconds_without_output(task, answer)
        if without_output is not None:
            answer = evolve(answer, status=TaskStatus.RUNNING)
        before, future.task = future.task, answer
        task.unknown_until = None
        age = self._loop.time() - task.born
        if answer.status.is_terminal:
            self._learn_from_end(task, age)
            answer = future.end(answer, ended_at=time.time())
            self._events.emit(EventKind.ENDED, future, task=answer)
            self._background.start(self._finish(task, answer), name=f"cometrunway end of {answer.id}")
            return
        self.model.learn(task, age, ended=False)
        if before is None or (before.status, before.progress) != (answer.status, answer.progress):
            self._events.emit(EventKind.CHANGED, future, task=answer)
        if without_output is None:
            task.observe(age, answer.progress)
            self._poll_again(task, self._due_behind(task))
        else:
            self._poll_again(task, self._loop.time() + self._policy.pause_while_behind(without_output, self._rng))

    def _learn_from_end(self, task: PolledTask, age: float) -> None:
        """Learn how long a task took, and whether a callback announced its end. With a callback, the time is exact."""
        if task.announced_at is not None:
            unfinished = task.announced_at - _ANNOUNCED_WITHIN - task.born
            if unfinished > task.age:
                self.model.learn(task, unfinished, ended=False)
                task.age = unfinished
        self.model.learn(task, age, ended=True)
        announced = task.is_hinted or task.announced_at is not None
        if task.has_callback and self._announcements.learn(task.kind, announced=announced):
            _logger.warning("callbacks of %s have stopped: polls take over", task.kind)
            self._poll_all_again(task.kind)

    def _poll_all_again(self, kind: str) -> None:
        """Plan the polls of a kind of task again, without callbacks."""
        now = self._loop.time()
        for task in self._open.values():
            if task.kind == kind and task.has_callback and not (task.future.has_ended or self._is_polled_now(task)):
                self._bring_forward(task, self._timing.again(task, now, waiting=len(self._open)))

    def _due_behind(self, task: PolledTask) -> float | None:
        """Return when to poll again a task whose announced end no poll shows; None for other tasks."""
        if task.announced_at is None:
            return None
        now = self._loop.time()
        if now - task.announced_at < _ANNOUNCED_GRACE:
            return now + self._policy.pause_while_behind(now - task.announced_at, self._rng)
        task.announced_at, task.has_callback = None, False  # it may be forged; do not rely on another one
        return None

    def _seconds_without_output(self, task: PolledTask, answer: Task) -> float | None:
        """Return for how long a task has been a success without a file; None if it is none, or for too long."""
        if answer.status is not TaskStatus.SUCCEEDED or answer.outputs:
            return None
        now = self._loop.time()
        if task.succeeded_at is None:
            task.succeeded_at = now
        waited = now - task.succeeded_at
        return waited if waited < self._policy.output_grace else None

    def _on_failed_poll(self, task: PolledTask, error: CometRunwayError) -> None:
        now = self._loop.time()
        if isinstance(error, RateLimitedError):
            self._rate_limit.refused(now, asked_pause(error))
        else:
            self._rate_limit.answered()
        if not refuses_the_key(error):
            self._forget_refusals(task, error)
        if isinstance(error, TaskNotFoundError):
            if task.unknown_until is None:  # the server knew it before: another node or a cache may lag
                task.unknown_until = now + self._policy.grace
            if now < task.unknown_until and not task.is_cancelled:
                self._poll_again(task, now + self._policy.pause_while_unknown(self._rng))
                return
            if task.is_cancelled or task.may_be_cancelled:
                gone = Failure(message="cancelled, and no longer known to the provider")
                self._on_answer(task, Task(id=task.future.id, status=TaskStatus.CANCELLED, failure=gone))
                return
        task.future.poll_errors += 1
        task.future.last_error = error
        if isinstance(error, TaskNotFoundError) or (refuses_the_key(error) and self._is_refused_for_good(task)):
            self._fail(task.future, error)
            return
        self._events.emit(EventKind.POLL_FAILED, task.future, task=task.future.task, error=error)
        task.polls += 1
        refused = now + self._policy.pause_while_refused(task.refusals, self._rng) if task.refusals else None
        self._poll_again(task, refused or self._due_behind(task))

    def _forget_refusals(self, task: PolledTask, error: CometRunwayError) -> None:
        """Reset the count of refusals, unless there was no answer. A missing answer says nothing about the key."""
        if not isinstance(error, TransportError):
            self._key_refusals.answered()
            task.refusals = 0

    def _is_refused_for_good(self, task: PolledTask) -> bool:
        """Count a refusal of the key. Return whether it is permanent, for this task or for all tasks."""
        now = self._loop.time()
        pause = self._key_refusals.refused(now)
        if pause is not None:
            self._rate_limit.refused(now, pause)
        if not task.refusals:
            task.refused_since = now
        task.refusals += 1
        return now - task.refused_since >= self._policy.key_grace or self._key_refusals.last(now)

    def _poll_again(self, task: PolledTask, due: float | None = None) -> None:
        if self._loop.time() >= task.deadline:
            self._fail(task.future, self._stopped_waiting(task.future, f"after {self._policy.deadline} s of waiting"))
            return
        now = self._loop.time()
        if due is None:
            due = self._timing.next_poll(task, now, waiting=len(self._open))
        if task.hinted_at > task.polled_at:  # the answer may be older than the callback
            due = now if task.hinted_at == task.announced_at else min(due, self._timing.hinted(task, now))
        self._push(task, due)

    async def _finish(self, polled: PolledTask, task: Task) -> None:
        future = polled.future
        deadline = max(polled.deadline, self._loop.time() + _LEAST_SECONDS_FOR_FILES)
        try:
            async with asyncio.timeout_at(deadline if deadline < math.inf else None) as limit:
                assets = await self._deliver(future, task)
        except CometRunwayError as error:
            self._fail(future, error)
        except TimeoutError as error:
            if limit.expired():
                self._fail(future, self._stopped_waiting(future, f"after {self._policy.deadline} s of waiting"))
            else:
                self._fail_by_a_bug(future, error)
        except Exception as bug:  # noqa: BLE001 - see `_fail_by_a_bug`
            self._fail_by_a_bug(future, bug)
        else:
            if all(asset.is_kept for asset in assets):
                future.task = (future.task or task).without_inline_files()
            future.set_result(assets)
            self._close(future)
            self._events.emit(EventKind.DOWNLOADED, future, task=future.task, assets=assets)

    def _fail(self, future: TaskFuture, error: CometRunwayError) -> None:
        error.about(route=future.route, task_id=future.id, key=future.key)
        error.token = future.reference.to_token()
        _logger.warning("%s", error, extra=log_fields(future))
        if not isinstance(error, TaskFailedError | TaskCancelledError):
            self._unfinished.append(future)
        future.fail(error)
        self._close(future)
        self._events.emit(end_of(error), future, task=future.task, error=error)

    def _fail_by_a_bug(self, future: TaskFuture, bug: Exception) -> None:
        # The error is raised where this task is awaited. The other paid tasks continue.
        fields = log_fields(future)
        _logger.error("a bug of cometrunway ended the wait for task %s", future.id, exc_info=bug, extra=fields)
        self._unfinished.append(future)
        future.fail(bug)
        self._close(future)
        self._events.emit(EventKind.FAILED, future, task=future.task, error=bug)

    def _close(self, future: TaskFuture) -> None:
        future.watcher = None
        if self._open.pop((future.route, future.id), None) is not None:
            self._background.end_wait()

    @staticmethod
    def _stopped_waiting(future: TaskFuture, moment: str) -> TaskTimeoutError:
        task = future.task or Task(id=future.id, status=TaskStatus.UNKNOWN)
        state = "not on disk" if task.status is TaskStatus.SUCCEEDED else task.status.value
        trouble = ""
        if future.last_error is not None:
            trouble = f" ({counted(future.poll_errors, 'poll')} failed, the latest: {future.last_error.message})"
        return TaskTimeoutError(
            f"task {task.id} was still {state} {moment}{trouble}; nothing is lost: session.attach(error.token) "
            "continues it",
            task=task,
            route=future.route,
            token=future.reference.to_token(),
        )


def _kind(future: TaskFuture) -> str:
    """Return the name of the task's kind. Tasks of one kind take about equally long. Journals contain these names."""
    kind = f"{future.route} {future.model}"
    return kind if future.provider == UNNAMED_PROVIDER else f"{future.provider} {kind}"
