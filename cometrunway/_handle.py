"""One paid task: the future that the scheduler resolves, and the handle that users have."""

import asyncio
import base64
import binascii
import json
from collections.abc import Callable, Collection, Generator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Protocol

from attrs import evolve, field, fields, frozen

from cometrunway._async_only import AsyncOnly
from cometrunway._displays import Displayed, followed
from cometrunway._requests._routes import Request
from cometrunway._tasks import UNNAMED_PROVIDER, Asset, Task, moment
from cometrunway._tracebacks import drop_frames
from cometrunway.errors import CometRunwayError

_PREFIX = "crt1."
_OF_FILES = frozenset(attribute.name for attribute in fields(Asset))
_OF_TASKS = frozenset(attribute.name for attribute in fields(Task))
Asked = Request | Mapping[str, Any] | None
"""The request of a task, or its description from a journal; None if neither is known."""


@frozen(kw_only=True)
class TaskReference:
    """The data that identify a task in another session. It contains no secret."""

    id: str
    route: str
    key: str | None = None
    created_at: float | None = None
    """The time of the create's answer, in seconds since 1970; None for a task from elsewhere."""
    provider: str = UNNAMED_PROVIDER
    """The name of the task's provider."""

    def to_token(self) -> str:
        """Return the reference as a short text of URL-safe characters."""
        fields = [self.id, self.route, self.key, self.created_at]
        named = fields if self.provider == UNNAMED_PROVIDER else [*fields, self.provider]
        text = json.dumps(named, separators=(",", ":"))
        return _PREFIX + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def from_token(cls, token: object) -> "TaskReference":
        """Return the reference of a token. Raise `ValueError` for another text, and `TypeError` if it is not text."""
        if not isinstance(token, str):
            raise TypeError(f"a token is text, such as handle.token, got {type(token).__name__}")
        try:
            coded = token.removeprefix(_PREFIX)
            fields = json.loads(base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)))
            task_id, route, key, created_at, provider = fields if len(fields) == 5 else (*fields, UNNAMED_PROVIDER)
        except (ValueError, TypeError, binascii.Error):
            task_id = route = key = created_at = provider = None
        is_whole = all(isinstance(text, str) for text in (task_id, route, provider)) and isinstance(key, str | None)
        if not (token.startswith(_PREFIX) and is_whole and isinstance(created_at, int | float | None)):
            raise ValueError(
                f"not a token of a task handle: {token[:80]!r}; for a bare task id give its route too, "
                'such as attach(task_id, route="image_to_video")'
            )
        return cls(id=task_id, route=route, key=key, created_at=created_at, provider=provider)


class Watcher(Protocol):
    """What polls tasks, and learns how long they take."""

    async def cancel(self, future: "TaskFuture") -> None:
        """Ask the provider to cancel a task."""

    def eta_of(self, futures: "Collection[TaskFuture]") -> float | None:
        """Return the expected seconds until the last of these has ended; None until it can be estimated."""


class Scheduler(Protocol):
    """Polls tasks until they end."""

    def find(self, reference: "TaskReference") -> "TaskFuture | None":
        """Return the future of a task that is polled already."""

    def watch(self, future: "TaskFuture", *, age: float | None, has_callback: bool = False) -> None:
        """Poll a task from now on; `age` is in seconds since its create, None for a task from elsewhere."""


@frozen(kw_only=True)
class SubmissionReference:
    """The subject of events while a submission has no task."""

    id: ClassVar[str] = ""
    request: Request
    key: str | None
    begun_at: float
    """Wall-clock seconds since 1970."""

    @property
    def route(self) -> str:
        """The route that will create the task."""
        return self.request.route


class TaskFuture(asyncio.Future["tuple[Asset, ...]"]):
    """The future of one task's files. Until the files are on disk, it holds all that the session knows about the task.

    Only the scheduler resolves it. There is one for each task. Each holds few objects, because the pauses of the
    garbage collector grow with the number of objects.
    """

    __slots__ = (
        "_described",
        "_ended",
        "created_at",
        "id",
        "key",
        "last_error",
        "poll_errors",
        "provider",
        "request",
        "route",
        "submitted_at",
        "task",
        "watcher",
    )

    def __init__(
        self,
        reference: TaskReference,
        request: Request | None = None,
        described: "Mapping[str, Any] | None" = None,
        *,
        submitted_at: float | None = None,
    ) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.id: str = reference.id
        self.route: str = reference.route
        self.key: str | None = reference.key
        self.created_at: float | None = reference.created_at
        self.provider: str = reference.provider
        self.submitted_at: float | None = submitted_at
        self.request: Request | None = request
        self._described = described
        self.task: Task | None = None
        self.poll_errors: int = 0
        self.last_error: CometRunwayError | None = None
        self._ended: asyncio.Future[Task] | None = None
        self.watcher: Watcher | None = None
        """The scheduler that polls the task; None if it is not polled."""

    @property
    def reference(self) -> TaskReference:
        """The data that identify the task in another session."""
        return TaskReference(
            id=self.id, route=self.route, key=self.key, created_at=self.created_at, provider=self.provider
        )

    @property
    def asked(self) -> Asked:
        """The request, or its description."""
        return self.request or self._described or None  # a pruned journal has no description

    @property
    def model(self) -> str | None:
        """The model of the request; None if it is not known."""
        return getattr(self.request, "model", None)

    @property
    def has_ended(self) -> bool:
        """Whether the task has a final status at the server. Its files may not be on disk yet."""
        return self.task is not None and self.task.status.is_terminal

    def ended(self) -> "asyncio.Future[Task]":
        """Return the future of the task's end. The first call makes it, because most waiters want only the files."""
        if self._ended is None:
            self._ended = self.get_loop().create_future()
            if self.task is not None and self.has_ended:
                self._ended.set_result(self.task)
            elif self.done() and (error := self.exception()) is not None:
                _fail(self._ended, error)
        return self._ended

    def end(self, task: Task, *, ended_at: float | None = None) -> Task:
        """Record the task with its final status; return it with its times."""
        submitted, accepted, ended = map(moment, (self.submitted_at, self.created_at, ended_at))
        self.task = task = evolve(task, submitted_at=submitted, accepted_at=accepted, ended_at=ended)
        if self._ended is not None:
            self._ended.set_result(task)
        return task

    def deliver(self, task: Task, *, delivered_at: float) -> None:
        """Record that the task's files are on disk; `set_result` then returns them to all waiters."""
        self.task = evolve(task, delivered_at=moment(delivered_at))

    def fail(self, error: Exception) -> None:
        """Fail the unfinished waits with this error. Frames with signed URLs are removed from a `CometRunwayError`."""
        if isinstance(error, CometRunwayError):
            drop_frames(error)
        for future in (self._ended, self):
            if future is not None and not future.done():
                _fail(future, error)

    def __repr__(self) -> str:
        return f"<TaskFuture {self.reference!r}>"


def _fail(future: "asyncio.Future[Any]", error: BaseException) -> None:
    future.set_exception(error)
    future.exception()  # marks it as retrieved, so that asyncio does not log it a second time


@frozen
class _DoneCallback:
    """Adapts a callback of a handle to its future. Two adapters of the same callback are equal."""

    callback: "Callable[[TaskHandle], object]"
    handle: "TaskHandle" = field(eq=id)

    def __call__(self, _future: object) -> None:
        self.callback(self.handle)


class TaskHandle(AsyncOnly, Displayed):
    """A local reference to one paid remote task.

    `await handle` returns the task's files when they are downloaded, or raises the reason why there are none. It is a
    tuple of `Asset` also if there is one file: write `[clip] = await handle`, and then `clip.path`. Any number of
    waiters may await it. If one of them is cancelled or times out, the others and the task are not affected.

    A handle is not an `asyncio.Future`. `asyncio.wait`, `gather`, `wait_for` and `as_completed` accept it;
    `asyncio.create_task` accepts `handle.wait()`. A handle can be pickled. In another process or another session, call
    `Session.attach(handle.token)` to wait for the task.
    """

    __slots__ = ("_future", "_reference")

    _how_to_read = "its files come with await, as in `[asset] = await handle`"

    def __init__(self, reference: TaskReference, future: TaskFuture | None = None) -> None:
        self._reference = reference
        self._future = future

    @property
    def id(self) -> str:
        """The task's id at the server; empty if the submission was refused, is in doubt or was not sent."""
        return self._reference.id

    @property
    def key(self) -> str | None:
        """Your name for the submission; None if you gave none."""
        return self._reference.key

    @property
    def route(self) -> str:
        """The route that created the task, such as `image_to_video`."""
        return self._reference.route

    @property
    def provider(self) -> str:
        """The name of the task's provider, such as `cometapi`."""
        return self._reference.provider

    @property
    def token(self) -> str:
        """A short text without secrets. `Session.attach(token)` waits for the task in any process, at any time."""
        return self._reference.to_token()

    @property
    def request(self) -> Request | None:
        """The request that was submitted; None for a task from elsewhere."""
        return self._future.request if self._future else None

    @property
    def task(self) -> Task | None:
        """The task in its latest known state; None before the first answer to a poll."""
        return self._future.task if self._future else None

    @property
    def poll_errors(self) -> int:
        """How many polls have failed so far."""
        return self._future.poll_errors if self._future else 0

    @property
    def last_error(self) -> CometRunwayError | None:
        """The error of the latest poll that failed; None if none has failed."""
        return self._future.last_error if self._future else None

    @property
    def eta(self) -> float | None:
        """The expected seconds until the task has ended at the server; None until it can be estimated."""
        return None if self._future is None else eta_of((self._future,))

    if not TYPE_CHECKING:  # a type checker finds the mistake by itself

        def __getattr__(self, name: str) -> NoReturn:
            if name in _OF_FILES:
                cure = f"its files have it, as in `[asset] = await handle` and then `asset.{name}`"
            elif name in _OF_TASKS:
                cure = f"its task has it, as in `task = await handle.wait()` and then `task.{name}`"
            else:
                cure = "its files come with `[asset] = await handle`, and its task so far is `handle.task`"
            raise AttributeError(f"a {type(self).__name__} has no attribute {name!r}: {cure}", name=name, obj=self)

    def done(self) -> bool:
        """Whether `await` returns or raises at once."""
        return self._attached().done()

    def exception(self) -> BaseException | None:
        """Return the error of `await`, or None if it returns; `asyncio.InvalidStateError` if the handle is not done."""
        return self._finished().exception()

    def result(self) -> tuple[Asset, ...]:
        """Return or raise what `await` does; `asyncio.InvalidStateError` if the handle is not done."""
        return self._finished().result()

    def add_done_callback(self, callback: "Callable[[TaskHandle], object]") -> None:
        """Call `callback(handle)` from the event loop when the handle is done."""
        self._awaitable().add_done_callback(_DoneCallback(callback, self))

    def remove_done_callback(self, callback: "Callable[[TaskHandle], object]") -> int:
        """Remove all registrations of `callback`; return how many there were."""
        return self._attached().remove_done_callback(_DoneCallback(callback, self))

    def cancelled(self) -> bool:
        """Return False: a wait can be cancelled, a handle cannot. `asyncio.wait` needs this method."""
        return self._attached().cancelled()

    async def wait(self) -> Task:
        """Wait until the task has ended, and return it. It may have failed. Does not wait for its files.

        Raises:
            TaskTimeoutError: the poll policy's deadline has passed; the task goes on at the server.
            APIError: no later poll can succeed (401, 403, or an id that the API does not know).
        """
        future = self._awaitable()
        return await followed(asyncio.shield(future.ended()), future)

    async def cancel(self) -> Task:
        """Ask the provider to cancel the task; wait until it is CANCELLED, or SUCCEEDED if it ended before that.

        The files of a task that succeeded are downloaded. If a task succeeds after the last poll and before the request
        to cancel, the provider deletes it, and it counts as cancelled. A task that has ended needs no request.

        Raises:
            CancelNotSupportedError: the provider has no request to cancel; the task goes on.
            APIError, TransportError: the cancellation failed, or its outcome is unknown; polling goes on.
        """
        future = self._attached()
        if future.watcher is not None and not future.has_ended:
            await future.watcher.cancel(future)
        return await self.wait()

    def __await__(self) -> Generator[Any, None, tuple[Asset, ...]]:
        future = self._awaitable()
        return followed(asyncio.shield(future), future).__await__()

    def __repr__(self) -> str:
        state = self.task.status.value if self.task else "not polled yet"
        return f"<TaskHandle {self.route} {self.id or 'without an id'} key={self.key!r} {state}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return TaskHandle, (self._reference,)

    def _attached(self) -> TaskFuture:
        if self._future is None:
            raise RuntimeError(f"{self!r} is a copy: attach it to a session first, session.attach(handle.token)")
        return self._future

    def _finished(self) -> TaskFuture:
        future = self._attached()
        if not future.done():
            raise asyncio.InvalidStateError(f"{self!r} is not done: `[asset] = await handle` waits for its files")
        return future

    def _awaitable(self) -> TaskFuture:
        future = self._attached()
        if not future.done() and future.get_loop() is not asyncio.get_running_loop():
            raise RuntimeError(
                f"{self!r} belongs to another event loop, that of its Session. From another thread, use "
                "asyncio.run_coroutine_threadsafe(handle.wait(), loop); after a fork, or in another "
                "asyncio.run(), attach(handle.token) to a Session that was opened there"
            )
        return future


def handle_of(future: TaskFuture) -> TaskHandle:
    """Return a handle on the task of a future."""
    return TaskHandle(future.reference, future)


def future_of(handle: TaskHandle) -> TaskFuture | None:
    """Return the future of the handle's task; None for a copy."""
    return handle._future  # noqa: SLF001 - of this module


def eta_of(futures: Collection[TaskFuture]) -> float | None:
    """Return the expected seconds until the last of these has ended; None until it can be estimated."""
    watcher = next((future.watcher for future in futures if future.watcher is not None), None)
    return None if watcher is None else watcher.eta_of(futures)
