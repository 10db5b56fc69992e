"""What a reader of events iterates: first how its tasks stand, then what happens to them."""

import asyncio
import json
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Self

from cometrunway._events import Event, EventEmitter, EventKind, EventQueue, Topic, key_topic, task_topic
from cometrunway._handle import TaskFuture, TaskHandle
from cometrunway._tasks import Task
from cometrunway.errors import OutcomeUnknownError

_SILENCE = 15.0
"""Seconds after which a reader of server-sent events is told that the connection lives."""
Polled = Callable[[str], TaskFuture | None]
"""Gives the future of the task that is polled under a key."""
Ended = Callable[[str], Awaitable[TaskFuture | None]]
"""Gives the future of what has ended under a key, where a journal knows it."""


class EventStream:
    """An async iterator over events, for one reader: what `Session.events` returns.

    It ends once everything that it follows has ended, or the session is left. Nothing has to be closed.
    """

    def __init__(
        self, followed: Iterable[TaskHandle | str], *, emitter: EventEmitter, polled: Polled, ended: Ended
    ) -> None:
        followed = tuple(followed)
        self._emitter = emitter
        self._ended = ended
        self._queue = EventQueue(map(_topic, followed))
        self._unknown: list[str] = []
        for one in followed:
            handle = _handle(polled(one)) if isinstance(one, str) else one
            if handle is not None:
                self._queue.put_standing(event_of(handle))
            elif isinstance(one, str):
                self._unknown.append(one)
        if not self._queue.is_closed:
            emitter.add(self._queue)
        # It may be forgotten in any thread, for a garbage collector runs in any.
        leave = asyncio.get_running_loop().call_soon_threadsafe
        weakref.finalize(self, _leave, leave, emitter, self._queue).atexit = False

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
        """Yield the events as a body of the type `text/event-stream`, which a browser's `EventSource` reads.

        Each has the JSON of `Event.to_dict()`. After 15 seconds of silence comes a comment, so that nothing between
        takes the connection for a dead one.
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
        """Tell of what ended under a key before the reader came."""
        handle = _handle(await self._ended(key))
        if handle is not None:
            self._queue.put_standing(event_of(handle))
        if self._queue.is_closed:
            self._emitter.remove(self._queue)


def event_of(handle: TaskHandle) -> Event:
    """Return how a task stands, as the event that led there; its time is now where that event's is not known."""
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
        return EventKind.FAILED
    return EventKind.IN_DOUBT if isinstance(error, OutcomeUnknownError) else EventKind.REFUSED


def _time(task: Task | None) -> float:
    known = task and (task.delivered_at or task.ended_at)
    return known.timestamp() if known else time.time()


def _handle(future: TaskFuture | None) -> TaskHandle | None:
    return None if future is None else TaskHandle(future.reference, future)


def _topic(followed: TaskHandle | str) -> Topic:
    return key_topic(followed) if isinstance(followed, str) else task_topic(followed.route, followed.id)


def _leave(call_soon: Callable[..., object], emitter: EventEmitter, queue: EventQueue) -> None:
    try:
        call_soon(emitter.remove, queue)
    except RuntimeError:
        return  # the loop is closed, and with it the session
