"""The calls of the API, and uploads. A create is sent once, and its outcome is a value."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import TypeVar

from attrs import frozen

from cometrunway._handle import Asked
from cometrunway._media._inputs import LocalFile
from cometrunway._policies import RetryPolicy, asked_pause, is_transient
from cometrunway._tasks import Task
from cometrunway._transport._aiohttp import LARGE, Transport
from cometrunway._transport._storage import Progress, Storage
from cometrunway._wire._balance import Balance, Usage, balance_request, decode_balance, decode_usage, usage_request
from cometrunway._wire._decode import check_cancelled, decode_created, decode_task, named_id
from cometrunway._wire._encode import cancel_request, poll_request
from cometrunway._wire._http import HttpRequest, HttpResponse
from cometrunway._wire._identity import sent_for
from cometrunway._wire._provider import Provider
from cometrunway._wire._refusals import proves_refusal
from cometrunway._wire._uploads import UploadTarget, check_stored, decode_target, upload_name, upload_request
from cometrunway.errors import (
    AuthenticationError,
    CometRunwayError,
    OutcomeUnknownError,
    ProtocolError,
    ProxyError,
    TransportError,
)

_REMEMBERED = 10_000
"""How many ids are kept of the latest tasks that were created or polled."""
_T = TypeVar("_T")


@frozen
class Accepted:
    """The task exists, and is billed."""

    task_id: str


@frozen
class Refused:
    """Nothing was created, and nothing is billed."""

    error: BaseException


@frozen
class Unknown:
    """The task may exist, and may be billed."""

    error: OutcomeUnknownError


Outcome = Accepted | Refused | Unknown
"""The outcome of a create."""


class Api:
    """The calls that one key may make to one provider."""

    def __init__(
        self,
        *,
        transport: Transport,
        storage: Storage,
        provider: Provider,
        retry: RetryPolicy,
        rng: Random,
        answer_limit: int,
    ) -> None:
        self.provider = provider
        self._transport = transport
        self._storage = storage
        self._answer_limit = answer_limit
        self._retry = retry
        self._rng = rng
        self._known_ids: dict[str, None] = {}

    async def create(self, message: HttpRequest, *, may_begin: Callable[[], bool]) -> Outcome:
        """Send a create once, and return its outcome. It raises nothing; a cancellation is an outcome too.

        If the key is refused and has changed by then, the create is sent once more with the new key.

        Args:
            message: the request.
            may_begin: called at the last moment, when the connection is ready; False ends the create.
        """
        key = self._transport.key_number
        outcome = await self._created(message, may_begin)
        if not (isinstance(outcome, Refused) and isinstance(outcome.error, AuthenticationError)):
            return outcome
        outcome.error.key_origin = self._transport.key_origin
        try:
            is_renewed = await self._transport.renew_key(key)
        except asyncio.CancelledError as error:
            return Refused(error)
        return await self._created(message, may_begin) if is_renewed else outcome

    async def _created(self, message: HttpRequest, may_begin: Callable[[], bool]) -> Outcome:
        body = self._transport.create_body(message, may_begin)
        try:
            task_id = decode_created(await self._transport.create(message, body))
            if task_id not in self._known_ids:
                body.accepted()
            self._remember(task_id)
            return Accepted(task_id)
        except asyncio.CancelledError as error:
            if body.withdraw():
                return Refused(error)
            unknown = OutcomeUnknownError(
                "the Session was closed while this create was under way: the task may exist, and may be billed"
            )
            return Unknown(unknown)
        except Exception as error:  # noqa: BLE001 - any error after a create was sent leaves its outcome open
            if body.withdraw():
                return Refused(_not_sent(message, error))
            if isinstance(error, ProxyError) or (isinstance(error, CometRunwayError) and proves_refusal(error)):
                return Refused(error)
            unknown = OutcomeUnknownError(
                f"POST {message.path} was sent and its outcome is unknown, so the task may exist and may be billed; "
                f"it was not sent again. Seen instead of an id: {str(error) or type(error).__name__}"
            )
            unknown.__cause__ = error
            return Unknown(unknown)

    async def poll(self, route: str, task_id: str, asked: Asked = None) -> Task:
        """Ask for the task's state once, and again only if the key has changed; `asked` is the task's request."""
        return await self._with_key(partial(self._polled, route, task_id, asked))

    async def _polled(self, route: str, task_id: str, asked: Asked) -> Task:
        self._remember(task_id)
        response = await self._transport.call(poll_request(route, task_id, self.provider), limit=self._answer_limit)
        sent = None if asked is None else sent_for(asked)
        if len(response.body) > LARGE:
            task = await asyncio.to_thread(decode_task, response, task_id=task_id, sent=sent)
        else:
            task = decode_task(response, task_id=task_id, sent=sent)
        other = named_id(task) if task.status.is_terminal else None
        if other != task_id and other in self._known_ids:
            raise ProtocolError(
                f"the answer to the poll of task {task_id!r} describes task {other!r}",
                status=response.status,
                body=response.body[:2000],
            )
        return task

    def _remember(self, task_id: str) -> None:
        if task_id not in self._known_ids:
            self._known_ids[task_id] = None
            if len(self._known_ids) > _REMEMBERED:
                del self._known_ids[next(iter(self._known_ids))]

    async def cancel(self, route: str, task_id: str) -> None:
        """Cancel a task with one request. A second one would delete a task that has succeeded meanwhile.

        Raises:
            CancelNotSupportedError: the provider has no request for it; nothing was sent.
            APIError, TransportError: the cancellation failed, or its outcome is unknown.
        """
        await self._with_key(partial(self._cancelled, route, task_id))

    async def _cancelled(self, route: str, task_id: str) -> None:
        check_cancelled(await self._transport.call(cancel_request(route, task_id, self.provider)))

    async def upload(self, file: LocalFile, *, digest: str, on_progress: Progress) -> str:
        """Upload a file, as often as the retry policy allows, each time to another address; return its URI.

        Args:
            file: what to upload.
            digest: the SHA-256 of its content, in hexadecimal.
            on_progress: told how many bytes were sent, for each attempt anew.

        Raises:
            UploadError: the storage did not take it.
            APIError, ProtocolError, TransportError: the API, or the storage, gave no address or no answer.
            ValueError: the file is no longer what it was.
        """
        once = partial(self._uploaded, file, digest, on_progress)
        for pause in self._retry.pauses(self._rng):
            try:
                return await once()
            except CometRunwayError as error:
                if not is_transient(error):
                    raise
                await asyncio.sleep(max(pause, asked_pause(error) or 0.0))
        return await once()

    async def _uploaded(self, file: LocalFile, digest: str, on_progress: Progress) -> str:
        name = upload_name(file)
        target = await self._with_key(partial(self._upload_target, name))
        stored = await self._storage.store(target, file, name=name, digest=digest, on_progress=on_progress)
        check_stored(stored)
        return target.uri

    async def _upload_target(self, name: str) -> UploadTarget:
        return decode_target(await self._transport.call(upload_request(name, self.provider)))

    async def balance(self) -> Balance:
        """Ask for the balance, as often as the retry policy allows."""
        return await self._with_key(partial(self._read, balance_request(self.provider), decode_balance))

    async def usage(self) -> tuple[Usage, ...]:
        """Ask for the usage, as often as the retry policy allows."""
        return await self._with_key(partial(self._read, usage_request(self.provider), decode_usage))

    async def _with_key(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Make a call. If the key is refused and has changed by then, make it once more with the new key."""
        key = self._transport.key_number
        try:
            return await call()
        except AuthenticationError as error:
            error.key_origin = self._transport.key_origin
            if not await self._transport.renew_key(key):
                raise
        return await call()

    async def _read(self, message: HttpRequest, decode: Callable[[HttpResponse], _T]) -> _T:
        """Repeat a free request until the API itself answers, as often as the retry policy allows."""
        for pause in self._retry.pauses(self._rng):
            try:
                response = await self._transport.call(message)
            except TransportError:
                pass
            else:
                if response.status < 500 and response.status != 429:
                    return decode(response)
            await asyncio.sleep(pause)
        return decode(await self._transport.call(message))

    async def retrieve(self, route: str, task_id: str, asked: Asked = None) -> Task:
        """Ask for the task's state until an answer comes, as often as the retry policy allows."""
        try:
            return await self._retrieved(route, task_id, asked)
        except CometRunwayError as error:
            raise error.about(route=route, task_id=task_id)  # noqa: B904 - the same error, not a new one

    async def _retrieved(self, route: str, task_id: str, asked: Asked) -> Task:
        for pause in self._retry.pauses(self._rng):
            try:
                return await self.poll(route, task_id, asked)
            except CometRunwayError as error:
                if not is_transient(error):
                    raise
                await asyncio.sleep(max(pause, asked_pause(error) or 0.0))
        return await self.poll(route, task_id, asked)


def _not_sent(message: HttpRequest, error: Exception) -> TransportError:
    """Return the error of a create that was not begun, for any exception. Only a network error may be retried."""
    if isinstance(error, TransportError):
        error.may_have_been_sent = False
        return error
    never = TransportError(
        f"POST {message.path} was not sent: {type(error).__name__}: {error}", may_have_been_sent=False
    )
    never.retryable = False
    never.__cause__ = error
    return never
