"""The records of the emulator: billed tasks, requests, callbacks, and credentials sent to the wrong origin."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field, frozen

from cometrunway.emulator._exchange import Answer, Operation, Received, digest_of
from cometrunway.emulator._tasks import EmulatedTask

_KEPT = 4096
_SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie", "x-api-key")
_MAY_HAVE_ACTED = frozenset({408, 409, 425})

BodyKey = tuple[str, str]
"""A route's name and the digest of a body. Bodies with equal JSON have the same digest."""


@define(kw_only=True, eq=False)
class LoggedRequest:
    """A request that the emulator received.

    Attributes:
        time: Seconds on the event loop's clock.
        origin: `api`, `asset` or `storage`.
        operation: `create`, `poll`, `asset`, `upload`, `storage` or `other`.
        method: Upper case.
        path: Without the query, which may hold a signature.
        headers: Names in lower case.
        body: The first 4,096 bytes.
        size: The length of the body in bytes; of a form, that of its file.
        digest: The `digest_of` the whole body of a create; else empty.
        route: The route of a create; else empty.
        fault: The name of its fault; `ok` without a fault.
        status: The HTTP status of the answer; None if there is no answer yet, or the connection was dropped.
        task_id: The task that was created or polled, if known.
    """

    time: float
    origin: str
    operation: Operation
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    size: int
    digest: str = ""
    route: str = ""
    fault: str = "ok"
    status: int | None = None
    task_id: str | None = None

    @property
    def json(self) -> Any:
        """The parsed body; None if it is not JSON, or longer than 4,096 bytes."""
        return Received(method=self.method, path=self.path, body=self.body).json


@frozen(kw_only=True)
class LeakedCredential:
    """A credential that was sent to the asset origin or to the storage.

    Attributes:
        time: Seconds on the event loop's clock.
        path: The path of the file.
        where: The place of the credential, such as `header authorization` or `url`; never the credential itself.
    """

    time: float
    path: str
    where: str


@define(kw_only=True, eq=False)
class EmulatedUpload:
    """A file that was announced, and perhaps sent.

    Attributes:
        uri: What stands for it in requests, `runway://...`.
        filename: As it was announced.
        size: Bytes; None before it was sent.
        sha256: The digest of its content, in hexadecimal.
        media_type: Its content type, as the form stated it.
        stored_at: Seconds on the event loop's clock; None before.
        expires_at: From when its URI is refused.
    """

    uri: str
    filename: str
    size: int | None = None
    sha256: str | None = None
    media_type: str | None = None
    stored_at: float | None = None
    expires_at: float = 0.0

    def is_good(self, now: float) -> bool:
        """Whether its URI is taken."""
        return self.stored_at is not None and now < self.expires_at


@frozen(kw_only=True)
class PostedCallback:
    """A callback that the emulator sent. It sends callbacks to loopback addresses only.

    Attributes:
        time: Seconds on the event loop's clock.
        task_id: The id of the task.
        url: The URL of the post.
        body: The JSON value.
        status: The HTTP status of the answer; None without an answer.
        error: Why there is no answer; None if there is one.
    """

    time: float
    task_id: str
    url: str
    body: Mapping[str, Any]
    status: int | None = None
    error: str | None = None


@define(kw_only=True, eq=False)
class Creates:
    """The creates that the emulator received. If shots differ in their bodies, it shows whether one was paid for twice.

    Attributes:
        received: The number of creates.
        accepted: The number of creates that made a task. Each of them is billed.
        accepted_bodies: The accepted creates by route and digest. A count above 1 means that a body was billed twice.
        repeats: The creates whose body came before, in a request that was not provably refused. A refusal is 503
            `model_not_found`, 429, or another 4xx except 408, 409 and 425. After any other answer, or none, a client
            cannot know the outcome and must not send the create again.
    """

    received: int = 0
    accepted: int = 0
    accepted_bodies: Counter[BodyKey] = field(factory=Counter)
    repeats: Counter[BodyKey] = field(factory=Counter)
    _open: Counter[BodyKey] = field(init=False, factory=Counter)

    def count(self, route: str, body: object) -> int:
        """Return the number of tasks that this body made on this route."""
        return self.accepted_bodies[route, digest_of(body)]

    def receive(self, key: BodyKey) -> None:
        """Record a request."""
        self.received += 1
        self.repeats.update([key] if self._open[key] else [])
        self._open[key] += 1

    def refuse(self, key: BodyKey) -> None:
        """Record that a request provably had no effect."""
        self._open[key] -= 1

    def accept(self, key: BodyKey) -> None:
        """Record a task."""
        self.accepted += 1
        self.accepted_bodies[key] += 1


@define(kw_only=True, eq=False)
class Ledger:
    """All records of the emulator."""

    log_limit: int
    api_key: str = field(repr=False)
    tasks: dict[str, EmulatedTask] = field(init=False, factory=dict)
    creates: Creates = field(init=False, factory=Creates)
    counts: Counter[str] = field(init=False, factory=Counter)
    leaks: list[LeakedCredential] = field(init=False, factory=list)
    callbacks: list[PostedCallback] = field(init=False, factory=list)
    uploads: dict[str, EmulatedUpload] = field(init=False, factory=dict)
    requests: deque[LoggedRequest] = field(init=False)

    @requests.default
    def _empty_log(self) -> deque[LoggedRequest]:
        return deque(maxlen=self.log_limit)

    def open(self, received: Received, *, time: float, origin: str, operation: Operation, route: str) -> LoggedRequest:
        """Record a request."""
        entry = LoggedRequest(
            time=time,
            origin=origin,
            operation=operation,
            method=received.method,
            path=received.path,
            headers=received.headers,
            body=received.body[:_KEPT],
            size=received.file.size if received.file else len(received.body),
            digest=received.digest if operation == "create" else "",
            route=route,
        )
        self.requests.append(entry)
        self.counts[operation] += 1
        if operation == "create":
            self.creates.receive((route, entry.digest))
        if origin != "api":
            found = (LeakedCredential(time=time, path=received.path, where=it) for it in _leaks(received, self.api_key))
            self.leaks.extend(found)
        return entry

    def close(self, entry: LoggedRequest, answer: Answer | None) -> None:
        """Record the answer of a request; None for a dropped connection."""
        if answer is None:
            return
        entry.status = answer.status
        refused = answer.refuses or (400 <= answer.status < 500 and answer.status not in _MAY_HAVE_ACTED)
        if entry.operation == "create" and refused:
            self.creates.refuse((entry.route, entry.digest))

    def enter(self, task: EmulatedTask) -> None:
        """Record a task."""
        self.tasks[task.id] = task
        self.creates.accept((task.route, task.digest))


def _leaks(received: Received, api_key: str) -> Iterator[str]:
    if api_key in received.path or api_key in received.query:
        yield "url"
    if any(api_key in value for value in (received.form or {}).values()):
        yield "form"
    for name, value in received.headers.items():
        if name in _SECRET_HEADERS or api_key in value:
            yield f"header {name}"
