"""The iterator of events: first the present state of its tasks, then what happens to them."""

import asyncio
import json
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Protocol, Self

from cometrunway._async_only import AsyncOnly
from cometrunway._events import Event, EventEmitter, EventKind, EventQueue, Topic, end_of, key_topic, task_topic
from cometrunway._handle import TaskFuture, TaskHandle, handle_of
from cometrunway._tasks import Task
from cometrunway.errors import OutcomeUnknownError

_SILENCE = 15.0
"""Seconds without an event after which a server-sent stream gets a comment."""
Polled = Callable[[str], TaskFuture | None]
"""Returns the future of the task that is polled under a key; None if there is none."""
Ended = Callable[[str], Awaitable[TaskFuture | None]]
"""Returns the future of the task that has ended under a key; None if no journal has it."""


class Many(Protocol):
    """A growing collection of tasks: a batch."""

    def follow(self, take: Callable[[TaskHandle], None], end: Callable[[], None]) -> Callable[[], None]:
        """Call `take` with the handle of each present and later task, and `end` when there will be no more.

        Returns a function that ends the calls.
        """


Followed = TaskHandle | str | Many
"""A task, a key, or a batch."""


class EventStream(AsyncOnly):
    """An async iterator over events, for one reader. `Session.events` returns it.

    It ends when each task that it follows has ended, or when the session is closed. It needs no closing.
    """

    _how_to_read = "write `async for event in session.events()`"

    def __init__(self, followed: Iterable[Followed], *, emitter: EventEmitter, polled: Polled, ended: Ended) -> None:
        followed = tuple(followed)
        for one in followed:
            if not (isinstance(one, str | TaskHandle) or hasattr(one, "follow")):
                raise TypeError(f"events follows handles, keys and batches, got {type(one).__name__}")
        self._follower = _Follower(emitter, is_of_all=not followed)
        self._queue = self._follower.queue
        self._ended = ended
        self._unknown: list[str] = []
        for one in followed:
            future = polled(one) if isinstance(one, str) else None
            if future is not None:
                self._follower.follow(handle_of(future))
            elif isinstance(one, str):
                self._follower.follow_key(one)
                self._unknown.append(one)
            elif isinstance(one, TaskHandle):
                self._follower.follow(one)
            else:
                self._follower.follow_many(one)
        self._follower.end()
        # The garbage collector may run in any thread.
        leave = asyncio.get_running_loop().call_soon_threadsafe
        weakref.finalize(self, _leave, leave, self._follower).atexit = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while self._unknown and not self._queue.is_closed:
            await self._look_up(self._unknown[-1])
            self._unknown.pop()
        event = await self._queue.get()
        if event is None:
            raise StopAsyncIteration
        return event

    async def sse(self) -> AsyncIterator[bytes]:
        """Yield the events as bytes of the media type `text/event-stream`, for a browser's `EventSource`.

        Each event has the JSON of `Event.to_dict()`. After 15 seconds without an event a comment is sent, so that no
        proxy closes the connection.
        """
        while True:
            try:
                async with asyncio.timeout(_SILENCE):
                    event = await anext(self)
            except TimeoutError:
                yield b":\n\n"
            except StopAsyncIteration:
                return
            else:
                yield b"data: %s\n\n" % json.dumps(event.to_dict()).encode()

    async def _look_up(self, key: str) -> None:
        """Put the event of the task that has ended under a key into the queue."""
        future = await self._ended(key)
        if future is not None:
            self._follower.tell(handle_of(future))


class _Follower:
    """Puts the events that a reader follows into its queue. It has no reference to the reader."""

    def __init__(self, emitter: EventEmitter, *, is_of_all: bool) -> None:
        self.queue = EventQueue(is_of_all=is_of_all)
        self.queue.open(self)  # until all that is to be followed is known
        self._emitter = emitter
        self._stops: list[Callable[[], None]] = []
        emitter.add(self.queue)

    def follow(self, handle: TaskHandle) -> None:
        """Put an event with a task's present state into the queue, and its events until it ends."""
        event = _event_of(handle)
        if not event.kind.is_final:
            self._emitter.follow(self.queue, task_topic(handle.route, handle.id))
        self.queue.put(event)

    def follow_key(self, key: str) -> None:
        """Put the events of a key into the queue until its submission ends."""
        self._emitter.follow(self.queue, key_topic(key))

    def follow_many(self, many: Many) -> None:
        """Follow each task of a batch."""
        whole = object()
        self.queue.open(whole)
        self._stops.append(many.follow(self.follow, lambda: self.end(whole)))

    def tell(self, handle: TaskHandle) -> None:
        """Put an event with a task's present state into the queue, unless the queue has an event of the task."""
        self.queue.put_standing(_event_of(handle))
        self.end()

    def end(self, *topics: Topic) -> None:
        """Note the end of these topics. If no topic is left, stop."""
        self.queue.end(self, *topics)
        if self.queue.is_closed:
            self.leave()

    def leave(self) -> None:
        """Follow nothing more."""
        self._emitter.remove(self.queue)
        for stop in self._stops:
            stop()


def _event_of(handle: TaskHandle) -> Event:
    """Return the latest event of a task, made from its state. If the time of the event is not known, it is now."""
    task, kind, error = handle.task, EventKind.SUBMITTED, None
    if handle.done():
        error = handle.exception()
        kind = EventKind.DOWNLOADED if error is None else _kind(handle, error)
    elif task is not None:
        kind = EventKind.ENDED if task.status.is_terminal else EventKind.CHANGED
    return Event(
        kind=kind,
        route=handle.route,
        provider=handle.provider,
        key=handle.key,
        task_id=handle.id or None,
        task=task,
        assets=handle.result() if kind is EventKind.DOWNLOADED else (),
        error=error if isinstance(error, Exception) else None,
        at=_time(task),
    )


def _kind(handle: TaskHandle, error: BaseException) -> EventKind:
    if handle.id:
        return end_of(error)
    return EventKind.IN_DOUBT if isinstance(error, OutcomeUnknownError) else EventKind.REFUSED


def _time(task: Task | None) -> float:
    known = task and (task.delivered_at or task.ended_at)
    return known.timestamp() if known else time.time()


def _leave(call_soon: Callable[..., object], follower: _Follower) -> None:
    try:
        call_soon(follower.leave)
    except RuntimeError:
        return  # the loop is closed, and with it the session
