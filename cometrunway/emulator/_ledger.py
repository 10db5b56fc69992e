"""The books: tasks that were billed, requests that came, callbacks that went, credentials that leaked."""

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
"""A creation route's name and the digest of a body, which is the same for equal JSON whatever its formatting."""


@define(kw_only=True, eq=False)
class LoggedRequest:
    """A request that came.

    Attributes:
        time: Seconds on the event loop's clock.
        origin: `api` or `asset`.
        operation: `create`, `poll`, `asset` or `other`.
        method: Upper case.
        path: Without the query, for that may be a signature.
        headers: Names in lower case.
        body: The first 4,096 bytes.
        size: How many bytes the body had.
        digest: Of a create's whole body, see `digest_of`; else empty.
        route: The creation route's name, else empty.
        fault: The name of the fault that it met, else `ok`.
        status: The status that was answered; None while there is none, and for good if the connection was dropped.
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
        """The parsed body; None if it is no JSON, or longer than what is kept."""
        return Received(method=self.method, path=self.path, body=self.body).json


@frozen(kw_only=True)
class LeakedCredential:
    """A credential that the asset origin was sent.

    Attributes:
        time: Seconds on the event loop's clock.
        path: Which file was asked for.
        where: `header authorization`, `url` and so on; never the credential itself.
    """

    time: float
    path: str
    where: str


@frozen(kw_only=True)
class PostedCallback:
    """A callback that was sent. Hosts other than loopback are never contacted, and appear nowhere.

    Attributes:
        time: Seconds on the event loop's clock.
        task_id: Whose.
        url: Where to.
        body: The JSON value.
        status: What was answered, None without an answer.
        error: Why there is no answer, else None.
    """

    time: float
    task_id: str
    url: str
    body: Mapping[str, Any]
    status: int | None = None
    error: str | None = None


@define(kw_only=True, eq=False)
class Creates:
    """What tells whether anybody paid twice. Give each shot a body of its own for it to mean something.

    Attributes:
        received: Creation requests that came.
        accepted: Those that made a task: what a user is billed for.
        accepted_bodies: The same by route and digest; a count above 1 was billed twice.
        repeats: How often a body came again although an earlier request with it was not provably refused. A refusal
            is 429 or another 4xx but 408, 409 and 425, and 503 `model_not_found`: after any other answer, or none,
            a client cannot know, and must not send again.
    """

    received: int = 0
    accepted: int = 0
    accepted_bodies: Counter[BodyKey] = field(factory=Counter)
    repeats: Counter[BodyKey] = field(factory=Counter)
    _open: Counter[BodyKey] = field(init=False, factory=Counter)

    def count(self, route: str, body: object) -> int:
        """How many tasks a body made on a route."""
        return self.accepted_bodies[route, digest_of(body)]

    def receive(self, key: BodyKey) -> None:
        """Enter a request."""
        self.received += 1
        self.repeats.update([key] if self._open[key] else [])
        self._open[key] += 1

    def refuse(self, key: BodyKey) -> None:
        """Enter the proof that a request was not acted upon."""
        self._open[key] -= 1

    def accept(self, key: BodyKey) -> None:
        """Enter a task."""
        self.accepted += 1
        self.accepted_bodies[key] += 1


@define(kw_only=True, eq=False)
class Ledger:
    """All of the books."""

    log_limit: int
    api_key: str = field(repr=False)
    tasks: dict[str, EmulatedTask] = field(init=False, factory=dict)
    creates: Creates = field(init=False, factory=Creates)
    counts: Counter[str] = field(init=False, factory=Counter)
    leaks: list[LeakedCredential] = field(init=False, factory=list)
    callbacks: list[PostedCallback] = field(init=False, factory=list)
    requests: deque[LoggedRequest] = field(init=False)

    @requests.default
    def _empty_log(self) -> deque[LoggedRequest]:
        return deque(maxlen=self.log_limit)

    def open(self, received: Received, *, time: float, origin: str, operation: Operation, route: str) -> LoggedRequest:
        """Enter a request."""
        entry = LoggedRequest(
            time=time,
            origin=origin,
            operation=operation,
            method=received.method,
            path=received.path,
            headers=received.headers,
            body=received.body[:_KEPT],
            size=len(received.body),
            digest=received.digest if operation == "create" else "",
            route=route,
        )
        self.requests.append(entry)
        self.counts[operation] += 1
        if operation == "create":
            self.creates.receive((route, entry.digest))
        if origin == "asset":
            found = (LeakedCredential(time=time, path=received.path, where=it) for it in _leaks(received, self.api_key))
            self.leaks.extend(found)
        return entry

    def close(self, entry: LoggedRequest, answer: Answer | None) -> None:
        """Enter what was answered, None for a dropped connection."""
        if answer is None:
            return
        entry.status = answer.status
        refused = answer.refuses or (400 <= answer.status < 500 and answer.status not in _MAY_HAVE_ACTED)
        if entry.operation == "create" and refused:
            self.creates.refuse((entry.route, entry.digest))

    def enter(self, task: EmulatedTask) -> None:
        """Enter a task."""
        self.tasks[task.id] = task
        self.creates.accept((task.route, task.digest))


def _leaks(received: Received, api_key: str) -> Iterator[str]:
    if api_key in received.path or api_key in received.query:
        yield "url"
    for name, value in received.headers.items():
        if name in _SECRET_HEADERS or api_key in value:
            yield f"header {name}"
