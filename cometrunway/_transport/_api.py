"""The API's two verbs, create and look: wire, transport and retry put together."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from attrs import define

from cometrunway._policies import RetryPolicy, asked_pause, is_transient
from cometrunway._tasks import Task
from cometrunway._transport._aiohttp import Transport
from cometrunway._wire._decode import decode_created, decode_task
from cometrunway._wire._encode import poll
from cometrunway._wire._http import HttpRequest
from cometrunway._wire._refusals import proves_refusal
from cometrunway.errors import CometRunwayError, OutcomeUnknownError, RateLimitedError, TransportError

_T = TypeVar("_T")


@define
class Sending:
    """One submission on its way."""

    check_may_leave: Callable[[], None]
    """Asked before each time that its create is sent; raises why it may not be."""
    is_under_way: bool = False
    """Whether a create was sent whose answer is not known."""


class Api:
    """What one key may ask of one gateway."""

    def __init__(self, *, transport: Transport, retry: RetryPolicy, rng: Random) -> None:
        self._transport = transport
        self._retry = retry
        self._rng = rng
        self._refused_until = 0.0

    async def create(self, request: HttpRequest, sending: Sending) -> str:
        """Submit and return the task's id. The bytes leave again only if the earlier try provably had no effect.

        Raises:
            APIError: refused; nothing was created.
            TransportError: never sent; nothing was created.
            OutcomeUnknownError: anything else; a task may exist, and may be billed.
            BudgetError, RuntimeError: it may no longer leave; nothing was created.
        """
        return await self._repeated(lambda: self._create_once(request, sending))

    async def look(self, route: str, task_id: str) -> Task:
        """Look at the task once, with no retry."""
        response = await self._transport.call(poll(route, task_id))
        return decode_task(response, task_id=task_id)

    async def retrieve(self, route: str, task_id: str) -> Task:
        """Look at the task until an answer comes."""
        return await self._repeated(lambda: self.look(route, task_id))

    async def _create_once(self, request: HttpRequest, sending: Sending) -> str:
        await asyncio.sleep(self._refused_until - asyncio.get_running_loop().time())
        sending.check_may_leave()
        sending.is_under_way = True
        try:
            task_id = decode_created(await self._transport.create(request))
        except Exception as error:
            if isinstance(error, CometRunwayError) and _had_no_effect(error):
                sending.is_under_way = False
                self._share_the_pause(error)
                raise
            raise OutcomeUnknownError(
                f"POST {request.path} was sent and its outcome is unknown, so the task may exist and may be billed; "
                f"it was not sent again. Seen instead of an id: {str(error) or type(error).__name__}"
            ) from error
        return task_id

    def _share_the_pause(self, error: CometRunwayError) -> None:
        if isinstance(error, RateLimitedError):
            pause = asked_pause(error) or 0.0
            self._refused_until = max(self._refused_until, asyncio.get_running_loop().time() + pause)

    async def _repeated(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        for pause in self._retry.pauses(self._rng):
            try:
                return await attempt()
            except CometRunwayError as error:
                if not is_transient(error):
                    raise
                await asyncio.sleep(max(pause, asked_pause(error) or 0.0))
        return await attempt()


def _had_no_effect(error: CometRunwayError) -> bool:
    if isinstance(error, TransportError):
        return not error.may_have_been_sent
    return proves_refusal(error)
