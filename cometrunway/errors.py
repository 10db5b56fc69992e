"""All errors that this package raises, apart from `ValueError` and `RuntimeError` for wrong use.

    CometRunwayError
    ├── CancelNotSupportedError     the provider has no way to cancel a task; it goes on
    ├── BalanceNotSupportedError    the provider has no request for the balance
    ├── TransportError              no answer: DNS, TLS, reset, timeout
    │   ├── ProxyError              a proxy does not pass the request on
    │   ├── TLSError                no secure connection: a certificate, a TLS version
    │   └── OutcomeUnknownError     a create that may have been billed
    ├── APIError                    an answer that refuses
    │   ├── AuthenticationError     401
    │   ├── PermissionDeniedError   403
    │   ├── InsufficientBalanceError
    │   ├── InvalidRequestError     400, 422, and the gateway's 500 "invalid_request"
    │   ├── ModelUnavailableError   503 "model_not_found"
    │   ├── TaskNotFoundError       "task_not_exist", once it can no longer mean "not yet"
    │   ├── RateLimitedError        429
    │   └── ServerError             any other 5xx
    ├── ProtocolError               no answer of the API: HTML, a redirect, an undocumented body
    ├── TaskError                   the task has no result
    │   ├── TaskFailedError
    │   │   └── ModerationError
    │   ├── TaskCancelledError
    │   └── TaskTimeoutError        we stopped waiting; also a TimeoutError
    ├── DownloadError               the file could not be downloaded
    │   └── AssetExpiredError
    ├── UploadError                 a local file could not be uploaded; nothing was submitted
    ├── BudgetError                 a budget is used up, or submitting was stopped
    ├── KeyUsedError                a key was probably paid for before, and there is no journal
    ├── KeyConflictError            a key belongs to another request
    ├── SubmissionQueueFullError    too many submissions wait
    ├── TasksOwedError              the session was closed while tasks were unfinished, and no journal has them
    └── JournalError                the journal cannot be used
        ├── JournalRequiredError    the call needs a journal, and the session has none
        ├── JournalInUseError       another session writes it
        └── JournalUnavailableError it cannot be written now: locked, disk full, read-only

Every error can be pickled, copied and hashed. Its message names the task and the route.
The page "Errors from A to Z" has a section for each, with cause and cure; `error.help` names it.
"""

import re
from collections.abc import Mapping
from typing import Any, Self

from attrs import evolve

from cometrunway._media._urls import without_query
from cometrunway._tasks import Asset, Task, TaskStatus


class UnknownValueWarning(UserWarning):
    """A model, a ratio or another value is not known at the provider. It is sent; the API accepts or refuses it."""


class MediaWarning(UserWarning):
    """An image or a URL that the API may refuse or misread; it is sent, and the API decides."""


class CometRunwayError(Exception):
    """The root of all errors of this package."""

    retryable: bool = False
    """Whether the same call may succeed later. A repeated submission may be paid for again: see each class."""
    http_status: int = 502
    """The HTTP status with which a web server answers a request that this error ends. That of the API is `status`."""

    route: str | None = None
    """The route of the request, such as `image_to_video`."""
    task_id: str | None = None
    key: str | None = None
    """Your name for the submission."""
    token: str | None = None
    """A short text without secrets. `Session.attach(token)` waits for the task in any process, at any time."""

    @property
    def help(self) -> str:
        """Where the documentation has cause and cure: the page, and the section as a stable anchor at the end.

        Such as `see "Errors from A to Z" in the documentation, errors#downloaderror`.
        """
        ours = next(cls for cls in type(self).__mro__ if cls.__module__ == __name__)
        return f'see "Errors from A to Z" in the documentation, errors#{ours.__name__.lower()}'

    @property
    def message(self) -> str:
        """What went wrong, without the route, task and key that `str()` adds."""
        return str(self.args[0])

    def about(self, *, route: str | None = None, task_id: str | None = None, key: str | None = None) -> Self:
        """Set the route, task and key that are not yet set; return the error."""
        self.route = self.route or route
        self.task_id = self.task_id or task_id
        self.key = self.key or key
        return self

    def __str__(self) -> str:
        subjects = (("route", self.route), ("task", self.task_id), ("shot", self.key))
        # A key may equal a word of the message by chance, so the key is always added.
        unsaid = [f"{name}={value}" for name, value in subjects if value and (name == "shot" or not self._says(value))]
        return f"{self.message} ({' '.join(unsaid)})" if unsaid else self.message

    def _says(self, word: str) -> bool:
        return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", self.message) is not None

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, self.__dict__)


def _restored(error_type: type[CometRunwayError], args: tuple[Any, ...], state: Mapping[str, Any]) -> CometRunwayError:
    # `__init__` is not called, because a subclass may have required parameters.
    error = error_type.__new__(error_type, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class CancelNotSupportedError(CometRunwayError):
    """The provider has no way to cancel a task."""

    http_status = 501


class BalanceNotSupportedError(CometRunwayError):
    """The provider has no request for the balance."""

    http_status = 501


class TransportError(CometRunwayError):
    """No answer came."""

    retryable = True

    def __init__(self, message: str, *, may_have_been_sent: bool = True, host: str | None = None) -> None:
        super().__init__(message)
        self.may_have_been_sent = may_have_been_sent
        """False only if it is certain that the request did not reach its host."""
        self.host = host
        """The host to which no connection could be made; None if the connection was made."""


class ProxyError(TransportError):
    """A proxy refused to pass the request on: it needs credentials, or does not allow the host."""

    retryable = False

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message, may_have_been_sent=False)
        self.status = status
        """The proxy's HTTP status, such as 407."""


class TLSError(TransportError):
    """No secure connection can be made: a certificate that does not verify, or no TLS version in common.

    Nothing was sent. The message names the host and the cure. A wait for a task goes on until its deadline.
    """

    retryable = False

    def __init__(self, message: str, *, host: str) -> None:
        super().__init__(message, may_have_been_sent=False, host=host)


class OutcomeUnknownError(TransportError):
    """A create was sent, and its outcome is not known: the task may exist and may be billed.

    The submission is never repeated automatically. `__cause__` is the error that came instead of an answer.
    """

    retryable = False


class APIError(CometRunwayError):
    """The API answered, and refused."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        body: bytes = b"",
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status; 200 if the refusal was in the body of a successful answer."""
        self.code = code
        """The API's error code, such as `quota_not_enough`."""
        self.body = body
        """The first 2,000 bytes of the answer."""
        self.request_id = request_id
        """The API's id of the request; the provider's support asks for it."""


class AuthenticationError(APIError):
    """401: the key is missing, wrong or revoked. The message says where the key came from, and never shows it."""

    key_origin: str | None = None
    """Where the key came from: `the environment variable COMETAPI_KEY`, or `the option api_key`."""

    @property
    def message(self) -> str:
        """What the API answered, and where the key came from."""
        return super().message + (f"; the key came from {self.key_origin}" if self.key_origin else "")


class PermissionDeniedError(APIError):
    """403: the key may not do this."""


class InsufficientBalanceError(APIError):
    """The account's balance or the key's own quota is exhausted."""


class InvalidRequestError(APIError):
    """The request is wrong. Sent again, it gets the same answer."""

    http_status = 422


class ModelUnavailableError(APIError):
    """The gateway does not offer this model: its name is misspelled, or the gateway no longer has it."""

    http_status = 422

    @property
    def message(self) -> str:
        """What the API answered, and where the known models are listed."""
        return f'{super().message}; choose another model: "Which route and model?" in the documentation lists them'


class TaskNotFoundError(APIError):
    """The API does not know this task id, or the task belongs to another account."""

    http_status = 404


class RateLimitedError(APIError):
    """429: too many requests. The request was not accepted, and is not billed."""

    http_status = 503
    retryable = True
    retry_after: float | None = None
    """The seconds to wait, if the server named them."""


class ServerError(APIError):
    """5xx: the gateway, or a server behind it, failed."""

    retryable = True


class ProtocolError(CometRunwayError):
    """An answer that is not what the API documents."""

    retryable = True

    def __init__(self, message: str, *, status: int, body: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        """The first 2,000 bytes of the answer."""


class TaskError(CometRunwayError):
    """The task did not succeed, or was not waited for to its end."""

    def __init__(self, message: str, *, task: Task, route: str | None = None, token: str | None = None) -> None:
        super().__init__(message)
        self.task = task
        """The task in the state that the latest poll found."""
        self.task_id: str | None = task.id
        self.route = route
        self.token = token

    @staticmethod
    def of(task: Task, *, route: str) -> "TaskError":
        """Return the error of a task that failed or was cancelled."""
        failure = task.failure
        reason = failure.message if failure else "no reason given"
        code = f" [{failure.code}]" if failure and failure.code else ""
        if task.status is TaskStatus.CANCELLED:
            error_type: type[TaskError] = TaskCancelledError
        else:
            error_type = ModerationError if failure and failure.moderated else TaskFailedError
        return error_type(f"task {task.id} {task.status.value.lower()}: {reason}{code}", task=task, route=route)


class TaskFailedError(TaskError):
    """The task failed at the server; `error.task.failure` says why."""


class ModerationError(TaskFailedError):
    """Content moderation refused the input or the output."""

    http_status = 422


class TaskCancelledError(TaskError):
    """The task was cancelled on the server."""


class TaskTimeoutError(TaskError, TimeoutError):
    """The deadline of the wait has passed. The task goes on; `Session.attach(error.token)` waits for it again."""

    http_status = 504


class DownloadError(CometRunwayError):
    """A task succeeded, but one of its files could not be downloaded. `Session.attach` tries again."""

    assets: tuple[Asset, ...] = ()
    """The task's other files, which are on disk."""

    def __init__(self, message: str, *, asset: Asset, retryable: bool = True) -> None:
        super().__init__(message)
        self.asset = asset
        """The file that is missing; if several are missing, the first of them."""
        self.retryable = retryable

    def __reduce__(self) -> tuple[Any, ...]:
        state = {**self.__dict__, "asset": _unsigned(self.asset)}
        if self.assets:
            state["assets"] = tuple(map(_unsigned, self.assets))
        return _restored, (type(self), self.args, state)


def _unsigned(asset: Asset) -> Asset:
    """Return a file whose URLs have lost their signatures."""
    return evolve(asset, url=without_query(asset.url), link=asset.link and without_query(asset.link))


class AssetExpiredError(DownloadError):
    """The file's URL has expired, and the server gives no new one."""

    def __init__(self, message: str, *, asset: Asset) -> None:
        super().__init__(message, asset=asset, retryable=False)


class UploadError(CometRunwayError):
    """A local file could not be uploaded, so that nothing was submitted. `__cause__` is the error behind it, if any."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class BudgetError(CometRunwayError):
    """A budget is used up, or submitting was stopped. Nothing was sent."""

    http_status = 402


class KeyUsedError(CometRunwayError):
    """A key was probably paid for before, and no journal has it. Nothing was sent.

    It names files that are in `output_dir` already, and there is no journal, or it is new; or the session has submitted
    it long before.
    """

    http_status = 409

    def __init__(self, message: str, *, keys: tuple[str, ...]) -> None:
        super().__init__(message)
        self.keys = keys
        """The keys, of those that were to be submitted."""


class KeyConflictError(CometRunwayError):
    """The key belongs to another request, in the journal or in this session. Nothing was sent."""

    http_status = 409


class SubmissionQueueFullError(CometRunwayError):
    """`max_waiting` submissions of the session wait already. Nothing was sent."""

    http_status = 503
    retryable = True


class TasksOwedError(CometRunwayError):
    """The session was closed while tasks were unfinished, and no journal has them. They are paid for, and go on.

    Only a session without a journal raises it, when it is closed. If another error leaves the `async with` block, that
    error is raised, and gets the text of this one as a note.
    """

    def __init__(self, message: str, *, tokens: tuple[str, ...]) -> None:
        super().__init__(message)
        self.tokens = tokens
        """One token for each task, for `Session.attach`."""


class JournalError(CometRunwayError):
    """The journal cannot be opened, read or written. Nothing was sent."""

    http_status = 500

    tokens: tuple[str, ...] = ()
    """The tokens, for `Session.attach`, of tasks that exist and could not be recorded before the journal was closed."""


class JournalRequiredError(JournalError):
    """The operation needs a journal, and the session has none. Nothing was sent."""


class JournalInUseError(JournalError):
    """Another session uses the journal; the message says whether it is in this process. Nothing was sent."""

    http_status = 503
    retryable = True


class JournalUnavailableError(JournalError):
    """The journal cannot be written now: another program has locked it, its disk is full or fails, or it is read-only.

    Until the journal can be written, no create is sent. The id of a task that exists already is kept in memory, and is
    recorded as soon as possible; `token` is that task's token.
    """

    http_status = 503
    retryable = True
