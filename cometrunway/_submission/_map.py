"""A batch: requests in, handles out in the order of their ends, with only a window of them held."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextvars import Context, copy_context
from typing import Any

from attrs import define, field

from cometrunway._handle import TaskHandle, Ticket
from cometrunway._requests._routes import Request
from cometrunway._requests._shot import Shot

Requests = Iterable[Request | Shot] | AsyncIterable[Request | Shot]
Submit = Callable[[Request | Shot], Awaitable[Ticket]]
"""Returns when the task exists; a refusal comes back as a ticket that has failed with it."""
Start = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


@define(kw_only=True, eq=False)
class Batch:
    """One pass over the requests.

    `is_pointless` tells of a refusal whether all that follow would be refused as well; `at_once` bounds how many
    submissions are unanswered, so that what is pointless stops soon; `in_flight` has a place for each unfinished task
    of the session; `window` bounds how many are not yet yielded.
    """

    requests: Requests
    submit: Submit
    start: Start
    start_feeder: Start
    is_pointless: Callable[[BaseException], bool]
    at_once: int
    in_flight: asyncio.Semaphore
    window: int
    _turns: asyncio.Semaphore = field(init=False)
    _places: asyncio.Semaphore = field(init=False)
    _ended: "asyncio.Queue[Ticket | None]" = field(init=False, factory=asyncio.Queue)
    _tell: Callable[[Ticket], None] = field(init=False)
    _context: Context = field(init=False, factory=copy_context)
    _held: int = field(init=False, default=0)
    _exhausted: bool = field(init=False, default=False)
    _stopped_by: BaseException | None = field(init=False, default=None)
    _feeder: "asyncio.Task[None] | None" = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._turns = asyncio.Semaphore(self.at_once)
        self._places = asyncio.Semaphore(self.window)
        self._tell = self._on_end

    async def handles(self) -> AsyncIterator[TaskHandle]:
        """Yield each handle once its files are home or its failure is known; then raise what cut the input short."""
        self._feeder = feeder = self.start_feeder(self._feed())
        try:
            while (ticket := await self._ended.get()) is not None:
                yield TaskHandle(ticket.reference, ticket)
                self._places.release()
        finally:
            feeder.cancel()
        if self._stopped_by is not None:
            raise self._stopped_by

    async def _feed(self) -> None:
        requests = _each(self.requests)
        try:
            while self._stopped_by is None:
                await self._places.acquire()
                await self._turns.acquire()
                submission = self.start(self._one(await anext(requests)))
                self._held += 1
                submission.add_done_callback(self._on_submitted)
        except StopAsyncIteration:
            pass
        except Exception as error:  # noqa: BLE001 - the user's own; raised to the user once all that is paid is home
            self._stopped_by = error
        except asyncio.CancelledError:
            self._cut_short()
            raise
        finally:  # also when the session is left: a consumer in another task must not wait for ever
            self._exhausted = True
            self._finish_if_done()

    async def _one(self, request: Request | Shot) -> None:
        await self.in_flight.acquire()
        try:
            ticket = await self.submit(request)
        except asyncio.CancelledError:
            self.in_flight.release()
            raise
        # One callback and one context serve all: what each of ten thousand holds is what the collector goes through.
        ticket.add_done_callback(self._tell, context=self._context)

    def _on_submitted(self, submission: "asyncio.Task[None]") -> None:
        self._turns.release()
        if submission.cancelled():
            self._cut_short()
            self._let_go()

    def _cut_short(self) -> None:
        if self._stopped_by is None:
            self._stopped_by = RuntimeError("the Session was left before map had submitted all its requests")

    def _on_end(self, ticket: Ticket) -> None:
        self.in_flight.release()
        error = ticket.exception()
        if error is not None and not ticket.id and self.is_pointless(error):
            self._stopped_by = error
            if self._feeder is not None:
                self._feeder.cancel()  # it may wait for input that never comes
        self._ended.put_nowait(ticket)
        self._let_go()

    def _let_go(self) -> None:
        self._held -= 1
        self._finish_if_done()

    def _finish_if_done(self) -> None:
        if self._exhausted and not self._held:
            self._ended.put_nowait(None)


async def _each(requests: Requests) -> AsyncIterator[Request | Shot]:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield request
    else:
        for request in requests:
            yield request
