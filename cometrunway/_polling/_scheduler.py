"""The poll scheduler: one heap of due looks, one shared budget, any number of tasks waited for."""

import asyncio
import heapq
import logging
import math
from collections.abc import Awaitable, Callable
from itertools import count
from random import Random
from sys import intern
from types import TracebackType
from typing import Self

from attrs import define

from cometrunway._events import Event, EventKind, Observer
from cometrunway._handle import TaskReference, Ticket
from cometrunway._policies import PollPolicy, asked_pause, ends_a_wait
from cometrunway._polling._duration_model import Course, Pace
from cometrunway._polling._rate_limit import PollBudget
from cometrunway._task_group import Children, Role
from cometrunway._tasks import Asset, Task, TaskStatus
from cometrunway.errors import (
    CometRunwayError,
    RateLimitedError,
    TaskCancelledError,
    TaskFailedError,
    TaskNotFoundError,
    TaskTimeoutError,
)

_logger = logging.getLogger(__name__)
_LOOKS_AT_ONCE = 128
_JITTER = 0.1
_PRICED_AT_A_STRETCH = 256
"""Looks that may be put off before the event loop gets its turn."""
_NOT_WORTH_A_DELAY = 0.1
"""A look that has fallen due is taken, unless it should be put off by more than this part of its slack."""
_COARSEST = 3
_MEETING = 4
"""Both are powers of two: the part of the slack by which looks are apart in time at most, and how many need meet."""
_SAMPLE = 200
"""How many tasks are asked when all can be expected to have ended."""
Look = Callable[[str, str], Awaitable[Task]]
"""Looks once at the task of this route and id."""
Conclude = Callable[[Ticket, Task], Awaitable[tuple[Asset, ...]]]
"""Brings the files of a task that ended home, or raises why there are none."""


@define(kw_only=True, eq=False)
class _Watch(Course):
    """The course of one ticket's task, and how long to go on looking at it."""

    ticket: Ticket
    born: float
    """The loop time of the task's create."""
    is_new: bool
    """Whether it was created just now."""
    deadline: float
    unknown_until: float | None
    """Until when `task_not_exist` means "not yet"; None while the server knows the task."""
    chance: float = 0.0
    """From 0 to 1: where in its spread the next look lies."""


class PollScheduler:
    """Looks at every watched task in due-time order until each has ended, and resolves their tickets."""

    def __init__(self, *, look: Look, conclude: Conclude, policy: PollPolicy, rng: Random, observe: Observer) -> None:
        self._look = look
        self._conclude = conclude
        self._policy = policy
        self._rng = rng
        self._observe = observe
        self._budget = PollBudget(policy.per_second)
        self.pace = Pace(price=policy.price, shortest=policy.floor, longest=policy.ceiling)
        """What it learns from looks."""
        self.children = Children(is_waiting=lambda: bool(self._open))
        """What runs in the session, its looks and downloads among it."""
        self._loop = asyncio.get_running_loop()
        self._origin = self._loop.time() - rng.random()  # chance, so that two processes do not poll at the same moments
        self._due: list[tuple[float, int, _Watch]] = []
        self._numbers = count()
        self._open: dict[tuple[str, str], _Watch] = {}
        self._looking = 0
        self._alarm: asyncio.Future[None] | None = None
        self._unfinished: list[Ticket] = []

    async def __aenter__(self) -> Self:
        await self.children.__aenter__()
        self.children.start(self._dispatch(), name="cometrunway dispatcher", role=Role.SERVICE)
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self.children.__aexit__(error_type, error, traceback)
        finally:
            for watch in self._open.values():
                watch.ticket.fail(self._stopped_waiting(watch.ticket, "when the session was left"))

    @property
    def owed(self) -> tuple[Ticket, ...]:
        """The tickets whose files are not yet home."""
        return (*self._unfinished, *(watch.ticket for watch in self._open.values()))

    def find(self, reference: TaskReference) -> Ticket | None:
        """Return the open ticket of this task, if there is one."""
        watch = self._open.get((reference.route, reference.id))
        return None if watch is None else watch.ticket

    @property
    def eta(self) -> float | None:
        """In how many seconds the last of the watched tasks can be expected to have ended; None before that is known.

        Of many tasks a sample is asked, and what is known of most stands for all.
        """
        watches = [watch for watch in self._open.values() if not watch.ticket.has_ended]
        odds = 1.0 + len(watches)
        now = self._loop.time()
        sample = watches[:: 1 + len(watches) // _SAMPLE]
        ages = [(watch, self.pace.foretell(watch, odds)) for watch in sample]
        left = [max(0.0, watch.born + age - now) for watch, age in ages if age is not None]
        return max(left, default=0.0) if 2 * len(left) >= len(sample) else None

    def watch(self, ticket: Ticket, *, age: float | None) -> None:
        """Look at the ticket's task from now on.

        Args:
            ticket: where the outcome goes.
            age: seconds since the task was created; None for one from elsewhere, which must be known to the server.
        """
        now = self._loop.time()
        watch = _Watch(
            ticket=ticket,
            kind=intern(f"{ticket.route} {ticket.model}"),
            age=age or 0.0,
            born=now - (age or 0.0),
            is_new=age == 0.0,
            deadline=math.inf if self._policy.deadline is None else now + self._policy.deadline,
            unknown_until=now if age is None else now - age + self._policy.grace,
        )
        self._open[ticket.route, ticket.id] = watch
        self.children.settle()
        self._push(watch, self._next_look(watch) if watch.is_new else now)

    async def _dispatch(self) -> None:
        while True:
            await self._turn()
            watch = self._next_due()
            if watch is not None:
                self._looking += 1
                self.children.start(self._looks(watch), name="cometrunway looks")
            elif self._ready_at() <= self._loop.time():
                await asyncio.sleep(0)  # many in a row were put off

    def _next_due(self) -> _Watch | None:
        """Take the watch whose turn it is now, if the budget allows it; None also if many in a row were put off."""
        now = self._loop.time()
        if self._budget.free_at() > now:
            return None
        for _ in range(_PRICED_AT_A_STRETCH):
            if not self._due or self._due[0][0] > now:
                break
            _, _, watch = heapq.heappop(self._due)
            if not self._is_put_off(watch, now):
                self._budget.take(now)
                return watch
        return None

    async def _looks(self, watch: _Watch | None) -> None:
        """Look at one task after another, as long as one is due: that costs less than a child for each look."""
        try:
            while watch is not None:
                await self._poll(watch)
                watch = self._next_due()
        finally:
            if self._looking == _LOOKS_AT_ONCE:
                self._wake()
            self._looking -= 1

    def _is_put_off(self, watch: _Watch, now: float) -> bool:
        """Price a look anew that has fallen due: what was learnt meanwhile may say that it does not pay yet."""
        if not watch.looks and not watch.is_new:
            return False  # what was taken up again may have ended long ago
        if self._policy.rule != "learned" or now >= watch.deadline:
            return False
        pause, slack = self._pause(watch)
        due = watch.born + watch.age + pause
        if due - now > slack * _NOT_WORTH_A_DELAY and (moment := self._shared(due, pause, slack)) > now:
            self._push(watch, moment)
            return True
        return False

    def _next_look(self, watch: _Watch) -> float:
        """Return the loop time at which to look next at a task that was looked at now."""
        watch.chance = self._rng.random()
        pause, slack = self._pause(watch)
        return self._shared(self._loop.time() + pause, pause, slack)

    def _pause(self, watch: _Watch) -> tuple[float, float]:
        """Return the seconds from the latest look to the next, by what is known now, and by how many it may move."""
        pause = self._policy.pause(watch.looks, watch.chance)
        if self._policy.rule != "learned":
            return pause, pause
        pause, slack = self.pace.pause(watch, watch.age, pause, crowd=len(self._open))
        pause += slack * _JITTER * (2 * watch.chance - 1)
        longest = self._policy.ceiling * (1 - _JITTER * watch.chance)  # what waits longest is spread as well
        return max(min(pause, longest), self._policy.floor), slack

    def _shared(self, due: float, pause: float, slack: float) -> float:
        """Return a moment near the one at which this pause is over that other looks share.

        One wakeup of the process serves them all. Such moments are an eighth of the slack apart, or less where some
        fifteen looks meet all the same. No pause leaves floor or ceiling for it.
        """
        if self._policy.rule == "fixed":
            return due
        finer = max(_COARSEST, len(self._open).bit_length() - _MEETING)
        between = math.ldexp(1.0, math.frexp(slack)[1] - 1 - finer)
        moment = self._origin + round((due - self._origin) / between) * between
        before = due - pause
        return min(max(moment, before + self._policy.floor), before + self._policy.ceiling)

    async def _turn(self) -> None:
        """Wait until a look is due, a place is free, and the budget allows it."""
        while (when := self._ready_at()) > self._loop.time():
            self._alarm = self._loop.create_future()
            timer = None if when == math.inf else self._loop.call_at(when, self._wake)
            await self._alarm
            if timer is not None:
                timer.cancel()

    def _ready_at(self) -> float:
        if not self._due or self._looking >= _LOOKS_AT_ONCE:
            return math.inf
        return max(self._due[0][0], self._budget.free_at())

    def _wake(self) -> None:
        if self._alarm is not None and not self._alarm.done():
            self._alarm.set_result(None)

    def _push(self, watch: _Watch, due: float) -> None:
        entry = (min(due, watch.deadline), next(self._numbers), watch)
        heapq.heappush(self._due, entry)
        if self._due[0] is entry:
            self._wake()

    async def _poll(self, watch: _Watch) -> None:
        ticket = watch.ticket
        try:
            task = await self._look(ticket.route, ticket.id)
        except CometRunwayError as error:
            self._on_failed_look(watch, error.about(route=ticket.route, task_id=ticket.id, key=ticket.key))
        except Exception as bug:  # noqa: BLE001 - see there
            self._fail_by_a_bug(ticket, bug)
        else:
            self._on_look(watch, task)

    def _on_look(self, watch: _Watch, task: Task) -> None:
        ticket = watch.ticket
        self._budget.answered()
        before, ticket.task = ticket.task, task
        watch.unknown_until = None
        age = self._loop.time() - watch.born
        self.pace.learn(watch, age, ended=task.status.is_terminal)
        if task.status.is_terminal:
            self._end(ticket, task)
            return
        if before is None or (before.status, before.progress) != (task.status, task.progress):
            self._tell(EventKind.CHANGED, ticket)
        watch.see(age, task.progress)
        self._look_again(watch)

    def _on_failed_look(self, watch: _Watch, error: CometRunwayError) -> None:
        now = self._loop.time()
        if isinstance(error, RateLimitedError):
            self._budget.refused(now, asked_pause(error))
        else:
            self._budget.answered()
        if isinstance(error, TaskNotFoundError):
            if watch.unknown_until is None:  # it was known before: another node or cache may lag
                watch.unknown_until = now + self._policy.grace
            if now < watch.unknown_until:
                self._look_again(watch, now + self._policy.pause_while_unknown(self._rng))
                return
        watch.ticket.poll_errors += 1
        watch.ticket.last_error = error
        if ends_a_wait(error):
            self._fail(watch.ticket, error)
            return
        self._tell(EventKind.POLL_FAILED, watch.ticket, error)
        watch.looks += 1
        self._look_again(watch)

    def _look_again(self, watch: _Watch, due: float | None = None) -> None:
        if self._loop.time() >= watch.deadline:
            self._fail(watch.ticket, self._stopped_waiting(watch.ticket, f"after {self._policy.deadline} s of waiting"))
            return
        self._push(watch, self._next_look(watch) if due is None else due)

    @staticmethod
    def _stopped_waiting(ticket: Ticket, moment: str) -> TaskTimeoutError:
        task = ticket.task or Task(id=ticket.id, status=TaskStatus.UNKNOWN)
        state = "not on disk" if task.status is TaskStatus.SUCCEEDED else task.status.value
        return TaskTimeoutError(
            f"task {task.id} was still {state} {moment}; nothing is lost: session.attach(error.token) takes it up",
            task=task,
            route=ticket.route,
            token=ticket.reference.to_token(),
        )

    def _end(self, ticket: Ticket, task: Task) -> None:
        ticket.end(task)
        self._tell(EventKind.ENDED, ticket)
        self.children.start(self._bring_home(ticket, task), name=f"cometrunway end of {task.id}")

    async def _bring_home(self, ticket: Ticket, task: Task) -> None:
        try:
            files = await self._conclude(ticket, task)
        except CometRunwayError as error:
            self._fail(ticket, error)
        except Exception as bug:  # noqa: BLE001 - see there
            self._fail_by_a_bug(ticket, bug)
        else:
            ticket.set_result(files)
            self._close(ticket)
            self._tell(EventKind.DOWNLOADED, ticket, assets=files)

    def _fail(self, ticket: Ticket, error: CometRunwayError) -> None:
        error.about(route=ticket.route, task_id=ticket.id, key=ticket.key)
        error.token = ticket.reference.to_token()
        _logger.warning("%s", error)
        if not isinstance(error, TaskFailedError | TaskCancelledError):
            self._unfinished.append(ticket)
        ticket.fail(error)
        self._close(ticket)
        self._tell(EventKind.FAILED, ticket, error)

    def _fail_by_a_bug(self, ticket: Ticket, bug: Exception) -> None:
        # Raised to whoever awaits this task; the other paid ones must not suffer for it.
        _logger.error("a bug of cometrunway ended the wait for task %s", ticket.id, exc_info=bug)
        self._unfinished.append(ticket)
        ticket.fail(bug)
        self._close(ticket)

    def _close(self, ticket: Ticket) -> None:
        self._open.pop((ticket.route, ticket.id), None)
        self.children.settle()

    def _tell(
        self,
        kind: EventKind,
        ticket: Ticket,
        error: CometRunwayError | None = None,
        assets: tuple[Asset, ...] = (),
    ) -> None:
        self._observe(
            Event(
                kind=kind,
                route=ticket.route,
                key=ticket.key,
                task_id=ticket.id,
                task=ticket.task,
                assets=assets,
                error=error,
            )
        )
